"""The samples, requests and answers of a journal, by pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


class _Asked(Mapping[str, Request]):
    """Requests by sample id, made into objects when they are asked for: few are."""

    def __init__(self, sha_of: Mapping[str, str], requests: Mapping[str, Request]) -> None:
        """Join sample id to request hash with request hash to request."""
        self._sha_of = sha_of
        self._requests = requests

    def __getitem__(self, sample: str) -> Request:
        """The request of a sample."""
        return self._requests[self._sha_of[sample]]

    def __iter__(self) -> Iterator[str]:
        """Ids of the samples."""
        return iter(self._sha_of)

    def __len__(self) -> int:
        """How many samples."""
        return len(self._sha_of)


def answers_by_pack(records: JournalRecords) -> list[PackAnswers]:
    """The journal's samples, requests and outputs, by pack, sorted by sample id."""
    asked = {sample: sha for sha, askers in records.askers.items() for sample in askers}
    packs = []
    for card in records.header.cards:
        samples = tuple(sorted((s for s in records.samples if s.benchmark == card.name), key=lambda s: s.id))
        sha_of = {sample.id: asked[sample.id] for sample in samples if sample.id in asked}
        outputs = {
            sample.id: _counted(card, records.outputs.get(sha_of[sample.id])) if sample.id in sha_of else None
            for sample in samples
        }
        packs.append(
            PackAnswers(card=card, samples=samples, requests=_Asked(sha_of, records.requests), outputs=outputs)
        )
    return packs


def _counted(card: Benchmark, output: Output | None) -> Output | None:
    """The output, marked where its prompt was cut and the card lets it count."""
    if output is None or not output.truncated or not card.allow_cut:
        return output
    return output.model_copy(update={"cut_allowed": True})
