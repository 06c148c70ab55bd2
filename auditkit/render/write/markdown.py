"""The report in short, as Markdown for a pull-request comment: what decides, what is missing, how to repeat it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from auditkit.render.view.cost import efficiency
from auditkit.render.view.findings import FindingView, finding_views
from auditkit.render.view.gaps import Gaps, gaps
from auditkit.render.view.index import AuditIndex, look_up
from auditkit.render.view.masthead import masthead, verdict
from auditkit.render.view.reproduce import command
from auditkit.render.view.results import ResultRow, results
from auditkit.render.view.robustness import robustness
from auditkit.render.view.visible import clip, line, visible
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import count
from auditkit.render.write.exporter import exporter
from auditkit.schema import Audit, Status

SHAPES: dict[Status, str] = {
    "fail": "❌",
    "error": "⛔",
    "inconclusive": "❔",
    "pass": "✅",
    "not_applicable": "➖",
    "not_run": "➖",
    "waived": "🟡",
}
ROWS = 40
"""Most rows of a table, and most items of a list: GitHub cuts a comment off at 65,536 characters."""
WIDTH = 400
"""Most characters of a text that the audit did not write itself, such as an error's message."""

_MARKUP = re.compile(r"[\\`*_\[\]|~]")
_START = re.compile(r"^(?:[-+](?=[\s-]|$)|[=#]|\d+(?=[.)](?:\s|$)))")


def escape(text: str) -> str:
    """Text that Markdown shows as it is: no markup, HTML, link, mention or table cell begins in it.

    GitHub links `@name` and `#1` after it has read the escapes, so an empty comment parts them (a backslash would not);
    and it sets what stands between dollar signs as mathematics, unless they stand in a span.
    """
    text = line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKUP.sub(r"\\\g<0>", text)
    text = re.sub(r"://", r":\\/\\/", text)
    text = re.sub(r"(?i)\bwww\.", lambda match: match.group()[:-1] + r"\.", text)
    text = re.sub(r"[@#](?=\w)", lambda match: match.group() + "<!-- -->", text)
    text = text.replace("$", "<span>$</span>")
    return _START.sub(lambda match: match.group() + "\\" if match.group().isdigit() else "\\" + match.group(), text)


def code(text: str, cell: bool = False) -> str:
    """A code span, whatever backticks the text holds; in a table's cell its pipes are escaped."""
    text = line(text)
    text = text.replace("|", r"\|") if cell else text
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(text: str, language: str) -> str:
    """A fenced block that nothing inside can close."""
    text = visible(text)
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table_row(cells: Iterable[str]) -> str:
    """A row of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def table_head(keys: Iterable[str]) -> list[str]:
    """The two lines that open a table, from the keys of its columns' words."""
    names = [say(key) for key in keys]
    return [table_row(names), "|" + "---|" * len(names)]


def _short(text: str) -> str:
    return escape(clip(line(text), WIDTH))


def _table(findings: Sequence[FindingView]) -> list[str]:
    lines = table_head(f"markdown.column.{name}" for name in ("status", "finding", "estimate", "limit", "why"))
    for finding in findings[:ROWS]:
        rule = code(finding.rule.text, cell=True)
        what = f"**{escape(finding.title)}**<br>{escape(finding.what)} ({rule}; {finding.severity})"
        lines.append(table_row((
            f"{SHAPES[finding.status]} {finding.word}", what, escape(finding.value), escape(finding.limit),
            _short(finding.reason),
        )))
    return lines + (["", _more(len(findings))] if len(findings) > ROWS else [])


def _more(number: int) -> str:
    return say("markdown.more_rows", n=count(number - ROWS))


def _folded(summary: str, lines: Iterable[str]) -> list[str]:
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _tally(findings: Sequence[FindingView]) -> str:
    words: dict[str, int] = {}
    for finding in findings:
        words[finding.word] = words.get(finding.word, 0) + 1
    return ", ".join(say("markdown.tally", n=count(number), status=word) for word, number in words.items())


def _findings(findings: Sequence[FindingView], audit: Audit) -> list[str]:
    """Blocking checks and whatever fails or errs in the open; undecided warnings and the rest folded. Checks of which
    none was run are counted by pack among what was not measured."""
    if audit.verdict.unjudged:
        return []
    first = [finding for finding in findings if finding.blocks or finding.status in ("fail", "error")]
    rest = [finding for finding in findings if finding not in first]
    lines = [_heading("markdown.findings"), ""]
    lines += [*_table(first), ""] if first else [say("markdown.no_blocking"), ""]
    if rest:
        lines += _folded(say("markdown.folded", n=count(len(rest)), tally=_tally(rest)), _table(rest))
    return lines


def _results(index: AuditIndex) -> list[str]:
    """What was measured where no check tells it; nothing where checks judged all of it."""
    tables = results(index)
    lines = [_heading("results.heading"), ""] if tables.benchmarks else []
    for benchmark in tables.benchmarks:
        lines += [escape(benchmark.title), ""]
        lines += table_head(f"results.column.{name}" for name in ("name", "value", "interval", "n", "baseline"))
        lines += [_result(row) for row in benchmark.rows]
        for panel in benchmark.panels:
            lines.append(table_row((f"**{escape(panel.title)}**", "", "", "", "")))
            lines += [_result(row) for row in panel.rows]
            lines += [table_row((escape(panel.more), "", "", "", ""))] if panel.more else []
        lines += ["", *(f"{escape(text)}\n" for text in benchmark.more)]
    if tables.policy:
        lines += [say("results.advice"), "", block(tables.policy, "yaml"), ""]
    return lines


