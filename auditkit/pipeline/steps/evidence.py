"""What an audit keeps of rows and answers: everything, hashes in the place of texts, or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

from auditkit.measure.answers import read
from auditkit.schema import Attribution, Estimate, Evidence, Output, Sample, Score, digest

EvidenceDetail = Literal["full", "hash", "none"]
"""The setting `evidence`: how much of the texts of rows and answers an audit keeps."""
KEPT_BACK = "its words are kept back (evidence: none)"
"""What stands in the place of a reason."""
_QUOTE = 8
"""Characters in a row that an error shares with a text: then it quotes it …"""
_SHORTEST = 3
"""… or all of a shorter text, from this length on."""


def cited_evidence(
    pairs: Iterable[tuple[Sample, Output | None]], estimates: Sequence[Estimate], scores: Sequence[Score],
    detail: EvidenceDetail,
) -> dict[str, Evidence]:
    """The samples that estimates cite, with the model's answers.

    Args:
        pairs: every sample and its output.
        estimates: of the audit.
        scores: of all metrics.
        detail: how much of the texts.

    Returns:
        Sample id to evidence, sorted by id.
    """
    if detail == "none":
        return {}
    cited = {
        name for estimate in estimates
        for name in (*estimate.cited.extreme, *estimate.cited.typical, *estimate.cited.unscored)
    }
    answers: dict[str, dict[str, str | None]] = {}
    for score in scores:
        if score.sample_id in cited:
            answers.setdefault(score.sample_id, {})[score.metric] = score.answer
    by_sample: dict[str, Evidence] = {}
    for sample, output in pairs:
        if sample.id in cited:
            evidence = evidence_of(sample, output, answers.get(sample.id, {}))
            by_sample[sample.id] = evidence if detail == "full" else hidden(evidence)
    return dict(sorted(by_sample.items()))


def evidence_of(sample: Sample, output: Output | None, answers: Mapping[str, str | None]) -> Evidence:
    """One sample with its answer; of a text also how it was read, since a page cannot read it, nor its hash."""
    written = output is not None and output.read(sample.labels) is None
    reading = read(sample, output) if written else None
    return Evidence(sample=sample, output=output, reading=reading, answers=dict(answers))


def kept_attributions(
    attributions: Iterable[Attribution], rank: Mapping[str, int], detail: EvidenceDetail
) -> tuple[Attribution, ...]:
    """Attributions of the samples to explain, by rank.

    Args:
        attributions: in the order of the journal.
        rank: sample id to its rank.
        detail: how much of the texts.
    """
    if detail == "none":
        return ()
    ranked = sorted((item for item in attributions if item.sample_id in rank), key=lambda item: rank[item.sample_id])
    return tuple(ranked) if detail == "full" else tuple(_without_words(item) for item in ranked)


def kept_reasons(reasons: Mapping[str, str], samples: Mapping[str, Sample], detail: EvidenceDetail) -> dict[str, str]:
    """Why samples have no answer or no explanation, without what the reasons quote of their rows.

    Args:
        reasons: sample id to an error's text.
        samples: sample id to sample.
        detail: how much of the texts.
    """
    if detail == "full":
        return dict(reasons)
    if detail == "none":  # a server may quote a prompt in a form that nothing recognises
        return {name: _kept_back(reason) for name, reason in reasons.items()}
    return {
        name: _without_quotes(reason, samples[name]) if name in samples else reason for name, reason in reasons.items()
    }


def _kept_back(reason: str) -> str:
    """The class of an error, without its words."""
    kind = re.match(r"[A-Z][A-Za-z]{2,40}(Error|Exception|Timeout)(?=:)", reason)
    return f"{kind[0]}: {KEPT_BACK}" if kind else KEPT_BACK


def kept_scores(scores: Iterable[Score], labels: Container[str], detail: EvidenceDetail) -> list[Score]:
    """Scores without the texts that were read as answers, nor those in what a statistic ranks.

    Args:
        scores: of all metrics.
        labels: the labels of all samples: names of classes and options, which stay under `hash`.
        detail: how much of the texts.
    """
    if detail == "full":
        return list(scores)

    def shown(text: str) -> str:
        """A label, or the hash of a text."""
        return text if text in labels else digest(text)

    return [
        score.model_copy(update={
            "answer": None if score.answer is None or detail == "none" else shown(score.answer),
            "parts": {key: shown(part) if isinstance(part, str) else part for key, part in score.parts.items()},
        }) for score in scores
    ]


def kept_samples(samples: Iterable[Sample], detail: EvidenceDetail) -> tuple[Sample, ...]:
    """Samples for the table of scores: the values of a user's columns of clusters may be texts."""
    if detail == "full":
        return tuple(samples)
    return tuple(
        sample.model_copy(update={"clusters": {name: digest(text)[:16] for name, text in sample.clusters.items()}})
        for sample in samples
    )


