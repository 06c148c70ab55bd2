"""A section and an exporter that an installed package brings, found through its entry points alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditkit import registry
from auditkit.cli.render import command as render_command
from auditkit.errors import PluginWarning, RegistryError
from auditkit.pipeline.steps.pages import write_pages
from auditkit.render.view.page import sections
from auditkit.render.write import html
from auditkit.render.write.exporter import Exporter
from auditkit.schema import Audit
from auditkit.schema.event import Event
from auditkit.store.folder import RunFolder

SECTION = """
from auditkit.render.view.section import Section

def view(index):
    if not index.audit.estimates:
        return None
    return {"estimates": str(len(index.audit.estimates)), "model": index.audit.subject.name}

section = Section(
    "energy", 650, view, "energy.html.j2", package="energy_report",
    words={"en": {"title": "Energy", "lead": "Counted over *all* {n} estimates of {model}."}},
)
"""
TEMPLATE = """{% from "macros.html.j2" import quoted %}
<section id="energy" aria-labelledby="energy-h">
<h2 id="energy-h">{{ say("energy.title") }}</h2>
<p>{{ say("energy.lead", n=view.estimates, model=quoted(view.model)) }} {{ say("terms.part.all") }}</p>
<p>{{ view.model }}</p>
</section>
"""
EXPORTER = """
from auditkit.render.write.exporter import exporter

@exporter("badge.txt")
def badge(audit):
    return audit.verdict.status.encode()
"""
Install = Callable[..., None]
BUILT_IN = ["index.html", "junit.xml", "report.md", "results.sarif"]


def _refresh() -> None:
    registry._entries.cache_clear()
    registry.get.cache_clear()
    html._environment.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with the package `energy_report` on the path, as an installation would."""

    def put(entry_points: str, template: str = TEMPLATE, **modules: str) -> None:
        package, info = tmp_path / "energy_report", tmp_path / "energy_report-1.0.dist-info"
        (package / "templates").mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text("")
        (package / "templates" / "energy.html.j2").write_text(template)
        for name, source in modules.items():
            (package / f"{name}.py").write_text(source)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: energy-report\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[auditkit]\n{entry_points}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        _refresh()

    yield put
    for name in [name for name in sys.modules if name.partition(".")[0] == "energy_report"]:
        del sys.modules[name]
    monkeypatch.undo()
    _refresh()


def _page(audit: Audit) -> str:
    return html.render(audit).decode("utf-8")


def test_built_in_sections_are_registered_in_the_order_of_the_page() -> None:
    loaded, broken = sections()
    assert [section.name for _, section in loaded] == [
        "results", "findings", "areas", "robustness", "attention", "gaps", "selftest", "methods", "cost", "reproduce"]
    assert broken == ()


def test_a_section_of_a_plugin_stands_in_its_place(audit: Audit, install: Install) -> None:
    before = _page(audit)
    install("section.energy = energy_report.section:section", section=SECTION)
    page = _page(audit)
    assert '<li><a href="#energy">Energy</a></li>' in page
    n = len(audit.estimates)
    name = '<bdi class="quoted" dir="auto">acme/support-llm-1.7b</bdi>'
    assert f"<p>Counted over <em>all</em> {n} estimates of {name}. all rows</p>" in page
    assert page.index('id="selftest"') < page.index('<section id="energy"') < page.index('id="methods"')
    start, end = page.index('<section id="energy"'), page.index('<section id="methods"')
    assert page.replace(page[start:end], "").replace('<li><a href="#energy">Energy</a></li>\n', "") == before


def test_its_texts_are_escaped(poisoned: Audit, install: Install) -> None:
    install("section.energy = energy_report.section:section", section=SECTION)
    page = _page(poisoned)
    part = page[page.index('<section id="energy"'):page.index('<section id="methods"')]
    assert part.count("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}") == 2
    assert "<script" not in part
    assert "\u202e" not in part


def test_a_section_without_data_is_left_out(audit: Audit, install: Install) -> None:
    install("section.energy = energy_report.section:section", section=SECTION)
    assert 'id="energy"' not in _page(audit.model_copy(update={"estimates": ()}))


