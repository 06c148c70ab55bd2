"""What moved since an interrupted run began: then its answers and the new ones would not be one measurement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditkit.errors import RunFolderError
from auditkit.schema import digest, plain
from auditkit.schema.journal import Header

_SHOWN = 16
"""Hex digits or characters of a value that are shown."""


def refuse_libraries(run: Path, before: Mapping[str, str], current: Mapping[str, str]) -> None:
    """Refuse to go on with other libraries, another Python or another platform.

    Args:
        run: the run folder, for the message.
        before: library to version when the run began.
        current: the same, as installed.

    Raises:
        RunFolderError: one line that names what changed.
    """
    changed = _changed(before, current)
    if changed:
        _refuse(run, changed, "install these versions again")


def refuse_model(run: Path, before: Header, current: Header) -> None:
    """Refuse to go on with another model, other rows or another scoring rule.

    Raises:
        RunFolderError: one line that names what changed: of the model its parts (weights, tokenizer, dtype …).
    """
    changed: list[str] = []
    if before.subject.fingerprint != current.subject.fingerprint:
        parts = _changed(before.subject.parts, current.subject.parts) or ["fingerprint"]
        changed += [f"model {part}" for part in parts]
    changed += [f"pack {change}" for change in _changed(_packs(before), _packs(current))]
    changed += [f"rule of {change}" for change in _changed(before.rules, current.rules)]
    changed += [f"not applicable: {change}" for change in _changed(before.not_applicable, current.not_applicable)]
    if not changed and plain(before) != plain(current):
        changed = [key for key, value in plain(before).items() if plain(current)[key] != value]
    if changed:
        _refuse(run, changed, "put it back as it was")


def _packs(header: Header) -> dict[str, str]:
    """Pack to its hash; the rows' hash is on the card, so that changed rows are a changed card."""
    return {card.name: digest([card, header.sampled[card.name]]) for card in header.cards}


def _changed(before: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    return [
        f"{key} {_show(before.get(key))} -> {_show(current.get(key))}"
        for key in sorted(before.keys() | current.keys()) if before.get(key) != current.get(key)
    ]


def _show(value: Any) -> str:
    if value is None:
        return "(absent)"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _refuse(run: Path, changed: list[str], advice: str) -> None:
    further = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    raise RunFolderError(
        f"{run}: cannot go on, because since it began there changed: {', '.join(changed[:5])}{further}; "
        f"{advice}, or begin anew with `auditkit audit` in another folder"
    )
