"""What a function returned, as answers. Each form is read in one way only; what fits none stops the audit in one line.

A class: its label; or probabilities, as `{label: p}`, as a list in the order of the declared `classes`, or as the
list of `{"label": …, "score": …}` that a `transformers` pipeline gives. A number: a number. A text: a text. Tags: a
list with a tag a word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auditkit.errors import ModelError
from auditkit.schema import Answer, FreeText, Number, Probabilities, Request, Tags

_SCORED = {"label", "score"}
"""Keys of what a `transformers` pipeline gives."""


class Unusable(Exception):
    """An answer that is none, for its text alone."""


def items_of(returned: Any, number: int, name: str) -> list[Any]:
    """The answers, one a text.

    Args:
        returned: what the function returned: a list, an array, a column or a frame.
        number: of texts.
        name: of the function, for messages.

    Raises:
        ModelError: no list, or of another length.
    """
    if hasattr(returned, "to_dict") and hasattr(returned, "columns"):  # a DataFrame: a column a class
        returned = returned.to_dict("records")
    elif hasattr(returned, "tolist"):  # an array, a tensor, a Series
        returned = returned.tolist()
    if isinstance(returned, (str, bytes, Mapping)) or not isinstance(returned, Sequence):
        raise ModelError(f"{name} returned {type(returned).__name__} for {number} texts; return a list of answers")
    if len(returned) != number:
        raise ModelError(f"{name} returned {len(returned)} answers for {number} texts; return one for each, in order")
    return list(returned)


def answer_of(item: Any, request: Request, classes: tuple[str, ...], name: str) -> Answer:
    """One answer.

    Args:
        item: what the function returned for the request.
        request: what was asked.
        classes: that the function declares.
        name: of the function, for messages.

    Raises:
        Unusable: it is missing, or its numbers cannot be probabilities.
        ModelError: it is of no kind that answers such a request.
    """
    if item is None:
        raise Unusable("the function returned None for this text")
    item = item.tolist() if hasattr(item, "tolist") else item
    if request.rule == "number":
        return Number(value=_number(item, name))
    if request.rule == "tags":
        return _tags(item, request, name)
    if request.rule != "probabilities":
        if not isinstance(item, str):
            raise ModelError(f"{name} returned {type(item).__name__} where a text is asked for; return texts")
        return FreeText(text=item)
    if isinstance(item, (str, bool, int)) or (isinstance(item, float) and item.is_integer() and not _is_share(item)):
        return FreeText(text=_label(item))
    return _probabilities(item, classes, name)


def _is_share(item: float) -> bool:
    """Whether a whole number may be the probability of one class, rather than a label."""
    return 0 <= item <= 1


def _label(item: str | bool | float) -> str:
    """A label as the rows write it: `true`, `1`."""
    if isinstance(item, bool):
        return str(item).lower()
    return item if isinstance(item, str) else str(int(item))


def _number(item: Any, name: str) -> float:
    if isinstance(item, bool) or not isinstance(item, (int, float)):
        raise ModelError(f"{name} returned {type(item).__name__} where a number is asked for; return numbers")
    if not math.isfinite(item):
        raise Unusable(f"the function returned {item} for this text")
    return float(item)


def _tags(item: Any, request: Request, name: str) -> Tags:
    if isinstance(item, str) or not isinstance(item, Sequence) or not all(isinstance(tag, str) for tag in item):
        raise ModelError(f"{name} returned {type(item).__name__} where tags are asked for; return a list, one a word")
    if len(item) != len(request.words):
        raise Unusable(f"the function returned {len(item)} tags for {len(request.words)} words")
    return Tags(tags=tuple(item))


def _probabilities(item: Any, classes: tuple[str, ...], name: str) -> Answer:
    """Probabilities by class; a lone `{"label": …, "score": …}` is a label, since those of the others are not known."""
    if isinstance(item, Mapping) and item.keys() == _SCORED:
        return FreeText(text=_label(item["label"]))
    if isinstance(item, float):
        if not math.isfinite(item):
            raise Unusable(f"the function returned {item} for this text")
        raise ModelError(
            f"{name} returned the lone number {item:g} for a text, and does not say of which class it is the "
            "probability; return {label: probability} with every class"
        )
    if isinstance(item, Mapping):
        shares = {_label(label): value for label, value in item.items()}
    elif _is_list(item) and all(isinstance(part, Mapping) and part.keys() == _SCORED for part in item):
        shares = {_label(part["label"]): part["score"] for part in item}
    elif _is_list(item) and all(isinstance(part, (int, float)) for part in item):
        shares = _in_order(item, classes, name)
    else:
        raise ModelError(f"{name} returned {type(item).__name__} for a text; return a label, or {{label: probability}}")
    return Probabilities(classes=_checked(shares, name))


def _is_list(item: Any) -> bool:
    return isinstance(item, Sequence) and not isinstance(item, str) and len(item) > 0


def _in_order(item: Sequence[float], classes: tuple[str, ...], name: str) -> dict[str, float]:
    if len(item) != len(classes):
        declared = f"declares {len(classes)}" if classes else "declares no classes"
        raise ModelError(
            f"{name} returned {len(item)} probabilities for a text, and {declared}; set its attribute classes to the "
            "labels, in order, or return {label: probability}"
        )
    return dict(zip(classes, item, strict=True))


def _checked(shares: Mapping[str, Any], name: str) -> dict[str, float]:
    """The shares as numbers between 0 and 1; those of several classes of one text need not sum to 1."""
    checked: dict[str, float] = {}
    for label, value in shares.items():
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ModelError(f'{name} returned {type(value).__name__} as the probability of "{label}"; return numbers')
        if not math.isfinite(value) or not -1e-9 <= value <= 1 + 1e-6:
            raise Unusable(f'the function returned {value} as the probability of "{label}"')
        checked[label] = min(1.0, max(0.0, float(value)))
    if not checked:
        raise Unusable("the function returned no class for this text")
    return checked
