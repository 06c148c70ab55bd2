"""Multiple choice: the right one of several texts, given by its text, its letter, or its number from 0."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from auditkit.errors import PackError
from auditkit.load.tasks.kind import LIKELIHOODS_PER_BYTE, Classes, TaskKind
from auditkit.load.tasks.row import TaskRow
from auditkit.schema import Template


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    texts, answer = _cells(row)
    by_text, by_place = _readings(texts, answer)
    right = by_place if by_text is None else by_text
    if right is None:
        raise PackError(
            f'{row.place}: "answer" is "{answer[:40]}"; expected the text, the letter (A …) or the number (from 0) of '
            f"one of {len(texts)} choices"
        )
    choices = [{"text": text, "label": _letter(place)} for place, text in enumerate(texts)]
    return {"choices": choices, "target": _letter(right)}


def _cells(row: TaskRow) -> tuple[list[str], str]:
    texts = row.texts("choices")
    for place, text in enumerate(texts):
        if text in texts[:place]:
            remedy = "make the choices differ, or remove the row"
            raise PackError(f'{row.place}: "choices" holds "{text[:40]}" twice; {remedy}')
    return texts, row.text("answer")


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place)


def _readings(texts: list[str], answer: str) -> tuple[int | None, int | None]:
    """The choice whose text the answer is, and the choice whose letter or number (from 0) it is."""
    places = {name: place for place in range(len(texts)) for name in (str(place), _letter(place))}
    return texts.index(answer) if answer in texts else None, places.get(answer)


def _check(rows: Sequence[TaskRow]) -> None:
    """An answer that is one choice's text and another's letter or number is its text, unless other rows give letters.

    Data either write texts or letters and numbers: where a row shows that they write letters, an answer of both
    readings cannot be told.
    """
    by_place: TaskRow | None = None
    doubtful: TaskRow | None = None
    for row in rows:
        texts, answer = _cells(row)
        text, place = _readings(texts, answer)
        if text is None and place is not None:
            by_place = by_place or row
        elif text is not None and place is not None and text != place:
            doubtful = doubtful or row
    if by_place and doubtful:
        raise PackError(
            f'{doubtful.place}: "answer" is "{doubtful.text("answer")}", the text of one choice and the letter or '
            f"number of another, and {by_place.place} gives a letter or number; give the choice's text in every row"
        )


multiple_choice = TaskKind(
    inputs=("question",), truths=("choices", "answer"), truth=_truth, check=_check,
    request="choose", rules=(*LIKELIHOODS_PER_BYTE, "letter", "similarity"),
    template=Template(
        text="Question: {question}", letter="Question: {question}\n\n{options}", prefix="Answer:", inputs=("question",),
    ),
    metrics=("accuracy",),
)