@pytest.mark.parametrize(
    ("entry", "section", "template", "problem"),
    [
        ("section:section", SECTION.replace("if not", "raise ValueError('<b>no\\nmeter</b>')\n    if not"), TEMPLATE,
         "ValueError: <b>no meter</b>"),
        ("section:section", SECTION, TEMPLATE + "{{ view.absent }}", "UndefinedError: 'dict object' has no attribute"),
        ("section:section", SECTION, TEMPLATE + "{{ say('energy.nothing') }}", 'no sentence has the key "energy.noth'),
        ("section:section", SECTION.replace('"lead"', '"other"'), TEMPLATE, 'no sentence has the key "energy.lead"'),
        ("section:section", SECTION.replace("energy.html.j2", "none.j2"), TEMPLATE, "TemplateNotFound"),
        ("section:section", SECTION.replace(', package="energy_report"', ""), TEMPLATE, "TemplateNotFound"),
        ("nowhere:section", SECTION, TEMPLATE, "cannot be imported: ModuleNotFoundError"),
        ("section:view", SECTION, TEMPLATE, "is not of the type Section"),
    ],
)
def test_a_broken_section_is_named_and_breaks_nothing_else(
    entry: str, section: str, template: str, problem: str, audit: Audit, install: Install
) -> None:
    before = _page(audit)
    install(f"section.energy = energy_report.{entry}", template, section=section)
    with pytest.warns(PluginWarning) as warned:
        page = _page(audit)
    assert len(warned) == 1
    assert problem in str(warned[0].message)
    assert "\n" not in str(warned[0].message)
    start = page.index('<section class="fault">')
    end = page.index("</section>", start) + len("</section>\n")
    assert "The section energy of energy-report could" in page[start:end]
    assert "<b>" not in page[start:end]
    assert page[:start] + page[end:] == before


def test_a_plugin_cannot_take_a_built_in_name(audit: Audit, install: Install) -> None:
    install("section.cost = energy_report.section:section", section=SECTION)
    with pytest.raises(RegistryError, match=r"two modules register the section .*view\.cost.* and energy_report"):
        _page(audit)


def test_an_exporter_of_a_plugin_writes_its_file(audit: Audit, install: Install, tmp_path: Path) -> None:
    install("exporter.badge = energy_report.exporter:badge", exporter=EXPORTER)
    run = tmp_path / "run"
    run.mkdir()
    events: list[Event] = []
    write_pages(RunFolder(run), audit, events.append)
    assert sorted(path.name for path in run.iterdir()) == ["badge.txt", *BUILT_IN]
    assert (run / "badge.txt").read_bytes() == b"fail"
    assert events == []


@pytest.mark.parametrize(
    ("exporter", "problem"),
    [
        (EXPORTER.replace("return", "return 1 / 0 or"), 'the exporter "badge" failed: ZeroDivisionError'),
        (EXPORTER.replace("badge.txt", "audit.json"), "the run folder holds audit.json already"),
        (EXPORTER.replace("badge.txt", "index.html"), "the run folder holds index.html already"),
        (EXPORTER.replace("badge.txt", "../badge.txt"), '"../badge.txt" is not a plain file name'),
        ("raise ImportError('no such library')", "cannot be imported: ImportError: no such library"),
    ],
)
def test_a_broken_exporter_is_reported_and_breaks_nothing_else(
    exporter: str, problem: str, audit: Audit, install: Install, tmp_path: Path
) -> None:
    install("exporter.badge = energy_report.exporter:badge", exporter=exporter)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_audit(audit)
    sealed, events = folder.audit.read_bytes(), list[Event]()
    write_pages(folder, audit, events.append)
    assert [event.stage for event in events] == ["render"]
    assert problem in events[0].message
    assert sorted(path.name for path in folder.path.iterdir()) == ["audit.json", *BUILT_IN]
    assert folder.audit.read_bytes() == sealed
    assert folder.page.read_bytes() == html.render(audit)


def test_the_command_tells_of_a_broken_section(audit: Audit, install: Install, tmp_path: Path) -> None:
    install("section.energy = energy_report.nowhere:section")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_audit(audit)
    outcome = CliRunner().invoke(render_command, [str(folder.path)])
    assert outcome.exit_code == 0
    assert "render: The section energy of energy-report could not be drawn:" in outcome.stderr
    assert outcome.stdout == f"{folder.page}\n"


def test_a_writer_is_an_exporter() -> None:
    assert isinstance(html.render, Exporter)
    assert html.render.file == "index.html"
