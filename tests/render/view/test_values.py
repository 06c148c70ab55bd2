"""How an estimate's numbers are written."""

from __future__ import annotations

import pytest

from auditkit.render.view.values import clusters_of
from auditkit.schema import Audit


@pytest.mark.parametrize(("clusters", "as_many", "text"), [
    (30, 30.0, "30"), (30, 18.0, "30"), (30, 17.9, "30 (as much as 17.9 of equal size)"),
    (1200, 3.764, "1,200 (as much as 3.8 of equal size)"),
])
def test_clusters_of_very_unequal_sizes_say_how_much_they_tell(
    clusters: int, as_many: float, text: str, audit: Audit
) -> None:
    estimate = audit.estimates[0].model_copy(update={"clusters": clusters, "effective_clusters": as_many})
    assert clusters_of(estimate).replace("\u00a0", " ") == text
