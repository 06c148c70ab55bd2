"""Answers in words or numbers: SQuAD's exact match and token F1, and GSM8K's final number."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from auditkit.measure.answers import NUMBER, read_text, refused
from auditkit.measure.metric import Context, metric
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
    said, right = normalise(answer).split(), normalise(gold).split()
    if not said or not right:
        return float(said == right)
    common = sum((Counter(said) & Counter(right)).values())
    return 2 * common / (len(said) + len(right))


def gold_answers(sample: Sample, context: Context) -> tuple[str, ...]:
    """Right answers; an empty one where the passage holds none; none where the sample has no answer at all."""
    given = sample.references or (() if sample.target is None else (sample.target,))
    answers = tuple(text for text in given if normalise(text))
    return answers or (("",) if given or context.get("no_answer") else ())


def _kind(card: Benchmark, samples: Sequence[Sample]) -> Context:
    """Only where answers are extracted does a sample without references mean that there is no answer."""
    some = {"no_answer": "counts as an answer"} if card.request == "extract" else {}
    return {"normalisation": "SQuAD", **some}


def _answered(name: str, sample: Sample, output: Output, context: Context) -> tuple[str, tuple[str, ...]] | Score:
    golds = gold_answers(sample, context)
    if not golds:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = read_text(output)
    if answer.reason is not None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    absent = golds == ("",) and not isinstance(output.answer, SpanAnswer) and normalise(answer.text) in _NO_ANSWER
    return ("" if absent else answer.text), golds


@metric("exact_match", range=(0, 1), direction="higher", context=_kind, title="Exact match")
def exact_match(sample: Sample, output: Output, context: Context) -> Score:
    """Share of answers that equal a right one after normalisation: 1 or 0. Range [0, 1] (published times 100).

    Lower case, without punctuation and a/an/the; higher is better. Where the passage holds no answer (SQuAD 2.0), right
    is an empty span, or the words 'no answer', 'unanswerable', 'none', 'unknown'. Source: Rajpurkar et al. 2016, 2018.
    """
    found = _answered("exact_match", sample, output, context)
    if isinstance(found, Score):
        return found
    answer, golds = found
    hit = any(normalise(answer) == normalise(gold) for gold in golds)
    return Score(sample_id=sample.id, metric="exact_match", value=float(hit), answer=answer)


@metric("token_f1", range=(0, 1), direction="higher", context=_kind, title="Token F1")
def token_f1(sample: Sample, output: Output, context: Context) -> Score:
    """Mean F1 of the answer's words with those of the nearest right answer. Range [0, 1] (published times 100).

    Normalised as for exact match; higher is better. With no answer in the passage: 1 or 0. Source: the same.
    """
    found = _answered("token_f1", sample, output, context)
    if isinstance(found, Score):
        return found
    answer, golds = found
    value = max(token_overlap(answer, gold) for gold in golds)
    return Score(sample_id=sample.id, metric="token_f1", value=value, answer=answer)


def last_number(text: str) -> Decimal | None:
    """The last number of a text; `None` where it has none."""
    found = NUMBER.findall(text)
    try:
        return Decimal(found[-1].replace(",", "").replace("−", "-")) if found else None
    except InvalidOperation:
        return None


@metric("numeric_match", range=(0, 1), direction="higher", title="Numeric match")
def numeric_match(sample: Sample, output: Output) -> Score:
    """Share of texts whose last number is the last number of the right answer: 1 or 0. Range [0, 1], higher is better.

    Commas between thousands and currency signs do not count, nor trailing zeros. A text without a number is unparsed.
    Source: Cobbe et al. 2021, Training Verifiers to Solve Math Word Problems (GSM8K).
    """
    name = "numeric_match"
    given = sample.references or (() if sample.target is None else (sample.target,))
    golds = {number for text in given if (number := last_number(text)) is not None}
    if not golds:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    said = last_number(output.text or "")
    if refused(output):
        return Score(sample_id=sample.id, metric=name, value=None, reason="refused")
    if said is None:
        return Score(sample_id=sample.id, metric=name, value=None, reason="unparsed")
    return Score(sample_id=sample.id, metric=name, value=float(said in golds), answer=f"{said:f}")
