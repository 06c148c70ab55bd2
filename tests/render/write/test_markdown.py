"""The short report, read by a CommonMark parser that is not ours."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from auditkit.render.write import markdown
from auditkit.schema import Audit


def _tokens(text: str) -> list[Token]:
    top = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [child for token in top for child in (token, *(token.children or ()))]


def _kinds(text: str) -> set[str]:
    return {token.type for token in _tokens(text)}


def _html(text: str) -> set[str]:
    return {token.content.strip() for token in _tokens(text) if token.type == "html_inline"}


@pytest.fixture(scope="module")
def report(audit: Audit) -> str:
    return markdown.render(audit).decode("utf-8")


def test_same_audit_same_bytes(audit: Audit) -> None:
    assert markdown.render(audit) == markdown.render(Audit.model_validate_json(audit.model_dump_json()))


def test_of_what_was_observed_it_shows_efficiency_alone(audit: Audit) -> None:
    text, bare = (markdown.render(one).decode() for one in (audit, audit.model_copy(update={"observed": None})))
    begin, end = text.index("<details>\n<summary>Efficiency"), text.index("## Reproduce")
    assert text[:begin] + text[end:] == bare
    shown = text[begin:end].replace("\u00a0", " ")
    assert "median: 41.2 ms" in shown
    assert "95th percentile: 187.5 ms" in shown
    for part in ("1424 tokens/s", "divided evenly", "3.19 GiB", "12.3 s"):
        assert part in shown


def test_it_fits_a_comment(report: str) -> None:
    assert len(report) < 65_536
    assert report.startswith("# ❌ Fail: acme/support-llm-1.7b\n\n**Fails the policy default (5e5e5e5e): 1 failed")


def test_sections(report: str) -> None:
    assert re.findall("^##? .*", report, re.M)[1:] == ["## Findings", "## Not measured", "## Reproduce"]


def test_every_finding_is_a_row_with_its_status(report: str, audit: Audit) -> None:
    rows = [line for line in report.splitlines() if re.match(r"\| [❌⛔❔✅➖🟡] ", line)]
    assert len(rows) == len(audit.findings)
    assert sum(row.startswith("| ❌") for row in rows) == sum(one.status == "fail" for one in audit.findings)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)


def test_undecided_warnings_are_folded(report: str) -> None:
    folded = report.partition("<details>")[2].partition("</details>")[0]
    assert "<summary>8 more, none of which blocks: 8 inconclusive</summary>" in folded
    assert folded.count("| ❔") == 8
    assert "| ❌" not in folded


def test_not_measured(report: str, audit: Audit) -> None:
    part = report.partition("## Not measured")[2].partition("## Reproduce")[0]
    assert "`cloze` does not apply" in part
    assert "816 of 1,632 rows" in part
    assert "17 of 408 samples" in part
    assert "6 refused, 11 unparsed" in part
    assert "2 samples could not be asked" in part
    assert "planted model `always-unknown`" in part


def test_nothing_missing_is_said(audit: Audit) -> None:
    whole = tuple(one for one in audit.estimates if one.id == audit.selftest[0].estimate)
    whole = tuple(one.model_copy(update={"unscored": {}}) for one in whole)
    complete = audit.model_copy(update={
        "estimates": whole, "findings": (), "declared": (),
        "not_applicable": {}, "sampled": {}, "errors": {}, "errored": 0,
        "not_explained": {}, "attributions": (), "selftest": audit.selftest[:1]})
    assert "Everything that the audit asked was measured." in markdown.render(complete).decode()


def test_hostile_text_makes_no_markup(poisoned: Audit, report: str) -> None:
    text = markdown.render(poisoned).decode("utf-8")
    assert _kinds(text) <= _kinds(report)
    assert _html(text) <= {"<br>", "<!-- -->", "<span>", "</span>"}
    blocks = {token.content.strip() for token in _tokens(text) if token.type == "html_block"}
    assert all(re.fullmatch(r"(</?details>|<summary>[\w ,:;()]+</summary>|\s)+", block) for block in blocks)
    assert "link_open" not in _kinds(text)
    assert "em_open" not in _kinds(text)


def test_hostile_text_is_shown(poisoned: Audit, report: str) -> None:
    title = next(token for token in _tokens(markdown.render(poisoned).decode()) if token.type == "inline")
    shown = "".join(child.content for child in title.children or ())
    assert "</script><script>alert(1)</script> {{ 7*7 }} {% raw %} ⟦U+202E⟧gnp.exe⟦U+202C⟧ ␀␇␛[31m red" in shown
    assert "]]> & \" ' `x` | *b* [l](javascript:alert(1))" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# x", "# x"), ("- x", "- x"), ("1. x", "1. x"), ("+ x", "+ x"), ("> x", "> x"), ("---", "---"),
        ("~~x~~", "~~x~~"), ("<b>x</b>", "<b>x</b>"), ("![x](y)", "![x](y)"), ("&amp;", "&amp;"), ("a\nb", "a b"),
        ("===", "==="), ("__x__", "__x__"), ("\\*x*", "\\*x*"), ("http://x.y/z", "http://x.y/z"),
    ],
)
def test_escape_shows_what_was_written(text: str, shown: str) -> None:
    parsed = _tokens(markdown.escape(text))
    assert "".join(token.content for token in parsed if token.type in ("text", "text_special")) == shown
    kinds = {token.type for token in parsed}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


@pytest.mark.parametrize("text", ["@everyone look", "see #12", "cost $x$"])
def test_escape_parts_what_github_links_after_parsing(text: str) -> None:
    assert re.search(r"[@#](?=\w)|(?<!>)\$", markdown.escape(text)) is None


@pytest.mark.parametrize("text", ["a`b", "``a``", "`", "a|b"])
def test_code_spans_hold_backticks(text: str) -> None:
    spans = [token.content for token in _tokens(markdown.code(text)) if token.type == "code_inline"]
    assert spans == [text]


def test_a_block_cannot_be_closed_from_inside() -> None:
    fences = [token for token in _tokens(markdown.block("a\n```\n# b\n````", "sh")) if token.type == "fence"]
    assert [token.content for token in fences] == ["a\n```\n# b\n````\n"]
