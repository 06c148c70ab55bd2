"""What a run folder may not decide: whether code runs, data are sent or money is spent when a run goes on.

Whoever made the folder wrote its journal: the model that it names, and whether that model's code is trusted, are
claims. They count only where whoever goes on with the run says the same again.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import RunFolderError
from auditkit.models.families import family_of_scheme
from auditkit.schema import Config


@dataclass(frozen=True)
class SaidAgain:
    """What is said again on the command line of a command that goes on with a run."""

    model: str | None = None
    """The model; without it, no network is used and no code of the model's is run."""
    base: str | None = None
    """The base model of adapter weights."""
    trust_remote_code: bool = False
    """Whether code that the model's repository ships may run."""


def refuse_claims(run: Path, journalled: Config, said: SaidAgain, *, budgeted: bool) -> None:
    """Refuse what a journal asks for and nobody said again.

    Args:
        run: the run folder, for the message.
        journalled: the configuration in its journal.
        said: what is said again.
        budgeted: whether most requests or tokens are given.

    Raises:
        RunFolderError: one line that says what the journal asks for, and which option allows it.
    """
    for name, value in (("model", said.model), ("base", said.base)):
        stated = getattr(journalled, name)
        if value is not None and value != stated:
            raise RunFolderError(f'{run}: its journal is of the {name} "{stated}", not of "{value}"')
    family = family_of_scheme(journalled.model)
    missing: list[str] = []
    if family is not None and family.remote:
        if said.model is None:
            missing.append("texts would be sent to the endpoint that it names")
        if not budgeted:
            missing.append("requests would be paid for")
    if family is not None and family.runs_code and said.model is None:
        missing.append(f"the code that it names would run ({journalled.model})")
    if journalled.trust_remote_code and not (said.trust_remote_code and said.model):
        missing.append("code of the model that it names would run")
    if said.model is not None and journalled.base is not None and said.base is None:
        missing.append("its adapter's base would be fetched")
    if missing:
        allowed = " ".join(_options(journalled, remote=family is not None and family.remote))
        raise RunFolderError(
            f"{run}: its journal alone does not decide that {' and that '.join(missing)}; to allow it, add: {allowed}"
        )
    _refuse_devices(run, journalled)


def _options(journalled: Config, *, remote: bool) -> Iterator[str]:
    """The options that say again what the journal asks for."""
    yield f"--model {shlex.quote(journalled.model)}"
    if journalled.base is not None:
        yield f"--base {shlex.quote(journalled.base)}"
    if journalled.trust_remote_code:
        yield "--trust-remote-code"
    if remote:
        yield "--max-requests N"


def _refuse_devices(run: Path, journalled: Config) -> None:
    """Refuse named files that are pipes or devices: reading one may never end."""
    model = journalled.model.removeprefix("predictions:")
    for name in (model, *(str(task.data) for task in journalled.tasks), *journalled.packs):
        try:
            mode = Path(name).stat().st_mode
        except (OSError, ValueError):
            continue  # not here, or no path: whoever reads it says so
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RunFolderError(f"{run}: its journal names {name}, which is a pipe or a device; it is not read")
