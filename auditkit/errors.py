"""Every exception that auditkit raises on purpose.

    AuditkitError                 exit 4
    ├── UsageError                exit 2   the user can correct it: what, where, what to do
    │   ├── ConfigError           a key or value in audit.yaml, policy.yaml or card.yaml (file:line: key)
    │   ├── FormatError           a file that is not the JSON lines or CSV it should be (file:line)
    │   ├── PackError             a pack's card or rows (file:line: column)
    │   ├── ModelError            a model that cannot be opened
    │   ├── RegistryError         a name that is unknown, or that two modules register
    │   ├── RunFolderError        a locked or mismatching run folder
    │   └── PlatformError         an operating system that auditkit does not run on
    ├── MeasurementError          exit 4   the model could not be measured
    │   └── StoppedError          exit 4   the run stopped before its end; every answer is kept, and it can go on
    └── RecordError               exit 4   a journal, audit.json or cache that is damaged or too new
        └── VerifyError           exit 4   a record that does not follow from the journal

    PluginWarning                 no exit  a plugin that failed; everything else went on without it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AuditkitError(Exception):
    """Base of all; its text says what, where and what to do, in one line."""

    exit_code = 4


class UsageError(AuditkitError):
    """The user can correct it."""

    exit_code = 2


class ConfigError(UsageError):
    """A key or value in a YAML file."""


class FormatError(UsageError):
    """A file that is not the JSON lines, JSON or CSV it should be."""


class PackError(UsageError):
    """A card or a row of a benchmark pack."""


class ModelError(UsageError):
    """A model that cannot be opened as asked."""


class RegistryError(UsageError):
    """A name that is not registered, or that two modules register."""


class RunFolderError(UsageError):
    """A run folder in use by another process, or of another audit."""


class PlatformError(UsageError):
    """An operating system that auditkit does not run on."""

    def __init__(self, module: str | None) -> None:
        """Name what is missing.

        Args:
            module: a module of Python's library that only Unix systems have.
        """
        super().__init__(
            f"Python has no module {module} on this system: auditkit runs on Linux and macOS; on Windows, use the "
            f"Windows Subsystem for Linux"
        )


class MeasurementError(AuditkitError):
    """The model could not be measured."""


class StoppedError(MeasurementError):
    """No further request makes sense: a budget is spent, an endpoint is gone. What is answered is kept."""


class RecordError(AuditkitError):
    """A damaged record on disk, or one from a newer version."""


class VerifyError(RecordError):
    """A record that does not follow from the journal."""


class PluginWarning(UserWarning):
    """A plugin's object cannot be used; its text says which one and why, in one line."""


def did_you_mean(word: str, valid: Iterable[str], otherwise: str, cutoff: float = 0.5) -> str:
    """What a message says about an unknown word: the nearest valid one, or `otherwise`.

    Args:
        word: as the user wrote it.
        valid: the words that there are.
        otherwise: the text where none of them is near.
        cutoff: least likeness of a near word, from 0 to 1 (`difflib`).
    """
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=cutoff)
    return f'did you mean "{near[0]}"?' if near else otherwise


def first_line(error: BaseException, most: int = 200) -> str:
    """The first line of what a library raised, cut after `most` characters; its class where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__
