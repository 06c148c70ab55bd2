"""One audit from configuration to verdict: load, run, explain, measure, judge, render."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from auditkit.errors import ConfigError
from auditkit.models.families import check_kind
from auditkit.models.function.held import hold
from auditkit.pipeline.around.efficiency import efficiency
from auditkit.pipeline.around.environment import Clock, observe
from auditkit.pipeline.around.executors import check_executor, describe_executor
from auditkit.pipeline.around.offline import prepare
from auditkit.pipeline.around.prefilled import refuse_prefilled
from auditkit.pipeline.around.resume_checks import refuse_model
from auditkit.pipeline.around.seal import is_sealed
from auditkit.pipeline.steps.assemble import ScoredAudit, assemble
from auditkit.pipeline.steps.explain import explain_cited
from auditkit.pipeline.steps.header import make_header, run_folder
from auditkit.pipeline.steps.packs import load_packs
from auditkit.pipeline.steps.pages import write_pages
from auditkit.pipeline.steps.policy import open_policy, tell_undecided
from auditkit.pipeline.steps.requests import make_requests
from auditkit.pipeline.steps.run import run_requests
from auditkit.schema import Audit, Config, Observed
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.schema.journal import Header
from auditkit.store.folder import RunFolder
from auditkit.store.journal import Journal
from auditkit.store.records import JournalRecords


@dataclass(frozen=True)
class AuditRun:
    """An audit and where it lies."""

    audit: Audit
    folder: RunFolder
    seal: str
    """sha256 of audit.json, for CI to keep."""
    answers_before: int
    """Answers that the run folder held before this command."""


def audit(
    model: str | Callable[..., Any], *, packs: Sequence[str] | None = None, on_event: OnEvent = ignore, **settings: Any
) -> Audit:
    """Audit a model and return the result; the run folder is written as on the command line.

    Args:
        model: Hub id, directory, GGUF file, `smollm2`, `openai:MODEL@BASE_URL`, `python:MODULE:FUNCTION`,
            `predictions:FILE` or `planted:NAME`; or a function from a list of texts to labels, probabilities or texts.
        packs: names of built-in packs or folders with a card.yaml; the built-in ones by default.
        on_event: called with each `Event` of progress.
        settings: further fields of `Config`, e.g. `limit=200, seed=1, out="reports/x"`.

    Raises:
        UsageError: the model, a pack or a setting cannot be used.
    """
    if not isinstance(model, str):
        model = hold(model)
    named = {"packs": tuple(packs)} if packs is not None else {}
    try:
        config = Config(model=model, **named, **settings)
    except ValidationError as error:
        raise ConfigError(f"audit: {first_fault(error, Config, ARGUMENTS)}") from None
    return run_audit(config, on_event).audit


def run_audit(
    config: Config, on_event: OnEvent = ignore, *, earlier: Header | None = None, retry_errors: bool = False
) -> AuditRun:
    """Run an audit, or go on with an interrupted one.

    The run folder's journal is what a resume reads: the same command on the same weights finds it.

    Args:
        config: what is audited; `out` names the run folder.
        on_event: called with each `Event` of progress.
        earlier: the header of the run to go on with: its policy is used, and what moved since is refused.
        retry_errors: ask again what is journalled as errored.

    Raises:
        UsageError: the model, a pack, the policy or the run folder cannot be used.
    """
    check_executor(config)
    check_kind(config.kind)
    prepare(offline=config.offline, loopback=config.executor == "ray")
    clock = Clock()
    with clock.stage("load"):
        packs = load_packs(config, on_event)
        declared = [metric for pack in packs for metric in pack.declared]
        policy = earlier.policy if earlier else open_policy(config.policy, config.packs, declared)
        tell_undecided(policy, packs, on_event, config.size)
    with clock.stage("model"):
        request_set = make_requests(config, packs, on_event)
    header = make_header(config, policy, packs, request_set)
    folder = run_folder(config, header)
    if earlier is not None:
        refuse_model(folder.path, earlier, header)
    folder.begin()
    with Journal.open(folder.journal, header, on_event=on_event, mode=folder.mode) as journal:
        folder.sweep()
        earlier_records = journal.records
        if config.fresh:
            refuse_prefilled(folder, earlier_records, recovered=journal.recovered)
        if not retry_errors and is_sealed(folder, earlier_records):
            reason = "holds this audit already, sealed: only the pages are written again"
            return render_again(folder, earlier_records, reason, on_event)
        with clock.stage("run"):
            run_requests(config, packs, request_set, journal, on_event, retry_errors=retry_errors)
        with clock.stage("explain"):
            explain_cited(config, request_set.adapter, journal, on_event)
        with clock.stage("measure"):
            on_event(Event("measure", "estimates, self-test on planted models, verdict"))
            # What only the run needed would take as much memory again; the adapter is all that is still asked.
            adapter, load_seconds = request_set.adapter, request_set.load_seconds
            del packs, request_set
            records = journal.records
            scored = assemble(records, dt.datetime.now(dt.UTC).date())
        cost = efficiency(adapter, load_seconds, records, config.api)
        observed = observe(
            clock, records, adapter, describe_executor(config), cost, len(earlier_records.outputs)
        )
        return _write(folder, journal, scored, observed, on_event)


def render_again(folder: RunFolder, records: JournalRecords, reason: str, on_event: OnEvent) -> AuditRun:
    """Write the pages of a sealed audit, and nothing else.

    Args:
        folder: the run folder; its journal is locked by the caller.
        records: what the journal holds.
        reason: what is said of the folder.
        on_event: called with each `Event` of progress.
    """
    on_event(Event("render", f"{folder.path} {reason}"))
    audit = folder.read_audit()
    write_pages(folder, audit, on_event)
    return AuditRun(audit, folder, folder.audit_sha256(), len(records.outputs))


def _write(
    folder: RunFolder, journal: Journal, scored: ScoredAudit, observed: Observed, on_event: OnEvent
) -> AuditRun:
    on_event(Event("render", str(folder.page)))
    folder.write_samples(scored.rows)
    seal = folder.write_audit(scored.audit.model_copy(update={"observed": observed}))
    journal.seal(seal)
    # The pages are functions of audit.json: what is rendered is what a reader of the file gets.
    audit = folder.read_audit()
    write_pages(folder, audit, on_event)
    return AuditRun(audit, folder, seal, observed.answers_before or 0)
