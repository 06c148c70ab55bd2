"""Records as notebooks show them: a table of estimates, every text of others escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditkit.schema.audit import Audit
    from auditkit.schema.estimate import Estimate

MOST_ROWS = 40
"""Most estimates that a notebook shows of an audit."""
_COLUMNS = ("estimate", "value", "interval", "n", "unscored")


def estimate_table(estimates: Iterable[Estimate]) -> str:
    """An HTML table, a row an estimate: value and interval in the metric's own unit, three decimals."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    rows = "".join(
        f"<tr><td>{escape(str(estimate.id))}</td><td>{_number(estimate.value)}</td>"
        f"<td>[{_number(estimate.low)}, {_number(estimate.high)}]</td><td>{estimate.n}</td>"
        f"<td>{sum(estimate.unscored.values())}</td></tr>"
        for estimate in estimates
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def audit_table(audit: Audit) -> str:
    """The model, the decision, and its estimates: of all rows first, then of parts, as many as fit."""
    verdict = audit.verdict
    ordered = sorted(
        (estimate for estimate in audit.estimates if estimate.value is not None), key=lambda item: not item.id.pooled
    )
    more = len(audit.estimates) - len(ordered[:MOST_ROWS])
    head = f"<p><b>{escape(audit.subject.name)}</b>: {verdict.status}, exit code {verdict.exit_code}, policy "
    rest = f"<p>and {more} more: <code>.to_frame()</code></p>" if more else ""
    return f"{head}{escape(verdict.policy)}</p>{estimate_table(ordered[:MOST_ROWS])}{rest}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
