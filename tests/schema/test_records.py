"""Records: frozen, closed, no NaN, canonical hash, documented fields."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import BaseModel, ValidationError

from auditkit import schema
from auditkit.schema import FreeText, Option, OptionScore, Output, Request, Score, canonical, repair
from auditkit.schema.journal import ENTRIES


def test_nan_and_infinity_are_refused_everywhere() -> None:
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValidationError):
            OptionScore(sum=value, tokens=1, bytes=1)
        with pytest.raises(ValidationError):
            Score(sample_id="a", metric="m", value=value)
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical({"x": value})


def test_records_are_frozen_and_closed() -> None:
    request = Request(kind="choose", rule="loglikelihood", text="a")
    with pytest.raises(ValidationError):
        request.text = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Request(kind="choose", rule="loglikelihood", txt="a")  # type: ignore[call-arg]


def test_request_hash_covers_every_field() -> None:
    base = Request(kind="choose", rule="loglikelihood", text="a", options=(Option(text=" b"),))
    changed = [
        {"role": "scorer"}, {"kind": "classify"}, {"rule": "letter"}, {"text": "c"}, {"prefix": "A:"},
        {"text_pair": "d"}, {"words": ("e",)},
        {"options": (Option(text=" b", spans=((0, 1),)),)}, {"generation": schema.Generation()}, {"draw": 1},
    ]
    assert set(Request.model_fields) == {next(iter(change)) for change in changed}
    assert len({base.sha256, *(base.model_copy(update=change).sha256 for change in changed)}) == len(changed) + 1


def test_hash_is_computed_anew_for_a_changed_copy() -> None:
    base = Request(kind="choose", rule="loglikelihood", text="a")
    before = base.sha256
    assert Request(**{**base.model_dump(), "text": "b"}).sha256 != before


def test_lone_surrogates_are_replaced_and_flagged() -> None:
    assert repair("a\ud800b")[1]
    assert repair("ab") == ("ab", False)
    output = Output(request="r", rule="text", answer=FreeText(text="bad \ud83d end"))
    assert output.answer.repaired
    assert output.text is not None
    output.text.encode("utf-8")
    assert not Output(request="r", rule="text", answer=FreeText(text="good 😀")).answer.repaired


def test_a_score_has_a_value_or_a_reason() -> None:
    Score(sample_id="a", metric="m", value=0.0)
    Score(sample_id="a", metric="m", value=None, reason="tied")
    with pytest.raises(ValidationError):
        Score(sample_id="a", metric="m", value=None)
    with pytest.raises(ValidationError):
        Score(sample_id="a", metric="m", value=1.0, reason="tied")


RECORDS = [
    item for item in (*vars(schema).values(), *ENTRIES.values())
    if isinstance(item, type) and issubclass(item, schema.Record) and item is not schema.Record
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_record_is_documented_and_publishes_a_schema(record: type[BaseModel]) -> None:
    published = record.model_json_schema()
    json.dumps(published)
    own = published["$defs"][record.__name__] if "$ref" in published else published
    assert own["description"].strip()
    assert own["additionalProperties"] is False
    assert not [name for name, field in record.model_fields.items() if not field.description]


SAMPLE = {"id": "p/1", "benchmark": "p", "origin": "p/1", "source": {"file": "rows.jsonl", "line": 1}}


@pytest.mark.parametrize("value", [2.0, -0.0, 0.5, 2, True, None, "2.0", 1e300])
def test_a_fact_reads_the_same_before_it_is_written_and_after_it_is_read(value: object) -> None:
    """Slices are named by the fact as text."""
    sample = schema.Sample.model_validate({**SAMPLE, "metadata": {"a": value}})
    again = schema.Sample.model_validate_json(canonical(sample))
    assert str(again.metadata["a"]) == str(sample.metadata["a"])
    assert sample.metadata["a"] == value


def test_integers_that_json_cannot_hold_are_refused() -> None:
    largest = {"a": 2**53 - 1}
    assert schema.Sample.model_validate({**SAMPLE, "metadata": largest}).metadata == largest
    for value in (2**53, -(2**53), 1e20):
        with pytest.raises(ValidationError, match="write it as text"):
            schema.Sample.model_validate({**SAMPLE, "metadata": {"a": value}})
    with pytest.raises(ValidationError, match="seed"):
        schema.Config(model="m", seed=2**53)
