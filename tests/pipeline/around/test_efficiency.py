"""What a model costs to run: measured where it can be, absent where it cannot, and never part of the audit's id."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import auditkit
from auditkit.pipeline.around.efficiency import efficiency
from auditkit.schema import Api, Audit, FreeText, Output


def records(outputs: list[Output], latencies: list[float], *, cached: int = 0, seconds: float = 2.0) -> Any:
    by_hash = {output.request: output for output in outputs}
    return SimpleNamespace(
        outputs=by_hash, from_cache=frozenset(list(by_hash)[:cached]), latencies=array("d", latencies), seconds=seconds
    )


def outputs(number: int, **fields: Any) -> list[Output]:
    given = {"prompt_tokens": 100, "completion_tokens": 10, **fields}
    return [Output(request=f"{at:064d}", rule="text", answer=FreeText(text="x"), **given) for at in range(number)]


def subject(kind: str) -> Any:
    return SimpleNamespace(subject=SimpleNamespace(kind=kind))


def test_quantiles_tokens_and_cost_by_hand() -> None:
    made = efficiency(
        subject("api"), 1.5, records(outputs(24), [float(at) for at in range(1, 21)], cached=4),
        Api(price_per_million_input=2.0, price_per_million_output=8.0),
    )
    assert made is not None
    assert (made.input_tokens, made.output_tokens) == (2000, 200)
    assert made.tokens_per_second == 1100.0
    assert made.latency == "request"
    assert (made.latency_median, made.latency_p95) == (10.5, 19.0)
    assert made.cost == pytest.approx((2000 * 2 + 200 * 8) / 1e6)


def test_a_cost_is_not_made_up() -> None:
    priced = Api(price_per_million_input=2.0)
    uncounted = efficiency(subject("api"), 1.0, records(outputs(2, prompt_tokens=0), [1.0, 1.0]), priced)
    assert uncounted is not None
    assert uncounted.cost is None
    free = efficiency(subject("api"), 1.0, records(outputs(2), [1.0, 1.0]), Api())
    assert free is not None
    assert free.cost is None
    local = efficiency(subject("causal"), 1.0, records(outputs(2), [1.0, 1.0]), priced)
    assert local is not None
    assert local.cost is None
    assert local.latency == "batch"


def test_nothing_timed_is_nothing_measured() -> None:
    made = efficiency(subject("causal"), 1.0, records(outputs(3), [], cached=3, seconds=0.0), Api())
    assert made is not None
    assert made.answers == 0
    assert made.tokens_per_second is made.latency is made.latency_median is made.latency_p95 is None


def test_no_model_no_efficiency() -> None:
    for kind in ("planted", "predictions"):
        assert efficiency(subject(kind), None, records(outputs(1), [1.0]), Api()) is None


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Audit]:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))

    def run(model: str, out: str, **settings: Any) -> Audit:
        return auditkit.audit(model, out=str(tmp_path / out), explain={"samples": 0}, **settings)

    return run


def test_an_endpoint_is_timed_request_by_request_and_its_prices_decide_nothing(
    toy: Any, audit: Callable[..., Audit]
) -> None:
    asked = {"packs": ["claims"], "limit": 8}
    first = audit(f"openai:toy@{toy.url}", "a", **asked, api={"price_per_million_input": 3.0, "concurrency": 4})
    second = audit(f"openai:toy@{toy.url}", "b", **asked, api={"concurrency": 4})
    assert first.observed is not None
    ran = first.observed.efficiency
    assert ran is not None
    assert ran.latency == "request"
    assert ran.answers == first.observed.requests == 8
    assert ran.latency_median is not None
    assert ran.latency_p95 is not None
    assert 0 < ran.latency_median <= ran.latency_p95
    assert ran.price_input == 3.0
    assert first.id == second.id
    assert second.observed is not None
    assert second.observed.efficiency is not None
    assert second.observed.efficiency.price_input is None


def test_answers_of_a_batch_share_its_time(tmp_path: Path, audit: Callable[..., Audit]) -> None:
    """Planted answers come in batches like a local model's: their journalled seconds are equal within a batch."""
    import json

    audit("planted:random", "run", packs=["claims"], limit=16)
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    taken = [line["body"]["seconds"] for line in lines if line["kind"] == "output"]
    assert len(taken) == 16
    assert len(set(taken)) == 1
    assert all(line["body"]["latency"] is None for line in lines if line["kind"] == "output")
