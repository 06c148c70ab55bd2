"""Answers in words or numbers: SQuAD's exact match and token F1, and GSM8K's final number."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from auditkit.measure.answers import NUMBER, read_text, refused, right_texts
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.schema import Benchmark, Output, Sample, Score, SpanAnswer

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
_NO_ANSWER = frozenset({"no answer", "unanswerable", "not answerable", "none", "unknown"})


def normalise(text: str) -> str:
    """Lower case, without punctuation (ASCII) and English articles, spaces collapsed: the official script's."""
    bare = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def token_overlap(answer: str, gold: str) -> float:
    """F1 of the words of two texts, as often as each occurs; 1 where both are empty, 0 where one is."""
    words, right = normalise(answer).split(), normalise(gold).split()
    if not words or not right:
        return float(words == right)
    common = sum((Counter(words) & Counter(right)).values())
    return 2 * common / (len(words) + len(right))


def equal(answer: str, gold: str) -> float:
    """1 where two texts are equal after normalisation, else 0."""
    return float(normalise(answer) == normalise(gold))


def _nearest(agreement: Callable[[str, str], float]) -> EvaluateForm:
    """Predictions are answers (empty: there is none); references are lists of right ones (empty: there is none)."""

    def compute(predictions: list[str], references: list[list[str]]) -> Computed:
        """The mean agreement with the nearest reference."""
        total = 0.0
        for answer, right in zip(predictions, references, strict=True):
            golds = [gold for gold in right if normalise(gold)] or [""]
            total += max(agreement(answer, gold) for gold in golds)
        return total / len(predictions)

    return EvaluateForm(compute, "text", "texts", "https://rajpurkar.github.io/SQuAD-explorer/")


def gold_answers(sample: Sample, context: Context) -> tuple[str, ...]:
    """Right answers; an empty one where the passage holds none; none where the sample has no answer at all."""
    right = right_texts(sample)
    answers = tuple(text for text in right if normalise(text))
    return answers or (("",) if right or context.get("no_answer") else ())


def _kind(card: Benchmark, samples: Sequence[Sample]) -> Context:
    """Only where answers are extracted does a sample without references mean that there is no answer."""
    absent = {"no_answer": "counts as an answer"} if card.request == "extract" else {}
    return {"normalisation": "SQuAD", **absent}


def _answered(name: str, sample: Sample, output: Output, context: Context) -> tuple[str, tuple[str, ...]] | Score:
    golds = gold_answers(sample, context)
    if not golds:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = read_text(output)
    if answer.reason is not None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    absent = golds == ("",) and not isinstance(output.answer, SpanAnswer) and normalise(answer.text) in _NO_ANSWER
    return ("" if absent else answer.text), golds


@metric("exact_match", range=(0, 1), direction="higher", context=_kind, title="Exact match",
        evaluate=_nearest(equal))
def exact_match(sample: Sample, output: Output, context: Context) -> Score:
    """Share of answers that equal a right one after normalisation: 1 or 0. Range [0, 1] (published times 100).

    Lower case, without punctuation and a/an/the; higher is better. Where the passage holds no answer (SQuAD 2.0), right
    is an empty span, or the words 'no answer', 'unanswerable', 'none', 'unknown'. Source: Rajpurkar et al. 2016, 2018.
    """
    reading = _answered("exact_match", sample, output, context)
    if isinstance(reading, Score):
        return reading
    answer, golds = reading
    value = max(equal(answer, gold) for gold in golds)
    return Score(sample_id=sample.id, metric="exact_match", value=value, answer=answer)


@metric("token_f1", range=(0, 1), direction="higher", context=_kind, title="Token F1",
        evaluate=_nearest(token_overlap))
def token_f1(sample: Sample, output: Output, context: Context) -> Score:
    """Mean F1 of the answer's words with those of the nearest right answer. Range [0, 1] (published times 100).

    Normalised as for exact match; higher is better. With no answer in the passage: 1 or 0. Source: the same.
    """
    reading = _answered("token_f1", sample, output, context)
    if isinstance(reading, Score):
        return reading
    answer, golds = reading
    value = max(token_overlap(answer, gold) for gold in golds)
    return Score(sample_id=sample.id, metric="token_f1", value=value, answer=answer)


def last_number(text: str) -> Decimal | None:
    """The last number of a text; `None` where it has none."""
    numbers = NUMBER.findall(text)
    try:
        return Decimal(numbers[-1].replace(",", "").replace("−", "-")) if numbers else None
    except InvalidOperation:
        return None


@metric("numeric_match", range=(0, 1), direction="higher", title="Numeric match")
def numeric_match(sample: Sample, output: Output) -> Score:
    """Share of texts whose last number is the last number of the right answer: 1 or 0. Range [0, 1], higher is better.

    Commas between thousands and currency signs do not count, nor trailing zeros. A text without a number is unparsed.
    Source: Cobbe et al. 2021, Training Verifiers to Solve Math Word Problems (GSM8K).
    """
    name = "numeric_match"
    golds = {number for text in right_texts(sample) if (number := last_number(text)) is not None}
    if not golds:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = last_number(output.text or "")
    if refused(output):
        return Score(sample_id=sample.id, metric=name, value=None, reason="refused")
    if answer is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="unparsed")
    return Score(sample_id=sample.id, metric=name, value=float(answer in golds), answer=f"{answer:f}")
