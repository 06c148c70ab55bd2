"""Tags of words: entities whole and typed (seqeval), and single words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure.answers import refused
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.measure.metrics.f1 import f1
from auditkit.measure.scorers import entities
from auditkit.schema import Benchmark, Output, Reason, Sample, Score, Tags
from auditkit.stats.columns import Mask
from auditkit.stats.corpus import statistic
from auditkit.stats.weighted import Additive, Fills, Parts

_URL = "https://github.com/chakki-works/seqeval"

# The corpus formulas


def _best_alone(parts: Parts, missing: Mask) -> Fills:
    """Highest: the best possible answers. No lowest is known: a wrong answer may invent any number of entities."""
    return None, parts


@statistic(fill=_best_alone, undefined="nothing was there and nothing was found", holds=True)
def pooled_f1(parts: Parts) -> Additive:
    """F1 of all entities of the corpus: parts `true_positives`, `gold` and `predicted` count those of a sentence."""
    terms = [parts["true_positives"], parts["gold"], parts["predicted"]]
    return Additive.of(terms, lambda sums: f1(*sums.T))


def _share_fill(parts: Parts, missing: Mask) -> Fills:
    """Lowest: no word of a missing sentence is right. Highest: the best possible answers, all of them."""
    return {**parts, "correct": np.where(missing, 0.0, parts["correct"])}, parts


@statistic(fill=_share_fill, holds=True)
def share_of_words(parts: Parts) -> Additive:
    """Right words over all words: parts `correct` and `total` count those of a sentence."""
    return Additive.of([parts["correct"], parts["total"]], lambda sums: np.asarray(sums[:, 0] / sums[:, 1]))


# The same by seqeval


def _f1_by_seqeval(*, strict: bool) -> EvaluateForm:
    def compute(
        predictions: list[list[str]], references: list[list[str]], scheme: str | None = None
    ) -> Computed:
        """seqeval's F1 in the scheme (that of the references, where none is named); predictions hold a tag a word."""
        from seqeval import metrics
        from seqeval import scheme as schemes

        scheme = scheme or entities.read_scheme(references)
        if scheme is None:
            raise MeasurementError("the references hold no B- or I- tags, so there are no entities; use token_accuracy")
        letters = scheme if strict else "IOBES"
        gold, predicted = ([entities.clean(tags, letters) for tags in rows] for rows in (references, predictions))
        if all(tag == "O" for rows in (gold, predicted) for tags in rows for tag in tags):
            return None, {"scheme": scheme}
        mode = {"mode": "strict", "scheme": getattr(schemes, scheme)} if strict else {}
        return float(metrics.f1_score(gold, predicted, zero_division=0, **mode)), {"scheme": scheme}

    return EvaluateForm(compute, "texts", "texts", _URL)


def _accuracy_by_seqeval(predictions: list[list[str]], references: list[list[str]]) -> Computed:
    from seqeval import metrics

    return float(metrics.accuracy_score(references, predictions))


# The metrics


def _scheme(card: Benchmark, samples: Sequence[Sample]) -> Context:
    """The scheme and the types of the right tags of all samples."""
    scheme = entities.read_scheme(sample.tags for sample in samples)
    if scheme is None:
        raise MeasurementError(f"{card.name}: its tags have no B- or I-, so there are no entities; use token_accuracy")
    types = sorted({tag[2:] for sample in samples for tag in sample.tags if tag[1:2] == "-"})
    return {"tag_scheme": scheme, "types": ", ".join(types)}


def _words(card: Benchmark, samples: Sequence[Sample]) -> Context:
    scheme = entities.read_scheme(sample.tags for sample in samples)
    return {} if scheme is None else dict(_scheme(card, samples))


def read_tags(sample: Sample, output: Output, context: Context) -> tuple[list[str], list[str]] | Reason:
    """Right and answered tags, one a word; an entity that a text invented adds a word that should have none.

    Raises:
        MeasurementError: another number of tags than words.
    """
    gold = list(sample.tags)
    if isinstance(output.answer, Tags):
        tags = output.answer.tags
        if len(tags) != len(sample.words):
            raise MeasurementError(
                f"{sample.id}: {len(tags)} tags for {len(sample.words)} words; the request was not built from it"
            )
        return gold, list(tags)
    if refused(output):
        return "refused"
    scheme = context.get("tag_scheme")
    types = context.get("types", "").split(", ")
    parsed = None if scheme is None else entities.parse(output.text or "", sample.words, types)
    if scheme is None or parsed is None:
        return "unparsed"
    spans, invented = parsed
    predicted = entities.tagged(spans, len(sample.words), scheme)
    for kind in invented:
        predicted += ["O", *entities.tagged([(kind, 0, 1)], 1, "IOB2" if scheme == "IOB1" else scheme)]
    return gold + ["O"] * (len(predicted) - len(gold)), predicted


