"""The requests are answered: by the journal, by the cache, else by the model."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.pipeline.around.executors import choose_executor
from auditkit.pipeline.steps.packs import AuditedPack
from auditkit.pipeline.steps.requests import RequestSet
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Config
from auditkit.schema.event import OnEvent
from auditkit.schema.journal import RequestEntry
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal


def run_requests(
    config: Config, packs: Sequence[AuditedPack], request_set: RequestSet, journal: Journal, on_event: OnEvent, *,
    retry_errors: bool,
) -> None:
    """Journal samples, requests and answers; what the journal holds already is not asked again.

    Args:
        config: executor and size of batches.
        packs: what is audited.
        request_set: the model and its requests.
        journal: open for writing.
        on_event: called with each `Event` of progress.
        retry_errors: ask again what is journalled as errored.
    """
    requests = request_set.requests
    samples = [sample for pack in packs for sample in pack.everything_asked if sample.id in requests]
    journal.samples(samples)
    _journal_unanswered(request_set, journal)
    unique = deduplicate(
        (sample.id, requests[sample.id]) for sample in samples if sample.id not in request_set.without_answer
    )
    adapter = request_set.adapter
    with AnswerCache.open(enabled=adapter.cacheable, reading=not config.fresh, on_event=on_event) as cache:
        run_round(
            adapter, unique.requests, unique.askers, journal, cache, batch_tokens=config.batch_tokens,
            on_event=on_event, retry_errors=retry_errors, executor=choose_executor(config, adapter),
        )


def _journal_unanswered(request_set: RequestSet, journal: Journal) -> None:
    """Journal the requests without an answer: the self-test asks them of planted models."""
    if not request_set.without_answer:
        return
    journalled = journal.records.askers
    unique = deduplicate((sample, request_set.requests[sample]) for sample in sorted(request_set.without_answer))
    journal.append_many(
        RequestEntry(request=unique.requests[sha], samples=askers) for sha, askers in unique.askers.items()
        if not set(askers) <= set(journalled.get(sha, ()))
    )
