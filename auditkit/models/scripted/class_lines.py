"""Saved answers of a classifier whose classes are not those of the rows: one column of two, or a class more.

One probability of two classes is that class's, and the other class has the rest; it is never the most likely class for
being the only one. A class that no row holds is the model's own, and a wrong answer. What cannot be told is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditkit.errors import ModelError
from auditkit.models.scripted.prediction_lines import Prediction

_NAME = re.compile(r"[^\W\d_][^\n.!?,;:]{0,39}")
_MISSING = frozenset({"nan", "none", "null", "n/a", "na", "unknown", "error", "no answer", "unparsed", "missing"})
_MOST_WORDS = 3
_SLACK = 0.01
"""By how much probabilities may miss a sum of 1 through rounding."""


def completed(
    lines: Mapping[str, Prediction], labels: Sequence[str], texts: Sequence[str]
) -> tuple[dict[str, Prediction], list[str]]:
    """The lines of one pack with the probabilities and classes that they leave out.

    Args:
        lines: sample id to line.
        labels: the classes of the rows.
        texts: other words that stand for them.

    Returns:
        The lines, and what is to be said of them.

    Raises:
        ModelError: no class of the lines is one of the rows, or which class is the most likely cannot be told.
    """
    shares = {name: line for name, line in lines.items() if line.column == "probabilities"}
    classes = {label for line in shares.values() for label in line.value}
    if shares and not classes & set(labels):
        first = next(iter(shares.values()))
        raise ModelError(
            f'{first.where}: "probabilities" are of {_list(classes)}, and the rows hold {_list(labels)}; name the '
            f"classes as the rows do"
        )
    result = dict(lines)
    filled = 0
    for name, line in shares.items():
        result[name] = _filled(line, labels, classes)
        filled += result[name] is not line
    notes = [f"{filled} answers give the probability of one class of two; the other has the rest"] if filled else []
    own = _own_classes(lines, (*labels, *texts))
    result |= {name: replace(lines[name], column="class") for name in own}
    foreign = Counter(lines[name].value for name in own)
    for line in shares.values():
        best = max(line.value, key=line.value.__getitem__)
        if best not in labels:
            foreign[best] += 1
    if foreign:
        told = f"{sum(foreign.values())} answers name a class that no row holds ({_list(foreign)})"
        notes.append(f"{told}: each is wrong")
    return result, notes


def _filled(line: Prediction, labels: Sequence[str], classes: set[str]) -> Prediction:
    """The line with the probability of the class that it leaves out, where there is one such class of two."""
    rest = 1 - sum(line.value.values())
    missing = [label for label in labels if label not in line.value]
    if rest <= _SLACK or not missing:
        return line
    if len(labels) == 2 and len(line.value) == 1 and classes <= set(labels):
        return replace(line, value={**line.value, missing[0]: rest})
    if max(line.value.values()) <= rest:
        raise ModelError(
            f'{line.where}: "probabilities" of {_list(line.value)} leave {rest:.2f} to other classes, so that which is '
            f"the most likely cannot be told; write one for each of {_list(labels)}"
        )
    return line


def _own_classes(lines: Mapping[str, Prediction], labels: Sequence[str]) -> list[str]:
    """Samples whose answer is a bare name that is no class of the rows, in a file of bare class names."""
    answers = {name: line.value.strip() for name, line in lines.items() if line.column == "answer"}
    right = sum(answer in labels for answer in answers.values())
    if 2 * right < len(answers):
        return []
    folded = {label.casefold() for label in labels}
    return [
        name for name, answer in answers.items()
        if answer.casefold() not in folded | _MISSING and _NAME.fullmatch(answer) and len(answer) > 1
        and len(answer.split()) <= _MOST_WORDS
    ]


def _list(names: Sequence[str] | set[str] | Mapping[str, object]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:8]) + (" …" if len(ordered) > 8 else "")
