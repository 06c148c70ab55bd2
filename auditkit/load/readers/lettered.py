"""Multiple choice as CSV without a header: question, the options, the right one's letter (CommonsenseQA).

The model is asked for the letter, as the authors of MMLU do. So the choices are letters, and the options are fields
of the prompt: `a`, `b`, `c` … Rows with two equal options stay askable that way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from auditkit.errors import PackError
from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question; equal questions are one cluster."""
    for line, question, options, letter in questions(file):
        yield Row(line, {**lettered(question, options, letter), "clusters": {"question": mark(question)}})


def lettered(question: str, options: Sequence[str], letter: str) -> dict[str, Any]:
    """Input, choices and target of a row: the choices are letters."""
    letters = ascii_uppercase[: len(options)]
    return {
        "input": {"question": question, **dict(zip(letters.lower(), options, strict=True))}, "target": letter,
        "choices": [{"text": name, "label": name} for name in letters],
    }


def questions(file: File) -> Iterator[tuple[int, str, list[str], str]]:
    """Line, question, options and the right option's letter.

    Raises:
        PackError: a row without two options, or whose last cell is not the letter of an option.
    """
    for line, cells in file.table(columns=()):
        question, *options, letter = cells.values()
        if len(options) < 2 or len(letter) != 1 or letter not in ascii_uppercase[: len(options)]:
            raise PackError(f'{file.where}:{line}: the last cell is "{letter}", not a letter of {len(options)} options')
        yield line, question, options, letter
