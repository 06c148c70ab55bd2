"""The page: complete, inert, accessible, and harmless whatever the texts hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from auditkit.registry import names
from auditkit.render.view.anchors import anchor, estimate_anchor
from auditkit.render.view.rules import rule_text
from auditkit.render.view.verdict import sentence
from auditkit.render.write import html
from auditkit.schema import (
    Answer,
    Audit,
    Estimate,
    EstimateId,
    FreeText,
    Number,
    Output,
    Probabilities,
    Similarities,
    SpanAnswer,
    Tags,
    Vector,
)

VOID = {"meta", "link", "br", "img", "input", "hr"}
DRAWN = {"circle", "path", "rect", "line", "use"}
LOADING = {"src", "srcset", "data", "poster", "action", "background", "xlink:href", "ping", "formaction"}


class Tree(HTMLParser):
    """What the tests ask of a page; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.ids: list[str] = []
        self.cells: dict[str, list[str]] = {}
        self.row: str | None = None
        self.text: list[str] = []
        self.headings: list[int] = []
        self.drawings: list[tuple[dict[str, str], list[str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        assert len(given) == len(attrs), f"<{tag}> repeats an attribute"
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "tr":
            self.row = given.get("id")
            self.cells.setdefault(self.row or "", [])
        if tag in ("td", "th") and self.row:
            self.cells[self.row].append("")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "svg":
            self.drawings.append((given, []))
        elif self.drawings and "svg" in self.open:
            self.drawings[-1][1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()
        if tag == "tr":
            self.row = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.text.append(data)
        if self.row and self.cells[self.row]:
            self.cells[self.row][-1] += data


@pytest.fixture(scope="module")
def page(audit: Audit) -> str:
    return html.render(audit).decode("utf-8")


@pytest.fixture(scope="module")
def tree(page: str) -> Tree:
    return Tree(page)


@pytest.fixture(scope="module")
def attacked(poisoned: Audit) -> str:
    return html.render(poisoned).decode("utf-8")


def test_same_audit_same_bytes(audit: Audit) -> None:
    again = Audit.model_validate_json(audit.model_dump_json())
    assert html.render(audit) == html.render(again)


def test_rendering_leaves_the_audit_as_it_was(audit: Audit) -> None:
    before = audit.model_dump_json()
    html.render(audit)
    assert audit.model_dump_json() == before


def test_nothing_runs_and_nothing_loads(tree: Tree) -> None:
    for tag, attributes in tree.tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "img", "form", "base", "video", "audio"}
        assert not LOADING & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
        assert "style" not in attributes


def test_style_loads_nothing(page: str) -> None:
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert len(style) > 1000
    assert not re.findall(r"url\(|@import|@font-face|expression\(", style)


def test_content_security_policy_forbids_everything_but_the_style(tree: Tree) -> None:
    policies = [given["content"] for tag, given in tree.tags if given.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policies[0]
    assert "http" not in policies[0]


def test_ids_are_unique_and_links_resolve(tree: Tree) -> None:
    assert len(tree.ids) == len(set(tree.ids))
    targets = [given["href"][1:] for tag, given in tree.tags if tag in ("a", "use")]
    assert len(targets) > 50
    assert set(targets) <= set(tree.ids)


def test_references_for_screen_readers_resolve(tree: Tree) -> None:
    names = [one for _, given in tree.tags for one in given.get("aria-labelledby", "").split()]
    assert names
    assert set(names) <= set(tree.ids)


def test_headings_never_skip_a_level(tree: Tree) -> None:
    assert tree.headings[0] == 1
    assert tree.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(tree.headings, tree.headings[1:], strict=False))


def test_every_drawing_has_a_title_or_is_decoration(tree: Tree) -> None:
    assert len(tree.drawings) > 20
    for given, inside in tree.drawings:
        if given.get("aria-hidden") == "true":
            continue
        assert given["role"] == "img"
        assert inside[:2] == ["title", "desc"]


def test_sections_stand_in_the_promised_order(page: str, audit: Audit) -> None:
    marks = [sentence(audit), "<dt>Model</dt>", 'id="findings"', 'class="area"', 'id="attention"',
             'id="not-measured"', 'id="selftest"', 'id="methods"', 'id="cost"', 'id="reproduce"']
    places = [page.index(mark) for mark in marks]
    assert places == sorted(places)


def _numbers(cell: str) -> list[float]:
    plain = cell.replace("\u2212", "-").replace(",\u00a0", " ").replace("+", "")
    return [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", plain)]


def _unit(estimate: Estimate) -> float:
    return 100.0 if estimate.range == (0.0, 1.0) and estimate.id.contrast != "smallest_ratio" else 1.0


def test_every_estimate_shows_its_value_interval_and_n(tree: Tree, audit: Audit) -> None:
    for estimate in audit.estimates:
        _, value, interval, worst, n, clusters, unscored, method, _ = tree.cells[estimate_anchor(estimate)]
        unit = _unit(estimate)
        if estimate.value is None:
            assert (value, interval) == ("undefined", "none")
        else:
            assert estimate.low is not None
            assert estimate.high is not None
            assert _numbers(value) == pytest.approx([estimate.value * unit], abs=0.051 if unit == 100 else 0.0006)
            ends = [estimate.low * unit, estimate.high * unit]
            assert _numbers(interval) == pytest.approx(ends, abs=0.051 if unit == 100 else 0.0006)
        assert (int(n), int(clusters)) == (estimate.n, estimate.clusters)
        assert method == estimate.method
        for reason, number in estimate.unscored.items():
            assert not number or f"{number} {reason.replace('_', ' ')}" in unscored
        if estimate.unscored and estimate.at_lowest_fill.low is not None:
            assert estimate.at_highest_fill.high is not None
            ends = [estimate.at_lowest_fill.low * unit, estimate.at_highest_fill.high * unit]
            assert worst == "same" or _numbers(worst) == pytest.approx(ends, abs=0.051 if unit == 100 else 0.0006)


def test_an_estimate_without_interval_is_open_to_the_whole_range(audit: Audit) -> None:
    first = audit.estimates[1]
    bare = {"low": None, "high": None, "spread": None}
    blind = first.model_copy(update={
        **bare, "at_lowest_fill": first.at_lowest_fill.model_copy(update=bare),
        "at_highest_fill": first.at_highest_fill.model_copy(update=bare)})
    estimates = (audit.estimates[0], blind, *audit.estimates[2:])
    tree = Tree(html.render(audit.model_copy(update={"estimates": estimates})).decode())
    assert tree.cells[estimate_anchor(blind)][2:4] == ["none", "[0.0,\u00a0100.0]"]


def test_findings_appear_once_and_worst_first(tree: Tree, audit: Audit) -> None:
    shown = [one for one in tree.ids if one in {anchor("finding", finding.id) for finding in audit.findings}]
    assert len(shown) == len(audit.findings)
    assert shown[0] == anchor("finding", audit.verdict.reasons[0])


def test_everything_not_measured_is_named(tree: Tree, audit: Audit) -> None:
    text = "".join(tree.text)
    part = text[text.index("What was not measured, and why"):text.index("Self-test on planted models")]
    for pack, reason in audit.not_applicable.items():
        assert pack in part
        assert reason[1:] in part
    for sample, reason in audit.not_explained.items():
        assert sample in part
        assert reason in part
    assert "816 of 1,632 rows" in part
    assert "ambiguous-qa/age-07-2-d" in part
    assert "ambiguous-qa: accuracy, disambiguated, religion: buddhist" in part
    assert "always-unknown" in part
    for reason in ("refused", "unparsed", "tied", "errored", "not run", "outside"):
        assert reason in part


def test_cited_samples_are_closed_and_show_both_sides(page: str, tree: Tree, audit: Audit) -> None:
    assert not [given for tag, given in tree.tags if tag == "details" and "open" in given]
    start = page.index('<span class="id"><bdi class="quoted" dir="auto">stereotype-pairs/gender-004-2')
    case = page[start:page.index('<details class="case"', start)]
    assert "Option 1 (stereotype)" in case
    assert "Option 2 (anti)" in case
    text = "".join(tree.text)
    assert all(name in text for name in audit.evidence)


def test_an_unreliable_attribution_says_that_it_is_no_evidence(page: str) -> None:
    assert page.count("Not reliable, so not evidence") == 1


@pytest.mark.parametrize(("answer", "cells"), [
    (Similarities(values=(0.625, -0.25)), ["Cosine similarity", "0.625", "−0.25", "◀ its answer"]),
    (Probabilities(classes={"true": 0.98, "none of them": 0.02}), ["98.0\u00a0%", "none of them", "2.0\u00a0%"]),
    (Number(value=-1.5), ["Value", "−1.5"]),
    (SpanAnswer(text="in Oslo", start=3, end=10), ["in Oslo", "First character", "10"]),
    (SpanAnswer(text="", start=0, end=0, null_score=2.5), ["(nothing)", "Score of no answer", "2.5"]),
    (Tags(tags=("B-place",)), ["/B-place"]),
    (Vector(values=(1.0,) * 384), ["Dimensions", "384"]),
    (FreeText(text="I would say so."), ["I would say so."]),
])
def test_every_kind_of_answer_is_on_the_page(answer: Answer, cells: list[str], audit: Audit) -> None:
    name = "claims/health-12-f"
    output = Output(request="7" * 64, rule="similarity", answer=answer)
    changed = audit.evidence[name].model_copy(update={"output": output})
    page = html.render(audit.model_copy(update={"evidence": {name: changed}})).decode("utf-8")
    start = page.index('class="case"')
    case = page[start : page.index("</details>", start)]
    assert [cell for cell in cells if f">{cell}<" not in case] == []


def test_hostile_text_stays_text(attacked: str, tree: Tree) -> None:
    again = Tree(attacked)
    assert {tag for tag, _ in again.tags} <= {tag for tag, _ in tree.tags}
    assert {name for _, given in again.tags for name in given} <= {name for _, given in tree.tags for name in given}
    assert len(again.ids) == len(set(again.ids))
    text = "".join(again.text)
    assert "</script><script>alert(1)</script> {{ 7*7 }} {% raw %}" in text
    assert "49" not in re.findall(r"alert\(1\)</script> (\S+)", text)


def test_unseen_characters_are_made_visible(attacked: str) -> None:
    assert "⟦U+202E⟧gnp.exe⟦U+202C⟧ ␀␇␛[31m red 👩🏽\u200d🔬" in attacked
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", attacked)


def test_wrong_readings_stand_apart_from_right_ones(tree: Tree) -> None:
    text = "".join(tree.text)
    part = text[text.index("Self-test on planted models"):text.index("Methods and signatures", text.index("Wrong"))]
    assert "1 of 5 readings are wrong." in part
    assert part.index("always-unknown") < part.index("Right readings") < part.index("always-stereotyped")


def test_rules_are_documented_on_the_page(tree: Tree, audit: Audit) -> None:
    text = "".join(tree.text)
    for code in {finding.rule for finding in audit.findings} & set(names("rule")):
        rule = rule_text(code)
        assert rule is not None
        assert rule.what in text
        assert rule.todo in text


def test_warnings_of_single_axes_are_one_folded_group(page: str) -> None:
    start = page.index("7 inconclusive")
    group = page[start:page.index("</section>", start)]
    assert group.count("<li id=") == 7
    assert group.index("<details>") < group.index("<li id=")


def test_a_page_without_observations_evidence_or_findings(audit: Audit) -> None:
    bare = audit.model_copy(update={
        "observed": None, "evidence": {}, "attributions": (), "findings": (), "selftest": (), "not_explained": {},
        "errors": {}, "errored": 0, "estimates": (), "benchmarks": ()})
    text = "".join(Tree(html.render(bare).decode()).text)
    assert "No self-test was run" in text
    assert "Nothing was recorded about time" in text


def test_a_full_audit_stays_below_700_kilobytes(audit: Audit) -> None:
    first = audit.estimates[1]
    many = tuple(
        first.model_copy(update={"id": EstimateId.parse(f"stereotype-pairs/stereotype_score@pair[a{one % 8}:g{one}]")})
        for one in range(160)
    )
    nurse = audit.evidence["stereotype-pairs/gender-004-2"]
    cited = {
        f"stereotype-pairs/x-{one}": nurse.model_copy(
            update={"sample": nurse.sample.model_copy(update={"id": f"stereotype-pairs/x-{one}", "origin": str(one)})})
        for one in range(100)
    }
    full = audit.model_copy(update={"estimates": (*audit.estimates, *many), "evidence": {**audit.evidence, **cited}})
    assert len(html.render(full)) < 700_000
