"""A whole audit in a notebook."""

from __future__ import annotations

from auditkit.schema import Audit
from auditkit.schema.notebook import MOST_ROWS


def test_an_audit_shows_decision_and_estimates_as_text(audit: Audit, poisoned: Audit) -> None:
    text = audit._repr_html_()
    assert "fail, exit code 1, policy default" in text
    assert 0 < text.count("<tr>") - 1 <= MOST_ROWS
    assert text.index("stereotype-pairs/stereotype_score@pair<") < text.index("[age:gap]")
    assert "<script" not in poisoned._repr_html_()
