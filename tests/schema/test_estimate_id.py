"""The name of an estimate is printed and read back in one place, whatever characters its parts hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auditkit.schema import EstimateId

texts = st.text(max_size=12) | st.text(alphabet="/@~[]=:%ga p5D\n'\"é", max_size=12)
groups = texts | st.sampled_from(["gap", "smallest_ratio", "difference"])


@st.composite
def ids(draw: st.DrawFn) -> EstimateId:
    name: dict[str, object] = {
        key: draw(texts) for key in ("benchmark", "metric", "arm", "variant")
    } | {"slice": draw(st.dictionaries(texts, texts, max_size=3))}
    part = draw(st.sampled_from(["pooled", "group", "contrast of groups", "contrast"]))
    if part in ("group", "contrast of groups"):
        name["axis"] = draw(texts)
    if part == "group":
        name["group"] = draw(groups)
    if part.startswith("contrast"):
        name["contrast"] = draw(st.sampled_from(["gap", "smallest_ratio", "difference"]))
    return EstimateId.model_validate(name)


@given(ids())
def test_what_is_printed_is_read_back(name: EstimateId) -> None:
    assert EstimateId.parse(str(name)) == name
    assert hash(EstimateId.parse(str(name))) == hash(name)


@given(ids(), ids())
def test_two_names_are_never_printed_alike(one: EstimateId, other: EstimateId) -> None:
    assert (str(one) == str(other)) == (one == other)


@pytest.mark.parametrize(
    ("fields", "printed"),
    [
        ({}, "claims/accuracy@all"),
        ({"variant": "typos"}, "claims/accuracy@all~typos"),
        ({"variant": "typos", "contrast": "difference"}, "claims/accuracy@all~typos[difference]"),
        ({"slice": {"topic": "health", "age": "old"}}, "claims/accuracy@all[age=old][topic=health]"),
        ({"axis": "gender", "group": "female"}, "claims/accuracy@all[gender:female]"),
        ({"axis": "gender", "contrast": "gap"}, "claims/accuracy@all[gender:gap]"),
        ({"axis": "gender", "group": "gap"}, "claims/accuracy@all[gender:%67ap]"),
        ({"metric": "evaluate:./module#key"}, "claims/evaluate:./module#key@all"),
        ({"slice": {"a=b": "c]d"}}, "claims/accuracy@all[a%3Db=c%5Dd]"),
    ],
)
def test_printed_form(fields: dict[str, object], printed: str) -> None:
    name = EstimateId.model_validate({"benchmark": "claims", "metric": "accuracy", "arm": "all", **fields})
    assert str(name) == printed
    assert EstimateId.parse(printed) == name


@pytest.mark.parametrize("text", ["", "claims", "claims/accuracy", "c/a@all[gender]", "c/a@all[gender:female"])
def test_what_names_no_estimate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not name an estimate|contrast"):
        EstimateId.parse(text)


@pytest.mark.parametrize(
    "fields", [{"group": "female"}, {"axis": "gender"}, {"axis": "gender", "group": "female", "contrast": "gap"}]
)
def test_an_axis_stands_with_one_of_group_and_contrast(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="axis"):
        EstimateId.model_validate({"benchmark": "b", "metric": "m", "arm": "a", **fields})


def test_pooled_is_all_rows_of_an_arm_and_variant() -> None:
    pooled = EstimateId.parse("b/m@a~typos")
    assert pooled.pooled
    assert pooled.clean == EstimateId.parse("b/m@a")
    for text in ("b/m@a~typos[k=v]", "b/m@a~typos[x:g]", "b/m@a~typos[x:gap]", "b/m@a~typos[difference]"):
        part = EstimateId.parse(text)
        assert not part.pooled
        assert part.over_all_rows == pooled
    assert EstimateId.parse("b/m@a~typos[x:g]").in_benchmark == "m@a~typos[x:g]"
