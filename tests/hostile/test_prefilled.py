"""Evidence that was there before: taken by nobody who asks for fresh answers, and counted for everybody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditkit.cli import _run
from auditkit.errors import RunFolderError
from auditkit.models.adapter import Encoded
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.render.write import html
from auditkit.schema import FreeText, Output
from auditkit.store.cache import AnswerCache
from auditkit.store.folder import load_audit

from .forging import Line, audit, forge, reseal

COMMAND = ["audit", "planted:random", "--pack", "claims", "--limit", "20", "--quiet"]


def swapped(lines: list[Line]) -> list[Line]:
    """Every answer altered, and no seal: the unchanged command goes on, and judges them."""
    for line in lines:
        if line["kind"] == "output":
            line["body"]["output"]["answer"]["options"].reverse()
    return [line for line in lines if line["kind"] != "seal"]


def only(*kinds: str) -> Callable[[list[Line]], list[Line]]:
    """Keeps lines of these kinds, beside what every journal begins with."""
    return lambda lines: [line for line in lines if line["kind"] in ("header", "sample", "request", *kinds)]


def one_answer(lines: list[Line]) -> list[Line]:
    """A single answer, such as one that turns a verdict."""
    return [*only()(lines), next(line for line in lines if line["kind"] == "output")]


def with_reasons(lines: list[Line]) -> list[Line]:
    """Reasons why no sample is explained, without any answer."""
    reason = {"kind": "not_explained", "v": lines[0]["v"], "body": {"sample": "claims/x", "reason": "no"}}
    return [*only()(lines), reason]


FORGED = {
    "altered answers": swapped, "one answer": one_answer, "a plan": only("plan"),
    "answers that came from a cache": only("output"), "a seal": only("seal"), "reasons": with_reasons,
    "everything": lambda lines: lines,
}


@pytest.mark.parametrize("sort", FORGED)
def test_fresh_takes_no_evidence_that_was_there_before(sort: str, run: Path) -> None:
    forge(run / "journal.jsonl", FORGED[sort])
    before = (run / "journal.jsonl").read_bytes()
    with pytest.raises(RunFolderError, match=r"holds .* already, and --fresh"):
        audit(run, fresh=True)
    assert (run / "journal.jsonl").read_bytes() == before


def test_fresh_takes_no_journal_that_was_damaged(run: Path) -> None:
    journal = run / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"{}\n", *lines[1:]]))
    with pytest.raises(RunFolderError, match="1 damaged journals already, and --fresh"):
        audit(run, fresh=True)


def test_fresh_goes_on_where_only_questions_were_journalled(run: Path) -> None:
    forge(run / "journal.jsonl", only())
    assert audit(run, fresh=True).observed.answers_before == 0


@pytest.mark.parametrize("value", ["true", "1", "TRUE", "yes", "woodpecker"])
def test_it_is_the_default_where_the_environment_says_ci(
    value: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", value)
    assert _run([*COMMAND, "--out", str(run)]) == 2
    assert "--fresh" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["", "0", "false", "False", "no", "off"])
def test_it_is_not_where_the_environment_says_no(value: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    assert _run([*COMMAND, "--out", str(run)]) != 2


def test_a_file_does_not_switch_it_off_in_ci_and_the_command_line_does(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    (tmp_path / "audit.yaml").write_text("model: planted:random\npacks: [claims]\nlimit: 20\nfresh: false\n")
    command = ["audit", "--config", str(tmp_path / "audit.yaml"), "--out", str(run), "--quiet"]
    assert _run(command) == 2
    assert _run([*command, "--no-fresh"]) != 2


def test_what_was_there_is_said_on_terminal_and_page_and_is_no_part_of_the_id(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = load_audit(run)
    asked = original.observed.requests
    forge(run / "journal.jsonl", lambda lines: [line for line in lines if line["kind"] != "seal"])
    _run([*COMMAND, "--out", str(run)])
    assert f"Before: {asked} answers were in the run folder before this command, 0 came" in capsys.readouterr().out
    again = load_audit(run)
    assert (original.observed.answers_before, again.observed.answers_before) == (0, asked)
    assert again.id == original.id
    page = html.render(again).decode()
    assert f"In the run folder before the last command</dt><dd><bdi class=\"quoted\" dir=\"auto\">{asked} (100" in page


def test_a_sealed_false_verdict_is_shown_with_the_number_of_answers_that_were_there(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    content["verdict"].update(status="pass", exit_code=0)
    content["id"] = ""
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    reseal(run)
    assert _run([*COMMAND, "--out", str(run), "--fresh"]) == 2
    _run([*COMMAND, "--out", str(run)])
    assert "answers were in the run folder before this command" in capsys.readouterr().out


class Cacheable(PlantedAdapter):
    """Answers as planted, and lets its answers be cached; counts what it is asked."""

    cacheable = True
    asked = 0

    def execute(self, batch: list[Encoded]) -> list[Output]:
        """Count, then answer."""
        Cacheable.asked += len(batch)
        return super().execute(batch)


def test_a_poisoned_cache_is_not_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("auditkit.models.scripted.planted.PlantedAdapter", Cacheable)
    Cacheable.asked = 0
    first = audit(tmp_path / "first", fresh=True)
    assert Cacheable.asked == first.observed.requests > 0
    fresh = audit(tmp_path / "fresh", fresh=True)
    assert (fresh.observed.cache_hits, Cacheable.asked) == (0, 2 * first.observed.requests)
    assert _run([*COMMAND, "--out", str(tmp_path / "hits")]) != 2
    assert f"{first.observed.requests} came from the cache" in capsys.readouterr().out
    assert Cacheable.asked == 2 * first.observed.requests


def test_a_cache_that_is_only_written_gives_nothing(tmp_path: Path) -> None:
    output = Output(request="a" * 64, rule="letter", answer=FreeText(text="A"))
    with AnswerCache.open(tmp_path / "a.sqlite") as cache:
        cache.put_many("f", [output])
        assert cache.get_many("f", [output.request]) == {output.request: output}
    with AnswerCache.open(tmp_path / "a.sqlite", reading=False) as cache:
        assert cache.get_many("f", [output.request]) == {}