def _scheme_of(output: Output, context: Context) -> str:
    """The scheme of an answer: of tags, that of all answers together; of a text, that of the right tags."""
    scheme = context["tag_scheme"]
    return context.get("answer_scheme", scheme) if isinstance(output.answer, Tags) else scheme


def _all_entities(sample: Sample, context: Context) -> dict[str, float | str] | None:
    if not sample.tags:
        return None
    count = float(len(entities.strict_spans(sample.tags, context["tag_scheme"])))
    return {"true_positives": count, "gold": count, "predicted": count}


def _entities(name: str, sample: Sample, output: Output, context: Context, strict: bool) -> Score:
    if not sample.tags:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    tags = read_tags(sample, output, context)
    if isinstance(tags, str):
        return Score(sample_id=sample.id, metric=name, value=None, reason=tags)
    scheme = context["tag_scheme"]
    if strict:
        gold = entities.strict_spans(tags[0], scheme)
        predicted = entities.strict_spans(tags[1], _scheme_of(output, context))
    else:
        gold, predicted = (entities.lenient_spans(row) for row in tags)
    hits, size = len(gold & predicted), len(gold) + len(predicted)
    parts: dict[str, float | str] = {
        "true_positives": float(hits), "gold": float(len(gold)), "predicted": float(len(predicted))
    }
    in_order = sorted(predicted, key=lambda span: span[1:])
    answer = ", ".join(f"{kind} {start}–{end - strict}" for kind, start, end in in_order)
    value = 2 * hits / size if size else 1.0
    return Score(sample_id=sample.id, metric=name, value=value, answer=answer or "none", parts=parts)


@metric("entity_f1", range=(0, 1), direction="higher", statistic=pooled_f1, best=_all_entities, context=_scheme,
        title="Entity F1 (strict)", evaluate=_f1_by_seqeval(strict=True))
def entity_f1(sample: Sample, output: Output, context: Context) -> Score:
    """F1 of entities, right only with the right type and both ends: 2·TP/(predicted + gold) over the corpus.

    seqeval's f1_score(mode="strict"), right and answered tags each in the scheme that they are written in (found over
    all of them; IOB2 for BIOES is a change of letters); what is ill-formed in it is no entity.
    Range [0, 1], higher is better. A sentence scores its own F1, 1 where there is nothing and nothing is found.
    An unscored one is filled with all its entities; how low it could bring the number is not known, since a written
    answer may invent any number. Source: Tjong Kim Sang and De Meulder 2003 (CoNLL); seqeval.
    """
    return _entities("entity_f1", sample, output, context, strict=True)


@metric("entity_f1_lenient", range=(0, 1), direction="higher", statistic=pooled_f1, best=_all_entities, context=_scheme,
        title="Entity F1 (lenient)", evaluate=_f1_by_seqeval(strict=False))
def entity_f1_lenient(sample: Sample, output: Output, context: Context) -> Score:
    """The same with ill-formed tags repaired as conlleval does: a stray I- begins an entity. seqeval's default mode.

    Range [0, 1], higher is better; never compare it with the strict one.
    """
    return _entities("entity_f1_lenient", sample, output, context, strict=False)


def _all_words(sample: Sample, context: Context) -> dict[str, float | str] | None:
    count = float(len(sample.tags))
    return {"correct": count, "total": count} if sample.tags else None


@metric("token_accuracy", range=(0, 1), direction="higher", statistic=share_of_words, best=_all_words, context=_words,
        title="Token accuracy", evaluate=EvaluateForm(_accuracy_by_seqeval, "texts", "texts", _URL))
def token_accuracy(sample: Sample, output: Output, context: Context) -> Score:
    """Share of words with the right tag, over all words of the corpus. Range [0, 1], higher is better.

    seqeval's accuracy_score. Most words are outside any entity: a tagger that finds nothing scores high. A sentence
    scores its own share.
    """
    if not sample.tags:
        return Score(sample_id=sample.id, metric="token_accuracy", value=None, reason="outside")
    tags = read_tags(sample, output, context)
    if isinstance(tags, str):
        return Score(sample_id=sample.id, metric="token_accuracy", value=None, reason=tags)
    gold, predicted = tags
    right = sum(true == named for true, named in zip(gold, predicted, strict=True))
    return Score(sample_id=sample.id, metric="token_accuracy", value=right / len(gold), answer=" ".join(predicted),
                 parts={"correct": float(right), "total": float(len(gold))})
