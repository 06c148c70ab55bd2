"""Tags of words: entities whole and typed (seqeval), and single words."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.errors import MeasurementError
from auditkit.measure.answers import refused
from auditkit.measure.metric import Context, metric
from auditkit.measure.scorers import entities
from auditkit.schema import Benchmark, Output, Reason, Sample, Score, Tags


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
    found, invented = parsed
    said = entities.tagged(found, len(sample.words), scheme)
    for kind in invented:
        said += ["O", *entities.tagged([(kind, 0, 1)], 1, "IOB2" if scheme == "IOB1" else scheme)]
    return gold + ["O"] * (len(said) - len(gold)), said


def _found(sample: Sample, context: Context) -> dict[str, float | str] | None:
    if not sample.tags:
        return None
    count = float(len(entities.strict_spans(sample.tags, context["tag_scheme"])))
    return {"true_positives": count, "gold": count, "predicted": count}


def _entities(name: str, sample: Sample, output: Output, context: Context, strict: bool) -> Score:
    if not sample.tags:
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    found = read_tags(sample, output, context)
    if isinstance(found, str):
        return Score(sample_id=sample.id, metric=name, value=None, reason=found)
    scheme = context["tag_scheme"]
    gold, said = (entities.strict_spans(tags, scheme) if strict else entities.lenient_spans(tags) for tags in found)
    hits, size = len(gold & said), len(gold) + len(said)
    parts: dict[str, float | str] = {
        "true_positives": float(hits), "gold": float(len(gold)), "predicted": float(len(said))
    }
    answer = ", ".join(f"{kind} {start}–{end - strict}" for kind, start, end in sorted(said, key=lambda s: s[1:]))
    value = 2 * hits / size if size else 1.0
    return Score(sample_id=sample.id, metric=name, value=value, answer=answer or "none", parts=parts)


@metric("entity_f1", range=(0, 1), direction="higher", statistic="pooled_f1", best=_found, context=_scheme,
        title="Entity F1 (strict)")
def entity_f1(sample: Sample, output: Output, context: Context) -> Score:
    """F1 of entities, right only with the right type and both ends: 2·TP/(predicted + gold) over the corpus.

    seqeval's f1_score(mode="strict") in the scheme that the right tags are written in; what is ill-formed in it is no
    entity. Range [0, 1], higher is better. A sentence scores its own F1, 1 where there is nothing and nothing is found.
    An unscored one is filled with all its entities; how low it could bring the number is not known, since a written
    answer may invent any number. Source: Tjong Kim Sang and De
    Meulder 2003 (CoNLL); seqeval.
    """
    return _entities("entity_f1", sample, output, context, strict=True)


@metric("entity_f1_lenient", range=(0, 1), direction="higher", statistic="pooled_f1", best=_found, context=_scheme,
        title="Entity F1 (lenient)")
def entity_f1_lenient(sample: Sample, output: Output, context: Context) -> Score:
    """The same with ill-formed tags repaired as conlleval does: a stray I- begins an entity. seqeval's default mode.

    Range [0, 1], higher is better; never compare it with the strict one.
    """
    return _entities("entity_f1_lenient", sample, output, context, strict=False)


def _all_words(sample: Sample, context: Context) -> dict[str, float | str] | None:
    count = float(len(sample.tags))
    return {"correct": count, "total": count} if sample.tags else None


@metric("token_accuracy", range=(0, 1), direction="higher", statistic="pooled_share", best=_all_words, context=_words,
        title="Token accuracy")
def token_accuracy(sample: Sample, output: Output, context: Context) -> Score:
    """Share of words with the right tag, over all words of the corpus. Range [0, 1], higher is better.

    seqeval's accuracy_score. Most words are outside any entity: a tagger that finds nothing scores high. A sentence
    scores its own share.
    """
    if not sample.tags:
        return Score(sample_id=sample.id, metric="token_accuracy", value=None, reason="outside")
    found = read_tags(sample, output, context)
    if isinstance(found, str):
        return Score(sample_id=sample.id, metric="token_accuracy", value=None, reason=found)
    gold, said = found
    right = sum(one == other for one, other in zip(gold, said, strict=True))
    return Score(sample_id=sample.id, metric="token_accuracy", value=right / len(gold), answer=" ".join(said),
                 parts={"correct": float(right), "total": float(len(gold))})