def _result(row: ResultRow) -> str:
    return table_row(map(escape, (row.name, row.value, row.interval, row.n, row.baseline)))


def _heading(key: str) -> str:
    return f"## {say(key)}"


def _robustness(index: AuditIndex) -> list[str]:
    """The variants of a robustness run beside the clean samples; nothing where none was asked."""
    view = robustness(index)
    if view is None:
        return []
    lines = [_heading("markdown.robustness"), "", *(f"- {escape(text)}" for text in view.legend), ""]
    if view.unchanged:
        lines += [say("markdown.unchanged", packs=", ".join(map(code, view.unchanged))), ""]
    rows = [
        table_row(map(escape, (
            table.title, table.clean.text, row.label, f"{row.value} {row.interval}",
            f"{row.difference} {row.difference_interval}",
        )))
        for table in view.tables for row in table.rows
    ]
    columns = ("metric", "clean", "variant", "value", "difference")
    lines += [*table_head(f"markdown.column.{name}" for name in columns), *rows[:ROWS], ""]
    if len(rows) > ROWS:
        lines += [_more(len(rows)), ""]
    spreads = [
        say("markdown.spread", metric=escape(table.title), spread=escape(table.spread))
        for table in view.tables if table.spread
    ]
    return [*lines, *(f"- {text}" for text in spreads), ""]


def _items(lines: Sequence[str]) -> list[str]:
    more = [say("markdown.more_gaps", n=count(len(lines) - ROWS))] if len(lines) > ROWS else []
    return [f"- {text}" for text in (*lines[:ROWS], *more)]


def _missing(missing: Gaps) -> list[str]:
    lines = [
        *(say("markdown.not_applicable", pack=code(fact.name), reason=_short(fact.text))
          for fact in missing.not_applicable),
        *(say("markdown.sampled", pack=code(fact.name), rows=escape(fact.text)) for fact in missing.sampled),
        *_unscored(missing),
    ]
    if missing.errored:
        lines.append(escape(missing.errored))
    lines += [
        say("markdown.errored", sample=code(note.id), message=_short(note.message)) for note in missing.errors[:3]
    ]
    if missing.undefined:
        lines.append(say("markdown.undefined", n=count(len(missing.undefined))))
    lines += [
        say("markdown.misread", metric=escape(reading.metric), value=reading.value, planted=code(reading.planted),
            expected=reading.expected)
        for reading in missing.misread
    ]
    if missing.not_explained or missing.unreliable:
        absent, unreliable = count(len(missing.not_explained)), count(len(missing.unreliable))
        lines.append(say("markdown.attributions", missing=absent, unreliable=unreliable))
    lines += [escape(note) for note in missing.notes]
    return _items(lines) or [say("markdown.everything")]


def _unscored(missing: Gaps) -> list[str]:
    lines = []
    for row in missing.unscored:
        cells = zip(missing.columns, row.cells, strict=True)
        reasons = ", ".join(say("terms.unscored", n=number, reason=name) for name, number in cells if number != "0")
        lines.append(say(
            "markdown.unscored", estimate=escape(row.link.text), total=row.total, share=row.share, reasons=reasons,
            worst=escape(row.worst),
        ))
    return lines


def _efficiency(audit: Audit) -> list[str]:
    """What the model costs to run, folded: it differs from run to run."""
    ran = efficiency(audit)
    if not ran.facts:
        return []
    lines = ["- " + say("markdown.fact.line", name=fact.name, text=escape(fact.text)) for fact in ran.facts]
    lines += ["", escape(ran.note)] if ran.note else []
    return _folded(say("markdown.efficiency"), lines)


@exporter("report.md")
def render(audit: Audit) -> bytes:
    """The short report, UTF-8: a pure function of the audit, byte for byte; of what was observed, efficiency alone."""
    index = look_up(audit)
    findings = finding_views(index)
    lines = [
        *_opening(audit, findings),
        *_results(index),
        *_findings(findings, audit),
        *_robustness(index),
        _heading("markdown.not_measured"),
        "",
        *_missing(gaps(index)),
        "",
        *_efficiency(audit),
        _heading("markdown.reproduce"),
        "",
        block(command(audit), "sh"),
        "",
        say("markdown.closing"),
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _opening(audit: Audit, findings: tuple[FindingView, ...]) -> list[str]:
    decision, head = verdict(audit, findings), masthead(audit)
    title = say("markdown.title", mark=SHAPES[decision.status], verdict=decision.word, model=escape(head.model))
    facts = ", ".join(say("markdown.fact", name=fact.name.lower(), text=escape(fact.text)) for fact in head.facts)
    return [
        f"# {title}",
        "",
        f"**{escape(decision.sentence)}**",
        "",
        escape(decision.exit) + " " + ", ".join(text for _, text in decision.tally) + ".",
        "",
        *(f"{escape(text)}\n" for text in decision.small_print),
        say("markdown.facts", facts=facts, audit=code(audit.id[:16] or say("markdown.not_sealed"))),
        "",
    ]
