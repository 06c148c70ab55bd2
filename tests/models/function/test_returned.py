"""What a function returns, read in one way only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import ModelError
from auditkit.models.function.returned import Unusable, answer_of, items_of
from auditkit.schema import FreeText, Number, Probabilities, Request, Tags

CLASSES = ("bad", "good")
SHARES = Probabilities(classes={"bad": 0.25, "good": 0.75})


def read(item: Any, rule: str = "probabilities", classes: tuple[str, ...] = CLASSES, **fields: Any) -> Any:
    kind = {"probabilities": "classify", "number": "classify", "tags": "tag"}.get(rule, "generate")
    return answer_of(item, Request.model_validate({"kind": kind, "rule": rule, "text": "t", **fields}), classes, "f")


@pytest.mark.parametrize(("returned", "items"), [
    (["a", "b"], ["a", "b"]), (("a", "b"), ["a", "b"]), (np.array([[0.5, 0.5]] * 2), [[0.5, 0.5]] * 2),
    (pd.Series(["a", "b"]), ["a", "b"]), (pd.DataFrame({"x": [0.5, 1.0]}), [{"x": 0.5}, {"x": 1.0}]),
])
def test_lists_arrays_columns_and_frames_are_lists(returned: Any, items: list[Any]) -> None:
    assert items_of(returned, 2, "f") == items


@pytest.mark.parametrize(("returned", "fault"), [
    (["a"], "f returned 1 answers for 2 texts"), ("ab", "f returned str for 2 texts"),
    ({"a": 1, "b": 2}, "f returned dict"), (None, "f returned NoneType"), ((x for x in "ab"), "f returned generator"),
])
def test_what_is_no_list_of_that_length_stops_the_audit(returned: Any, fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        items_of(returned, 2, "f")


@pytest.mark.parametrize("item", [
    {"bad": 0.25, "good": 0.75}, [0.25, 0.75], (0.25, 0.75), np.array([0.25, 0.75]),
    [{"label": "good", "score": 0.75}, {"label": "bad", "score": 0.25}], {"bad": np.float32(0.25), "good": 0.75},
])
def test_probabilities_in_every_form(item: Any) -> None:
    assert dict(read(item).classes) == dict(SHARES.classes)


@pytest.mark.parametrize(("item", "label"), [
    ("good", "good"), (1, "1"), (np.int64(4), "4"), (True, "true"), (2.0, "2"),
    ({"label": "good", "score": 0.9}, "good"),
])
def test_labels_are_written_as_rows_write_them(item: Any, label: str) -> None:
    assert read(item) == FreeText(text=label)


@pytest.mark.parametrize("item", [
    None, {"bad": math.nan, "good": 0.5}, [0.5, math.inf], [1.5, 0.0], [-0.2, 0.5], math.nan, {},
])
def test_numbers_that_are_no_shares_are_errors_of_this_text(item: Any) -> None:
    with pytest.raises(Unusable, match=r"the function returned .* (this text|probability)"):
        read(item)


@pytest.mark.parametrize(("item", "fault"), [
    (0.75, "lone number 0.75"), (1.0, "lone number 1"), ([0.5, 0.2, 0.3], "3 probabilities .* declares 2"),
    (["good"], "returned list"), (object(), "returned object"), ({"bad": "high"}, 'as the probability of "bad"'),
])
def test_what_cannot_be_read_one_way_stops_the_audit(item: Any, fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        read(item)


def test_lists_need_declared_classes() -> None:
    with pytest.raises(ModelError, match="declares no classes; set its attribute classes"):
        read([0.5, 0.5], classes=())


def test_numbers_texts_and_tags() -> None:
    assert read(2.5, "number") == Number(value=2.5)
    assert read("so it is", "text") == FreeText(text="so it is")
    assert read(["O", "B-PER"], "tags", words=("a", "b")) == Tags(tags=("O", "B-PER"))
    with pytest.raises(Unusable, match="1 tags for 2 words"):
        read(["O"], "tags", words=("a", "b"))
    for item, rule in (("x", "number"), (True, "number"), (3, "text"), ("O", "tags")):
        with pytest.raises(ModelError, match="f returned"):
            read(item, rule)
