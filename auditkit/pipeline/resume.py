"""Going on with a run from its journal alone: the interrupted rest, or what errored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import ConfigError
from auditkit.pipeline.around.environment import environment
from auditkit.pipeline.around.resume_checks import refuse_libraries
from auditkit.pipeline.around.seal import is_sealed
from auditkit.pipeline.audit import AuditRun, render_again, run_audit
from auditkit.schema import Config, plain
from auditkit.schema.config import EXECUTION, LIMITS_AND_PRICES, NOT_KEPT
from auditkit.schema.event import OnEvent, ignore
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.schema.journal import Header
from auditkit.store.folder import RunFolder
from auditkit.store.journal import Journal, read_journal
from auditkit.store.records import JournalRecords


def resume(path: str | Path, on_event: OnEvent = ignore, **execution: Any) -> AuditRun:
    """Go on with an interrupted run: configuration, policy and packs are those in its journal's header.

    A run that is finished and sealed only has its pages written again.

    Args:
        path: the run folder.
        on_event: called with each `Event` of progress.
        execution: what the journal does not keep: `executor`, `workers`, `worker_deadline`, and `api`, a mapping with
            `max_requests`, `max_tokens` and prices.

    Raises:
        ConfigError: `execution` holds something else, or a wrong value.
        RunFolderError: no such run; or model, rows or libraries are no longer those that it began with.
        RecordError: the journal's header cannot be read.
    """
    folder, records = _opened(path)
    if is_sealed(folder, records):
        return _render(folder, records.header, "is finished and sealed: nothing is left to do", on_event)
    return _go_on(folder, records.header, on_event, execution, retry_errors=False)


def retry_errors(path: str | Path, on_event: OnEvent = ignore, **execution: Any) -> AuditRun:
    """Ask again what is journalled as errored, and nothing else; then assemble and seal anew.

    An interrupted run is finished first. A request that fails again stays errored.

    Args:
        path: the run folder.
        on_event: called with each `Event` of progress.
        execution: what the journal does not keep: `executor`, `workers`, `worker_deadline`, and `api`, a mapping with
            `max_requests`, `max_tokens` and prices.

    Raises:
        ConfigError: `execution` holds something else, or a wrong value.
        RunFolderError: no such run; or model, rows or libraries are no longer those that it began with.
        RecordError: the journal's header cannot be read.
    """
    folder, records = _opened(path)
    if is_sealed(folder, records) and not any(output.error for output in records.outputs.values()):
        return _render(folder, records.header, "holds no errored answer: nothing is asked again", on_event)
    return _go_on(folder, records.header, on_event, execution, retry_errors=True)


def _opened(path: str | Path) -> tuple[RunFolder, JournalRecords]:
    folder = RunFolder(Path(path))
    return folder, read_journal(folder.journal, strict=False)


def _render(folder: RunFolder, header: Header, reason: str, on_event: OnEvent) -> AuditRun:
    with Journal.open(folder.journal, header, on_event=on_event):  # for its lock, and to cut off a torn end
        folder.sweep()
        return render_again(folder, f"{reason}; the pages are written again", on_event)


def _go_on(
    folder: RunFolder, header: Header, on_event: OnEvent, execution: dict[str, Any], *, retry_errors: bool
) -> AuditRun:
    # Before the model is loaded: other libraries may not even load it.
    refuse_libraries(folder.path, header.environment, environment())
    config = _config(header.config, {**execution, "out": str(folder.path)})
    return run_audit(config, on_event, earlier=header, retry_errors=retry_errors)


def _config(journalled: Config, execution: dict[str, Any]) -> Config:
    """The configuration of a run, with the settings that a journal does not keep."""
    limits = execution.pop("api", None) or {}
    if not isinstance(limits, Mapping):
        names = ", ".join(LIMITS_AND_PRICES)
        raise ConfigError(f"api: {type(limits).__name__} is not a mapping; give it as a dict of {names}")
    refused = execution.keys() - {"out", *EXECUTION} | {
        f"api.{key}" for key in limits.keys() - {*LIMITS_AND_PRICES, *NOT_KEPT}
    }
    if refused:
        raise ConfigError(
            f"{', '.join(sorted(refused))}: not a setting that may change when a run goes on; there are: "
            f"{', '.join((*EXECUTION, *(f'api.{key}' for key in (*LIMITS_AND_PRICES, *NOT_KEPT))))}"
        )
    settings = plain(journalled)
    try:
        return Config.model_validate({**settings, **execution, "api": {**settings["api"], **limits}})
    except ValidationError as error:
        raise ConfigError(str(first_fault(error, Config, ARGUMENTS))) from None
