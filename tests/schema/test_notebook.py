"""What a notebook shows of audits and estimates."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import auditkit
from auditkit.schema import Estimate, EstimateId, Fill, Sample, Score


def estimate(metric: str = "accuracy", value: float | None = 0.5) -> Estimate:
    fill = Fill(value=value, low=0.25, high=0.75, spread=None)
    return Estimate(
        id=EstimateId(benchmark="own", metric=metric, arm="all"), value=value, low=0.25, high=0.75, method="m", n=30,
        clusters=30, effective_clusters=30.0, unscored={"refused": 2}, spread=None, at_lowest_fill=fill,
        at_highest_fill=fill, direction="higher", range=(0.0, 1.0),
    )


class Cells(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.cells.append(data)


def test_an_estimate_is_a_row() -> None:
    cells = Cells(estimate()._repr_html_()).cells
    assert cells[-5:] == ["own/accuracy@all", "0.500", "[0.250, 0.750]", "30", "2"]
    assert "–" in Cells(estimate(value=None)._repr_html_()).cells


def test_text_of_others_is_text() -> None:
    table = Cells(estimate("<script>alert(1)</script>")._repr_html_())
    assert "script" not in table.tags
    assert "own/<script>alert(1)</script>@all" in "".join(table.cells)


@pytest.mark.parametrize("name", sorted(auditkit.__all__))
def test_every_export_is_there(name: str) -> None:
    assert getattr(auditkit, name) is not None
    assert name in dir(auditkit)


def test_importing_the_package_loads_none_of_them() -> None:
    code = "import sys, auditkit; print([m for m in sys.modules if m.startswith(('auditkit.', 'pydantic', 'torch'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_documented_metric_runs_as_printed() -> None:
    text = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    code = text.partition("## A metric")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert names["Sample"] is Sample
    assert names["Score"] is Score
    assert names["example_hits"].name == "example_hits"  # type: ignore[attr-defined]
