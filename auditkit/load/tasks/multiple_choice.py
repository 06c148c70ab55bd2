"""Multiple choice: the right one of several texts, given by its text, its letter, or its number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase
from typing import Any

from auditkit.errors import PackError
from auditkit.load.tasks.kind import LIKELIHOODS_PER_BYTE, Classes, TaskKind
from auditkit.load.tasks.row import TaskRow
from auditkit.schema import Template

_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")
_NUMBER = re.compile(r"(\d{1,3})(?:\.0)?")
"""Also as pandas writes a whole number in a column that has gaps."""


def _truth(row: TaskRow, classes: Classes) -> dict[str, Any]:
    texts, answer = _cells(row)
    if answer not in texts:
        raise PackError(
            f'{row.place}: "answer" is "{answer[:40]}"; expected the text, the letter (A …) or the number (from 0, or '
            f"from 1) of one of {len(texts)} choices"
        )
    choices = [{"text": text, "label": _letter(place)} for place, text in enumerate(texts)]
    return {"choices": choices, "target": _letter(texts.index(answer))}


def _cells(row: TaskRow) -> tuple[list[str], str]:
    texts = row.texts("choices")
    for place, text in enumerate(texts):
        if text in texts[:place]:
            remedy = "make the choices differ, or remove the row"
            raise PackError(f'{row.place}: "choices" holds "{text[:40]}" twice; {remedy}')
    return texts, row.text("answer")


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place)


def _number(answer: str) -> int | None:
    match = _NUMBER.fullmatch(answer.strip())
    return int(match[1]) if match else None


def _place(texts: list[str], answer: str, base: int) -> int | None:
    """The choice whose letter, or number from `base`, the answer is."""
    number, letter = _number(answer), _LETTER.fullmatch(answer.strip())
    if number is not None:
        place = number - base
    elif letter:
        place = ascii_uppercase.index(letter[1].upper())
    else:
        return None
    return place if 0 <= place < len(texts) else None


def _base(rows: Sequence[TaskRow]) -> int:
    """From what the numbers of answers count: from 0 where one is 0, from 1 where one is the number of choices.

    Raises:
        PackError: both, or neither: then nothing tells.
    """
    zero: TaskRow | None = None
    last: TaskRow | None = None
    number_of: TaskRow | None = None
    for row in rows:
        texts, answer = _cells(row)
        number = None if answer in texts else _number(answer)
        if number is None:
            continue
        number_of = number_of or row
        zero = zero or (row if number == 0 else None)
        last = last or (row if number == len(texts) else None)
    remedy = "write the letter (A …) or the choice's text"
    if zero and last:
        raise PackError(
            f'{last.place}: "answer" counts from 1 ({last.text("answer")} of as many choices), and from 0 at '
            f"{zero.place}; {remedy}"
        )
    if number_of and not (zero or last):
        raise PackError(
            f'{number_of.place}: "answer" is "{number_of.text("answer")}", and no row tells whether answers count from '
            f"0 or from 1; {remedy}"
        )
    return 1 if last else 0


def _settle(rows: list[TaskRow]) -> tuple[list[TaskRow], tuple[str, ...]]:
    """Every answer as the choice's text.

    An answer that is one choice's text and another's letter or number is its text, unless other rows give letters:
    data either write texts or letters and numbers, so that an answer of both readings cannot be told.
    """
    base = _base(rows)
    by_place: TaskRow | None = None
    doubtful: TaskRow | None = None
    settled, ways = [], Counter[str]()
    for row in rows:
        texts, answer = _cells(row)
        stripped = {text.strip(): text for text in texts}
        text = answer if answer in texts else stripped.get(answer.strip())
        place = _place(texts, answer, base)
        if text is None and place is not None:
            by_place = by_place or row
            ways[f"number from {base}" if _number(answer) is not None else "letter"] += 1
            text = texts[place]
        elif text is not None:
            ways["text"] += 1
            if place is not None and text != texts[place]:
                doubtful = doubtful or row
        settled.append(row if text is None else replace(row, values={**row.values, "answer": text}))
    if by_place and doubtful:
        raise PackError(
            f'{doubtful.place}: "answer" is "{doubtful.text("answer")}", the text of one choice and the letter or '
            f"number of another, and {by_place.place} gives a letter or number; give the choice's text in every row"
        )
    told = ", ".join(f"{count} by {way}" for way, count in sorted(ways.items()))
    return settled, (f"answers are given in several ways: {told}",) if len(ways) > 1 or base else ()


multiple_choice = TaskKind(
    inputs=("question",), truths=("choices", "answer"), truth=_truth, settle=_settle,
    request="choose", rules=(*LIKELIHOODS_PER_BYTE, "letter", "similarity"),
    template=Template(
        text="Question: {question}", letter="Question: {question}\n\n{options}", prefix="Answer:", inputs=("question",),
    ),
    metrics=("accuracy",),
)
