"""Going on with a run from its journal alone: the interrupted rest, or what errored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import ConfigError
from auditkit.pipeline.around.asked_again import SaidAgain, refuse_claims
from auditkit.pipeline.around.environment import environment
from auditkit.pipeline.around.resume_checks import refuse_libraries
from auditkit.pipeline.around.seal import is_sealed
from auditkit.pipeline.audit import AuditRun, render_again, run_audit
from auditkit.schema import Config, plain
from auditkit.schema.config import GOING_ON, LIMITS_AND_PRICES, NOT_KEPT
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.schema.journal import Header
from auditkit.store.folder import RunFolder
from auditkit.store.journal import Journal, read_journal
from auditkit.store.records import JournalRecords


def resume(
    path: str | Path, on_event: OnEvent = ignore, *, model: str | None = None, base: str | None = None,
    trust_remote_code: bool = False, **execution: Any,
) -> AuditRun:
    """Go on with an interrupted run: configuration, policy and packs are those in its journal's header.

    A run that is finished and sealed only has its pages written again.

    Args:
        path: the run folder.
        on_event: called with each `Event` of progress.
        model: the model that the journal names, said again: without it the network is blocked, no code of the
            model's runs, and an endpoint is refused.
        base: the same for the base model of adapter weights.
        trust_remote_code: run code that the model repository ships, as the run did.
        execution: what the journal does not keep: `executor`, `workers`, `worker_deadline`, `shared`, `offline`, and
            `api`, a mapping with `max_requests`, `max_tokens` and prices.

    Raises:
        ConfigError: `execution` holds something else, or a wrong value.
        RunFolderError: no such run; model, rows or libraries are no longer those that it began with; or the journal
            asks for what is not said again.
        RecordError: the journal's header cannot be read.
    """
    folder, records = _opened(path, execution)
    if is_sealed(folder, records):
        return _render(folder, records.header, "is finished and sealed: nothing is left to do", on_event)
    said = SaidAgain(model, base, trust_remote_code)
    return _go_on(folder, records.header, on_event, said, execution, retry_errors=False)


def retry_errors(
    path: str | Path, on_event: OnEvent = ignore, *, model: str | None = None, base: str | None = None,
    trust_remote_code: bool = False, **execution: Any,
) -> AuditRun:
    """Ask again what is journalled as errored, and nothing else; then assemble and seal anew.

    An interrupted run is finished first. A request that fails again stays errored.

    Args:
        path: the run folder.
        on_event: called with each `Event` of progress.
        model: the model that the journal names, said again: without it the network is blocked, no code of the
            model's runs, and an endpoint is refused.
        base: the same for the base model of adapter weights.
        trust_remote_code: run code that the model repository ships, as the run did.
        execution: what the journal does not keep: `executor`, `workers`, `worker_deadline`, `shared`, `offline`, and
            `api`, a mapping with `max_requests`, `max_tokens` and prices.

    Raises:
        ConfigError: `execution` holds something else, or a wrong value.
        RunFolderError: no such run; model, rows or libraries are no longer those that it began with; or the journal
            asks for what is not said again.
        RecordError: the journal's header cannot be read.
    """
    folder, records = _opened(path, execution)
    if is_sealed(folder, records) and not any(output.error for output in records.outputs.values()):
        return _render(folder, records.header, "holds no errored answer: nothing is asked again", on_event)
    said = SaidAgain(model, base, trust_remote_code)
    return _go_on(folder, records.header, on_event, said, execution, retry_errors=True)


def _opened(path: str | Path, execution: Mapping[str, Any]) -> tuple[RunFolder, JournalRecords]:
    folder = RunFolder(Path(path), bool(execution.get("shared")))
    return folder, read_journal(folder.journal, strict=False)


def _render(folder: RunFolder, header: Header, reason: str, on_event: OnEvent) -> AuditRun:
    folder.begin()
    # for its lock, and to cut off a torn end
    with Journal.open(folder.journal, header, on_event=on_event, mode=folder.mode) as journal:
        folder.sweep()
        return render_again(folder, journal.records, f"{reason}; the pages are written again", on_event)


def _go_on(
    folder: RunFolder, header: Header, on_event: OnEvent, said: SaidAgain, execution: dict[str, Any], *,
    retry_errors: bool,
) -> AuditRun:
    config = _config(header.config, {**execution, "out": str(folder.path)})
    budgeted = config.api.max_requests is not None or config.api.max_tokens is not None
    refuse_claims(folder.path, header.config, said, budgeted=budgeted)
    if said.model is None:
        config = config.model_copy(update={"offline": True})
        on_event(Event("load", "the network is blocked: only the journal names the model; --model MODEL allows it"))
    # Before the model is loaded: other libraries may not even load it.
    refuse_libraries(folder.path, header.environment, environment())
    return run_audit(config, on_event, earlier=header, retry_errors=retry_errors)


def _config(journalled: Config, execution: dict[str, Any]) -> Config:
    """The configuration of a run, with the settings that a journal does not keep."""
    limits = execution.pop("api", None) or {}
    if not isinstance(limits, Mapping):
        names = ", ".join(LIMITS_AND_PRICES)
        raise ConfigError(f"api: {type(limits).__name__} is not a mapping; give it as a dict of {names}")
    refused = execution.keys() - {"out", *GOING_ON} | {
        f"api.{key}" for key in limits.keys() - {*LIMITS_AND_PRICES, *NOT_KEPT}
    }
    if refused:
        raise ConfigError(
            f"{', '.join(sorted(refused))}: not a setting that may change when a run goes on; there are: "
            f"{', '.join((*GOING_ON, *(f'api.{key}' for key in (*LIMITS_AND_PRICES, *NOT_KEPT))))}"
        )
    settings = plain(journalled.identity())  # a journal that says more than a run writes is not obeyed
    try:
        return Config.model_validate({**settings, **execution, "api": {**settings["api"], **limits}})
    except ValidationError as error:
        raise ConfigError(str(first_fault(error, Config, ARGUMENTS))) from None
