"""TruthfulQA (Lin et al. 2022): `mc_task.json`, a list of questions with `mc1_targets`; categories in a CSV beside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from string import ascii_uppercase

from auditkit.errors import PackError
from auditkit.load.files import File, Row
from auditkit.load.readers.short_names import mark

CATEGORIES = "v1/TruthfulQA.csv"


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a question. The line is the question's place in the list, from 1: the file is one line.

    The file lists the right answer first; here the answers stand in the order of their hashes, so that a model that
    prefers a position gains nothing.

    Raises:
        PackError: a question with no or several right answers.
    """
    topics = {cells["Question"].strip(): cells["Category"] for _, cells in beside[CATEGORIES].table()}
    for place, row in enumerate(json.loads(file.text()), start=1):
        question, answers = row["question"], row["mc1_targets"]
        if sum(answers.values()) != 1:
            raise PackError(f"{file.where}:{place}: {sum(answers.values())} answers are right; MC1 has one")
        order = sorted(answers, key=lambda answer: mark(question, answer))
        yield Row(place, {
            "input": {"question": question}, "target": ascii_uppercase[[answers[text] for text in order].index(1)],
            "choices": [{"text": text, "label": label} for text, label in zip(order, ascii_uppercase, strict=False)],
            "clusters": {"question": mark(question)}, "metadata": {"topic": topics[question.strip()]},
        })
