"""What an exporter is: a function from an audit to the bytes of one file in the run folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from auditkit.errors import RegistryError
from auditkit.schema import Audit


@dataclass(frozen=True)
class Exporter:
    """A function from an audit to the bytes of a file, and the file's name. It is a pure function of the audit."""

    file: str
    """Name in the run folder, e.g. `report.md`."""
    function: Callable[[Audit], bytes]
    """From the audit to the file's bytes."""

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            RegistryError: the name is not that of a plain file.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.file):
            raise RegistryError(f'exporter: "{self.file}" is not a plain file name; give one such as "report.md"')

    def __call__(self, audit: Audit) -> bytes:
        """The file's bytes."""
        return self.function(audit)


def exporter(file: str) -> Callable[[Callable[[Audit], bytes]], Exporter]:
    """Make a function an exporter; a plugin registers it as the entry point `exporter.NAME`.

    Args:
        file: name of the file that it writes into the run folder.
    """

    def wrap(function: Callable[[Audit], bytes]) -> Exporter:
        """The function with its file name."""
        return Exporter(file, function)

    return wrap
