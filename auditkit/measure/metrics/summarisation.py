"""Summaries: ROUGE by rouge-score, with words of any script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from auditkit.measure.answers import read_text, right_texts
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.measure.scorers.scripts import words
from auditkit.schema import Benchmark, Output, Sample, Score

_SENTENCE = re.compile(r"(?<=[.!?。！？।])[\"'”’)\]]*(?:\s+|(?<=[。！？])(?=\S))")
ENGLISH, OTHER = "rouge-score's, with the Porter stemmer", "letters and digits of any script, without a stemmer"


def tokenizer_of(language: str) -> str:
    """Which words are compared: rouge-score's own drop every letter but a–z, so they serve English alone."""
    return ENGLISH if language.lower().split("-")[0] in ("en", "eng") else OTHER


def sentences(text: str) -> str:
    """A sentence a line, as rougeLsum wants it; a text that has lines keeps them."""
    return text if "\n" in text.strip() else "\n".join(part for part in _SENTENCE.split(text.strip()) if part)


class Words:
    """rouge-score's tokenizer interface over words of any script."""

    def tokenize(self, text: str) -> list[str]:
        """Lower-case words."""
        return words(text)


@cache
def scorer(kind: str, words_of: str) -> Any:
    """A rouge-score scorer.

    Args:
        kind: rouge1, rouge2 or rougeLsum.
        words_of: `ENGLISH` or `OTHER`.
    """
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], use_stemmer=True, tokenizer=None if words_of == ENGLISH else Words())


def _context(card: Benchmark, samples: Sequence[Sample]) -> Context:
    return {"rouge_words": tokenizer_of(card.language)}


def rouge(kind: str, text: str, golds: Sequence[str], words_of: str) -> float:
    """F of the nearest reference, 0 to 1."""
    if kind == "rougeLsum":
        text, golds = sentences(text), [sentences(gold) for gold in golds]
    return float(scorer(kind, words_of).score_multi(list(golds), text)[kind].fmeasure)


def _by_rouge_score(kind: str) -> EvaluateForm:
    def compute(predictions: list[str], references: list[list[str]], language: str = "en") -> Computed:
        """The mean F of the nearest references, 0 to 1, and which words were compared."""
        words_of = tokenizer_of(language)
        values = [rouge(kind, text, golds, words_of) for text, golds in zip(predictions, references, strict=True)]
        return sum(values) / len(values), {"words": words_of}

    url = "https://github.com/google-research/google-research/tree/master/rouge"
    return EvaluateForm(compute, "text", "texts", url)


def _scored(name: str, kind: str, sample: Sample, output: Output, context: Context) -> Score:
    golds = right_texts(sample)
    if not golds:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = read_text(output)
    if answer.reason is not None:
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    value = rouge(kind, answer.text, golds, context["rouge_words"])
    return Score(sample_id=sample.id, metric=name, value=value, answer=answer.text)


@metric("rouge1", range=(0, 1), direction="higher", context=_context, title="ROUGE-1",
        evaluate=_by_rouge_score("rouge1"))
def rouge1(sample: Sample, output: Output, context: Context) -> Score:
    """Mean F of the words shared with the nearest reference. Range [0, 1], higher is better.

    rouge-score with its Porter stemmer for English; for other languages words of any script, in lower case and not
    stemmed (each character where there are no spaces). Source: Lin 2004.
    """
    return _scored("rouge1", "rouge1", sample, output, context)


@metric("rouge2", range=(0, 1), direction="higher", context=_context, title="ROUGE-2",
        evaluate=_by_rouge_score("rouge2"))
def rouge2(sample: Sample, output: Output, context: Context) -> Score:
    """Mean F of the pairs of neighbouring words shared with the nearest reference. Range [0, 1], higher is better.

    Words as for ROUGE-1. Source: Lin 2004.
    """
    return _scored("rouge2", "rouge2", sample, output, context)


@metric("rouge_lsum", range=(0, 1), direction="higher", context=_context, title="ROUGE-Lsum",
        evaluate=_by_rouge_score("rougeLsum"))
def rouge_lsum(sample: Sample, output: Output, context: Context) -> Score:
    """Mean F of the longest common subsequences, sentence by sentence. Range [0, 1], higher is better.

    Sentences are lines; a text of one line is split after . ! ? and their kin (no model is fetched for it). It is not
    ROUGE-L. Words as for ROUGE-1. Source: Lin 2004, §3.2.
    """
    return _scored("rouge_lsum", "rougeLsum", sample, output, context)
