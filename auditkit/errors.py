"""Every exception that auditkit raises on purpose.

    AuditkitError                 exit 4
    ├── UsageError                exit 2   the user can mend it: what, where, what to do
    │   ├── ConfigError           a key or value in audit.yaml, policy.yaml or card.yaml (file:line: key)
    │   ├── FormatError           a file that is not the JSON lines or CSV it should be (file:line)
    │   ├── PackError             a pack's card or rows (file:line: column)
    │   ├── ModelError            a model that cannot be opened
    │   ├── RegistryError         an unknown or doubled name
    │   └── RunFolderError        a locked or mismatching run folder
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
    """The user can mend it."""

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
    """A name that nothing, or more than one thing, goes by."""


class RunFolderError(UsageError):
    """A run folder in use by another process, or of another audit."""


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


def did_you_mean(word: str, known: Iterable[str], otherwise: str, cutoff: float = 0.5) -> str:
    """What a message says of a word that is not known: the nearest one that is, or `otherwise`.

    Args:
        word: as the user wrote it.
        known: the words that there are.
        otherwise: said where none of them is near.
        cutoff: least likeness of a near one, from 0 to 1 (`difflib`).
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f'did you mean "{close[0]}"?' if close else otherwise
