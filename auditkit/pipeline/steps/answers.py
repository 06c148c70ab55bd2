"""The samples, requests and answers of a journal, by pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.schema import Benchmark, Output, Request, Sample
from auditkit.store.records import JournalRecords


@dataclass(frozen=True)
class PackAnswers:
    """The samples of one pack with what was asked and answered, by sample id."""

    card: Benchmark
    samples: tuple[Sample, ...]
    requests: Mapping[str, Request]
    outputs: Mapping[str, Output | None]


def answers_by_pack(records: JournalRecords) -> list[PackAnswers]:
    """The journal's samples, requests and outputs, by pack, sorted by sample id."""
    request_of = {sample: records.requests[sha] for sha, askers in records.askers.items() for sample in askers}
    packs = []
    for card in records.header.cards:
        samples = tuple(sorted((s for s in records.samples if s.benchmark == card.name), key=lambda s: s.id))
        requests = {sample.id: request_of[sample.id] for sample in samples if sample.id in request_of}
        outputs = {
            sample.id: _counted(card, records.outputs.get(requests[sample.id].sha256))
            if sample.id in requests else None
            for sample in samples
        }
        packs.append(PackAnswers(card=card, samples=samples, requests=requests, outputs=outputs))
    return packs


def _counted(card: Benchmark, output: Output | None) -> Output | None:
    """The output, marked where its prompt was cut and the card lets it count."""
    if output is None or not output.truncated or not card.allow_cut:
        return output
    return output.model_copy(update={"cut_allowed": True})
