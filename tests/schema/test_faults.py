"""The first fault of a record: one line, in the words of where the value came from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from auditkit.schema import Config, Record
from auditkit.schema.faults import ARGUMENTS, KEYS, Fault, Vocabulary, first_fault


class Text(Record):
    kind: Literal["text"] = "text"
    words: str


class Number(Record):
    kind: Literal["number"] = "number"
    value: float = Field(ge=0)


class Holder(Record):
    answer: Annotated[Text | Number, Field(discriminator="kind")] | None = None
    metadata: dict[str, str | float | bool | None] = Field(default={})
    columns: dict[str, str | tuple[str, ...]] = Field(default={})
    pairs: tuple[tuple[str, int], ...] = ()
    even: int = 0

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("expected an even number")
        return value


def fault(record: type[Record], data: Any, vocabulary: Vocabulary = KEYS) -> Fault:
    with pytest.raises(ValidationError) as caught:
        record.model_validate(data)
    first = first_fault(caught.value, record, vocabulary)
    assert "\n" not in str(first)
    assert "http" not in str(first)
    return first


@pytest.mark.parametrize(
    ("data", "location"),
    [
        ({"answer": {"kind": "number", "value": -1}}, ("answer", "value")),
        ({"answer": {"kind": "text"}}, ("answer", "words")),
        ({"answer": {"kind": "other"}}, ("answer",)),
        ({"metadata": {"axis": [1]}}, ("metadata", "axis")),
        ({"columns": {"text": 3}}, ("columns", "text")),
        ({"columns": {"text": ["a", 3]}}, ("columns", "text")),
        ({"pairs": [["a", 1], ["b", "x"]]}, ("pairs", 1, 1)),
        ({"even": 3}, ("even",)),
        ([], ()),
    ],
)
def test_a_location_holds_only_what_the_user_wrote(data: Any, location: tuple[str | int, ...]) -> None:
    assert fault(Holder, data).location == location


def test_a_misspelt_name_comes_before_the_name_that_is_missing_because_of_it() -> None:
    assert str(fault(Config, {"modl": "m"})) == 'unknown key "modl"; did you mean "model"?'


def test_a_name_that_is_near_to_none_lists_those_that_there_are() -> None:
    first = fault(Config, {"model": "m", "explain": {"zzz": 1}})
    assert str(first) == 'unknown key "explain.zzz"; valid keys: budget, max_steps, samples, tolerance'


def test_each_vocabulary_names_places_its_way() -> None:
    data = {"model": "m", "typo_rate": 9}
    option = Vocabulary("option", lambda location: f"--{location[0]}".replace("_", "-"))
    assert str(fault(Config, data, option)).startswith("--typo-rate: ")
    assert str(fault(Config, data)).startswith('"typo_rate": ')
    assert "unknown argument" in str(fault(Config, {"model": "m", "limitt": 3}, ARGUMENTS))


def test_members_of_a_union_say_together_what_they_expected() -> None:
    first = fault(Holder, {"metadata": {"axis": [1]}})
    assert str(first) == (
        '"metadata.axis": Input should be a valid string or number or boolean (given: [1])'
    )


def test_a_validators_own_words_stand_without_pydantics_prefix() -> None:
    assert str(fault(Holder, {"even": 3})) == '"even": expected an even number (given: 3)'
