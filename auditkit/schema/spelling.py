"""How the command line calls a setting: for the options themselves, for messages, and for the command on a page."""

from __future__ import annotations

from auditkit.schema.config import LIMITS_AND_PRICES, NOT_KEPT
from auditkit.schema.faults import Location, Vocabulary

OPTIONS: dict[Location, str] = {
    ("model",): "MODEL", ("packs",): "--pack", ("rules",): "--rule", ("explain", "samples"): "--explain",
    **{("api", name): f"--{name.replace('_', '-')}" for name in (*LIMITS_AND_PRICES, *NOT_KEPT)},
    **{("tasks", 0, name): f"--{name}" for name in ("task", "data", "split", "columns")},
    ("tasks", 0, "name"): "--data",
}
"""Locations in `Config` whose option is not `--field-name`. A task's name is made of its data."""


def option_name(*location: str | int) -> str:
    """The option that sets a location in `Config`, or the one that sets what lies around it."""
    for length in range(len(location), 0, -1):
        if location[:length] in OPTIONS:
            return OPTIONS[location[:length]]
    return f"--{str(location[0]).replace('_', '-')}" if location else "options"


COMMAND_LINE = Vocabulary("option", lambda location: option_name(*location))
"""How messages call a field that an option set."""
