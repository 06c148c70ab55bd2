"""Translations: BLEU and chrF by sacreBLEU, 0 to 100 as they are published."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from auditkit.measure.answers import read_text
from auditkit.measure.metric import Context, metric
from auditkit.measure.scorers.refusal import refuses
from auditkit.measure.scorers.scripts import main_script
from auditkit.schema import Benchmark, Output, Sample, Score
from auditkit.stats.counts import BLEU_PARTS, CHRF_PARTS

_LOOKED_AT = 2_000
"""Samples whose references tell the script."""


def references(sample: Sample) -> tuple[str, ...]:
    """Right texts: the references, else the target."""
    return sample.references or (() if sample.target is None else (sample.target,))


def tokenizer(texts: Sequence[str]) -> str:
    """sacreBLEU's tokenizer for the script that texts are written in.

    13a splits at spaces, so that a Chinese sentence would be one word: `zh` for Han, `ja-mecab` for Japanese where
    MeCab is installed, else `char`, and `char` for Thai, Lao, Tibetan, Myanmar and Khmer.
    """
    script = main_script(texts)
    japanese = "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
    return {"spaced": "13a", "han": "zh", "kana": japanese}.get(script, "char")


def _numbers(samples: Sequence[Sample]) -> int:
    counts = {len(references(sample)) for sample in samples} - {0}
    return counts.pop() if len(counts) == 1 else -1


def _bleu_context(card: Benchmark, samples: Sequence[Sample]) -> Context:
    name = tokenizer([text for sample in samples[:_LOOKED_AT] for text in references(sample)])
    return {"bleu": _signature(bleu_scorer(name), samples), "tokenizer": name}


def _chrf_context(card: Benchmark, samples: Sequence[Sample]) -> Context:
    return {"chrf": _signature(chrf_scorer(), samples)}


def _signature(scorer: Any, samples: Sequence[Sample]) -> str:
    scorer.num_refs = _numbers(samples)
    return str(scorer.get_signature())


@cache
def bleu_scorer(name: str) -> Any:
    """sacreBLEU's BLEU with a tokenizer; all else as published."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=name)


@cache
def chrf_scorer() -> Any:
    """sacreBLEU's chrF2: character 6-grams, β = 2, no words."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _counts(scorer: Any, names: tuple[str, ...], text: str, golds: tuple[str, ...]) -> dict[str, float | str]:
    """The sums that a sentence adds to the corpus, as sacreBLEU counts them."""
    counts = scorer._extract_corpus_statistics([text], [[gold] for gold in golds])[0]
    return dict(zip(names, (float(count) for count in counts), strict=True))


def _best_bleu(sample: Sample, context: Context) -> dict[str, float | str] | None:
    golds = references(sample)
    return _counts(bleu_scorer(context["tokenizer"]), BLEU_PARTS, golds[0], golds) if golds else None


def _best_chrf(sample: Sample, context: Context) -> dict[str, float | str] | None:
    golds = references(sample)
    return _counts(chrf_scorer(), CHRF_PARTS, golds[0], golds) if golds else None


def _translated(name: str, sample: Sample, output: Output) -> str | Score:
    if not references(sample):
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = read_text(output)
    # where the right text reads as a refusal, a translation of it does too
    meant = output.finish_reason != "refusal" and any(refuses(gold) for gold in references(sample))
    if answer.reason is not None and not (answer.reason == "refused" and meant):
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    return answer.text


@metric("bleu", range=(0, 100), direction="higher", statistic="bleu", best=_best_bleu, context=_bleu_context,
        title="BLEU")
def bleu(sample: Sample, output: Output, context: Context) -> Score:
    """Corpus BLEU of sacreBLEU: geometric mean of 1- to 4-gram precision, times a brevity penalty.

    Range [0, 100], higher is better. The tokenizer follows the script of the references; its signature stands in the
    estimate's. A sentence scores sacreBLEU's sentence BLEU (effective order). Unscored ones are filled with the
    reference itself; how low they could bring it is not known, since a wrong text may be of any length. Sources:
    Papineni et al. 2002; Post 2018.
    """
    text = _translated("bleu", sample, output)
    if isinstance(text, Score):
        return text
    scorer = bleu_scorer(context["tokenizer"])
    parts = _counts(scorer, BLEU_PARTS, text, references(sample))
    sums = [int(value) for value in parts.values()]
    value = scorer.compute_bleu(sums[2:6], sums[6:], sums[0], sums[1], smooth_method="exp", effective_order=True).score
    return Score(sample_id=sample.id, metric="bleu", value=min(100.0, value), answer=text, parts=parts)


@metric("chrf", range=(0, 100), direction="higher", statistic="chrf", best=_best_chrf, context=_chrf_context,
        title="chrF2")
def chrf(sample: Sample, output: Output, context: Context) -> Score:
    """Corpus chrF2 of sacreBLEU: F of character 1- to 6-grams, recall counting twice as much as precision.

    Range [0, 100], higher is better; it needs no tokenizer. A sentence scores its own. Unscored ones are filled as for
    BLEU. Source: Popović 2015; sacreBLEU's signature stands in the estimate's.
    """
    text = _translated("chrf", sample, output)
    if isinstance(text, Score):
        return text
    parts = _counts(chrf_scorer(), CHRF_PARTS, text, references(sample))
    value = chrf_scorer()._compute_f_score(list(parts.values()))
    return Score(sample_id=sample.id, metric="chrf", value=min(100.0, value), answer=text, parts=parts)
