"""One audit from configuration to verdict: load, run, explain, measure, judge, render."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import ConfigError
from auditkit.explain.attributions import MissingExplanation, explain
from auditkit.explain.options import ExplainedOption, options_to_explain
from auditkit.measure.measurement import measure
from auditkit.models.families import check_kind
from auditkit.pipeline.around.efficiency import efficiency
from auditkit.pipeline.around.environment import Clock, environment, observe
from auditkit.pipeline.around.executors import check_executor, choose_executor, describe_executor
from auditkit.pipeline.around.offline import prepare
from auditkit.pipeline.around.resume_checks import refuse_model
from auditkit.pipeline.steps.assemble import Assembled, answered, assemble, to_explain
from auditkit.pipeline.steps.pages import write_pages
from auditkit.pipeline.steps.policy import open_policy, refuse_idle_checks
from auditkit.pipeline.steps.requests import Asked, Loaded, ask, load_packs
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Audit, Config, Observed, Policy, digest
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.schema.journal import Header, RequestEntry
from auditkit.store.cache import AnswerCache
from auditkit.store.folder import RunFolder, default_name
from auditkit.store.journal import Journal, read_journal


@dataclass(frozen=True)
class Finished:
    """An audit and where it lies."""

    audit: Audit
    folder: RunFolder
    seal: str
    """sha256 of audit.json, for CI to keep."""


def audit(model: str, *, packs: Sequence[str] | None = None, on_event: OnEvent = ignore, **settings: Any) -> Audit:
    """Audit a model and return the result; the run folder is written as on the command line.

    Args:
        model: Hub id, directory, GGUF file, `smollm2`, `openai:MODEL@BASE_URL`, `predictions:FILE` or `planted:NAME`.
        packs: names of built-in packs or folders with a card.yaml; the built-in ones by default.
        on_event: called with each `Event` of progress.
        settings: further fields of `Config`, e.g. `limit=200, seed=1, out="reports/x"`.

    Raises:
        UsageError: the model, a pack or a setting cannot be used.
    """
    chosen = {"packs": tuple(packs)} if packs is not None else {}
    try:
        config = Config(model=model, **chosen, **settings)
    except ValidationError as error:
        raise ConfigError(f"audit: {first_fault(error, Config, ARGUMENTS)}") from None
    return run_audit(config, on_event).audit


def run_audit(
    config: Config, on_event: OnEvent = ignore, *, begun: Header | None = None, retry_errors: bool = False
) -> Finished:
    """Run an audit, or go on with an interrupted one.

    The run folder's journal is what a resume reads: the same command on the same weights finds it.

    Args:
        config: what is audited; `out` names the run folder.
        on_event: called with each `Event` of progress.
        begun: the header of the run to go on with: its policy is used, and what moved since is refused.
        retry_errors: ask again what is journalled as errored.

    Raises:
        UsageError: the model, a pack, the policy or the run folder cannot be used.
    """
    check_executor(config)
    check_kind(config.kind)
    prepare(offline=config.offline, loopback=config.executor == "ray")
    clock = Clock()
    with clock.stage("load"):
        loaded = load_packs(config, on_event)
        audited = [item.pack.card.name for item in loaded]
        policy = begun.policy if begun else open_policy(config.policy, config.packs, audited)
    with clock.stage("model"):
        asked = ask(config, loaded, on_event)
        refuse_idle_checks(config, policy, loaded, asked)
    header = _header(config, policy, loaded, asked)
    folder = RunFolder(_where(config, header))
    if begun is not None:
        refuse_model(folder.path, begun, header)
    with Journal.open(folder.journal, header, on_event=on_event) as journal:
        folder.sweep()
        if not retry_errors and _finished(folder, journal, on_event):
            found = folder.read_audit()
            write_pages(folder, found, on_event)
            return Finished(found, folder, folder.audit_sha256())
        with clock.stage("run"):
            _run(config, loaded, asked, journal, on_event, retry_errors=retry_errors)
        with clock.stage("explain"):
            _explain(config, asked, journal, on_event)
        with clock.stage("measure"):
            on_event(Event("measure", "estimates, self-test on planted models, verdict"))
            records = read_journal(folder.journal)
            assembled = assemble(records, dt.datetime.now(dt.UTC).date())
        ran = efficiency(asked.adapter, asked.load_seconds, records, config.api)
        observed = observe(clock, records, asked.adapter, describe_executor(config), ran)
        return _write(folder, journal, assembled, observed, on_event)


def _header(config: Config, policy: Policy, loaded: Sequence[Loaded], asked: Asked) -> Header:
    kept = [item for item in loaded if item.pack.card.name in asked.rules]
    return Header(
        config=config.identity(), policy=policy,
        cards=tuple(item.pack.card for item in kept),
        rules=asked.rules, sampled={item.pack.card.name: (len(item.samples), len(item.rows)) for item in kept},
        not_applicable=asked.not_applicable, subject=asked.adapter.subject, environment=environment(),
    )


def _where(config: Config, header: Header) -> Path:
    if config.out is not None:
        return Path(config.out)
    identity = digest({"config": header.config, "fingerprint": header.subject.fingerprint, "cards": header.cards})
    return Path("reports") / default_name(config.model, identity)


def _finished(folder: RunFolder, journal: Journal, on_event: OnEvent) -> bool:
    records = journal.records
    if records.seal is None or records.after_seal or not folder.audit.exists():
        return False
    if records.seal != folder.audit_sha256():
        return False
    on_event(Event("render", f"{folder.path} holds this audit already, sealed: only the pages are written again"))
    return True


def _run(
    config: Config, loaded: Sequence[Loaded], asked: Asked, journal: Journal, on_event: OnEvent, *,
    retry_errors: bool,
) -> None:
    samples = [
        sample for item in loaded for sample in (*item.samples, *item.variants) if sample.id in asked.requests
    ]
    journal.samples(samples)
    _journal_not_run(asked, journal)
    once = deduplicate(
        (sample.id, asked.requests[sample.id]) for sample in samples if sample.id not in asked.without_answer
    )
    with AnswerCache.open(enabled=asked.adapter.cacheable, on_event=on_event) as cache:
        run_round(
            asked.adapter, once.requests, once.askers, journal, cache, batch_tokens=config.batch_tokens,
            on_event=on_event, retry_errors=retry_errors, executor=choose_executor(config, asked.adapter),
        )


def _journal_not_run(asked: Asked, journal: Journal) -> None:
    """Journal the requests without an answer: the self-test asks them of planted models."""
    if not asked.without_answer:
        return
    known = journal.records.askers
    left = deduplicate((name, asked.requests[name]) for name in sorted(asked.without_answer))
    journal.append_many(
        RequestEntry(request=left.requests[sha], samples=names) for sha, names in left.askers.items()
        if not set(names) <= set(known.get(sha, ()))
    )


def _explain(config: Config, asked: Asked, journal: Journal, on_event: OnEvent) -> None:
    """Explain the cited samples of the blocking metrics that have no attribution in the journal yet."""
    if config.explain.samples == 0:
        return
    records = journal.records
    items: list[ExplainedOption] = []
    for pack in answered(records):
        found = measure(
            pack.card, pack.samples, pack.outputs, level=0.95, seed=config.seed, pooled_only=True
        ).estimates
        cited = to_explain(records.header, found)
        samples = [sample for sample in pack.samples if sample.id in cited]
        items += options_to_explain(samples, pack.requests, _answers(pack.outputs))
    for item in explain(asked.adapter, items, config.explain, done=records.attributions, on_event=on_event):
        if isinstance(item, MissingExplanation):
            journal.not_explained(item.sample_id, item.reason)
        else:
            journal.attribution(item)


def _answers(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: output for name, output in outputs.items() if output is not None and output.error is None}


def _write(
    folder: RunFolder, journal: Journal, assembled: Assembled, observed: Observed, on_event: OnEvent
) -> Finished:
    result = assembled.audit.model_copy(update={"observed": observed})
    on_event(Event("render", str(folder.page)))
    folder.write_samples(assembled.samples, assembled.scores)
    seal = folder.write_audit(result)
    journal.seal(seal)
    # The pages are functions of audit.json: what is rendered is what a reader of the file gets.
    result = folder.read_audit()
    write_pages(folder, result, on_event)
    return Finished(result, folder, seal)