def kept_targets(samples: Iterable[Sample], detail: EvidenceDetail) -> dict[str, str | None]:
    """Sample id to what counts as right: a label, or the hash of a text; nothing where no texts are kept."""
    if detail == "none":
        return {}
    return {
        sample.id: sample.target if detail == "full" or sample.target is None
        else _hidden_unless(sample.labels, sample.target)
        for sample in samples
    }


def hidden(evidence: Evidence) -> Evidence:
    """Texts replaced by their hashes, for audits whose rows must not be shown; labels, classes and tags stay."""
    sample = evidence.sample
    changes: dict[str, Any] = {
        "choices": tuple(choice.model_copy(update={"text": digest(choice.text)}) for choice in sample.choices),
        "input": {name: digest(text) for name, text in sample.input.items()},
        "words": tuple(digest(word) for word in sample.words),
        "clusters": {name: digest(text)[:16] for name, text in sample.clusters.items()},
        "references": tuple(_hidden_unless(sample.labels, text) for text in sample.references),
        "target": None if sample.target is None else _hidden_unless(sample.labels, sample.target),
    }
    output = None if evidence.output is None else evidence.output.hidden()
    if output is not None and output.error is not None:
        output = output.model_copy(update={"error": _without_quotes(output.error, sample)})
    answers = evidence.answers
    if not sample.choices or output != evidence.output:  # what a metric read is then a text, unless it is a label
        answers = {
            name: None if answer is None else _hidden_unless(sample.labels, answer) for name, answer in answers.items()
        }
    return evidence.model_copy(
        update={"sample": sample.model_copy(update=changes), "output": output, "answers": answers}
    )


def _without_quotes(reason: str, sample: Sample) -> str:
    """A reason with a mark in the place of what it quotes of the row: perhaps cut off, in other case, or escaped."""
    texts = [
        *sample.input.values(), *(choice.text for choice in sample.choices), *sample.words, *sample.references,
        sample.target or "",
    ]
    quoted, lowered = bytearray(len(reason)), _lowered(reason)
    forms = {form for text in texts for form in (text, json.dumps(text)[1:-1], repr(text)[1:-1])}
    for text in map(_lowered, forms):
        length = min(_QUOTE, len(text))
        if length < _SHORTEST:
            continue
        for start in range(len(reason) - length + 1):
            if lowered[start : start + length] in text:
                quoted[start : start + length] = b"\1" * length
    runs = groupby(zip(reason, quoted, strict=True), key=lambda pair: pair[1])
    return "".join("[…]" if is_quote else "".join(letter for letter, _ in run) for is_quote, run in runs)


def _lowered(text: str) -> str:
    """In lower case, letter by letter, so that places stay where they are."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def _hidden_unless(labels: Sequence[str], text: str) -> str:
    return text if text in labels else digest(text)


def _without_words(item: Attribution) -> Attribution:
    return item.model_copy(update={
        "tokens": tuple(digest(token)[:8] for token in item.tokens),
        "words": tuple(digest(word)[:8] for word in item.words),
    })
