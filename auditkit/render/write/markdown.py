"""The report in short, as Markdown for a pull-request comment: what decides, what is missing, how to repeat it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from auditkit.render.view.findings import FindingView, views
from auditkit.render.view.gaps import Gaps, gaps
from auditkit.render.view.index import Index, index
from auditkit.render.view.page import header, verdict
from auditkit.render.view.provenance import command, efficiency
from auditkit.render.view.robustness import robustness
from auditkit.render.words.numbers import count
from auditkit.render.words.safety import clip, line, visible
from auditkit.schema import Audit, Status

SHAPES: dict[Status, str] = {
    "fail": "❌",
    "error": "⛔",
    "inconclusive": "❔",
    "pass": "✅",
    "not_applicable": "➖",
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


def _short(text: str) -> str:
    return escape(clip(line(text), WIDTH))


def _table(findings: Sequence[FindingView]) -> list[str]:
    lines = ["| Status | Finding | Estimate | Limit | Why |", "|---|---|---|---|---|"]
    for one in findings[:ROWS]:
        where = f"{escape(one.what)} ({code(one.rule.text, cell=True)}; {one.severity})"
        lines.append(
            f"| {SHAPES[one.status]} {one.word} | **{escape(one.title)}**<br>{where} | {escape(one.value)} "
            f"| {escape(one.limit)} | {_short(one.reason)} |"
        )
    if len(findings) > ROWS:
        lines += ["", f"And {count(len(findings) - ROWS)} more: see the full report."]
    return lines


def _folded(summary: str, lines: Iterable[str]) -> list[str]:
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _tally(findings: Sequence[FindingView]) -> str:
    words: dict[str, int] = {}
    for one in findings:
        words[one.word] = words.get(one.word, 0) + 1
    return ", ".join(f"{count(number)} {word}" for word, number in words.items())


def _findings(found: Sequence[FindingView]) -> list[str]:
    """Blocking checks and whatever fails or errs in the open; undecided warnings and the rest folded."""
    first = [one for one in found if one.blocks or one.status in ("fail", "error")]
    rest = [one for one in found if one not in first]
    lines = ["## Findings", ""]
    lines += [*_table(first), ""] if first else ["The policy holds no blocking check that applies.", ""]
    return lines + (_folded(f"{count(len(rest))} more, none of which blocks: {_tally(rest)}", _table(rest))
                    if rest else [])


def _robustness(ix: Index) -> list[str]:
    """The variants of a robustness run beside the clean samples; nothing where none was asked."""
    found = robustness(ix)
    if found is None:
        return []
    lines = ["## Robustness", "", *(f"- {escape(line)}" for line in found.legend), ""]
    if found.unchanged:
        lines += [f"Not measured, for the perturbation changed no text: {', '.join(map(code, found.unchanged))}.", ""]
    rows = [
        f"| {escape(table.title)} | {escape(table.clean.text)} | {escape(row.label)} "
        f"| {escape(row.value)} {escape(row.interval)} | {escape(row.difference)} {escape(row.difference_interval)} |"
        for table in found.tables for row in table.rows
    ]
    lines += ["| Metric | Clean | Variant | Value | Difference, paired |", "|---|---|---|---|---|", *rows[:ROWS], ""]
    if len(rows) > ROWS:
        lines += [f"And {count(len(rows) - ROWS)} more: see the full report.", ""]
    return lines + [f"- {escape(table.title)}: {escape(table.spread)}" for table in found.tables if table.spread] + [""]


def _items(lines: Sequence[str], noun: str) -> list[str]:
    more = [f"- and {count(len(lines) - ROWS)} more {noun}"] if len(lines) > ROWS else []
    return [f"- {one}" for one in lines[:ROWS]] + more


def _missing(missing: Gaps) -> list[str]:
    lines = [f"{code(one.name)} does not apply: {_short(one.text)}" for one in missing.not_applicable]
    lines += [f"{code(one.name)}: audited in part: {escape(one.text)}" for one in missing.sampled]
    for row in missing.unscored:
        reasons = ", ".join(
            f"{number} {name}" for name, number in zip(missing.columns, row.cells, strict=True) if number != "0"
        )
        lines.append(
            f"{escape(row.link.text)}: {row.total} samples ({row.share}) have no score ({reasons}); "
            f"worst case {escape(row.worst)}"
        )
    if missing.errored:
        lines.append(escape(missing.errored))
    lines += [f"{code(one.id)} errored: {_short(one.message)}" for one in missing.errors[:3]]
    if missing.undefined:
        lines.append(f"{count(len(missing.undefined))} estimates are undefined: nothing that they count was scored")
    lines += [
        f"Self-test: {escape(one.metric)} read {one.value} on the planted model {code(one.planted)}, "
        f"and must read {one.expected}"
        for one in missing.misread
    ]
    if missing.not_explained or missing.unreliable:
        lines.append(
            f"Attributions: {count(len(missing.not_explained))} cited samples have none, "
            f"{count(len(missing.unreliable))} are unreliable and no evidence"
        )
    lines += [escape(note) for note in missing.notes]
    return _items(lines, "gaps") or ["Everything that the audit asked was measured."]


def _efficiency(audit: Audit) -> list[str]:
    """What the model costs to run, folded: it differs from run to run."""
    ran = efficiency(audit)
    if not ran.facts:
        return []
    lines = [f"- {fact.name}: {escape(fact.text)}" for fact in ran.facts]
    lines += ["", escape(ran.note)] if ran.note else []
    return _folded("Efficiency (observed on the machine that ran the audit, and read by no check)", lines)


def render(audit: Audit) -> bytes:
    """The short report, UTF-8: a pure function of the audit, byte for byte; of what was observed, efficiency alone."""
    ix = index(audit)
    found = views(ix)
    decision, head = verdict(ix, found), header(audit)
    lines = [
        f"# {SHAPES[decision.status]} {decision.word}: {escape(head.model)}",
        "",
        f"**{escape(decision.sentence)}**",
        "",
        escape(decision.exit) + " " + ", ".join(text for _, text in decision.tally) + ".",
        "",
        ", ".join(f"{fact.name.lower()} {escape(fact.text)}" for fact in head.facts)
        + f". Audit {code(audit.id[:16] or 'not sealed')}.",
        "",
        *_findings(found),
        *_robustness(ix),
        "## Not measured",
        "",
        *_missing(gaps(ix)),
        "",
        *_efficiency(audit),
        "## Reproduce",
        "",
        block(command(audit), "sh"),
        "",
        "A check passes only if its whole worst-case interval lies inside the limit, and fails only if all of it lies "
        "outside. Cited samples, attributions, methods and signatures stand in `index.html`.",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")
