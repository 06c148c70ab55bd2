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


def refuse_libraries(run: Path, was: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse to go on with other libraries, another Python or another platform.

    Args:
        run: the run folder, for the message.
        was: library to version when the run began.
        now: the same, as installed.

    Raises:
        RunFolderError: one line that names what changed.
    """
    changed = _changed(was, now)
    if changed:
        _refuse(run, changed, "install these versions again")


def refuse_model(run: Path, was: Header, now: Header) -> None:
    """Refuse to go on with another model, other rows or another scoring rule.

    Raises:
        RunFolderError: one line that names what changed: of the model its parts (weights, tokenizer, dtype …).
    """
    changed: list[str] = []
    if was.subject.fingerprint != now.subject.fingerprint:
        changed += [f"model {each}" for each in _changed(was.subject.parts, now.subject.parts) or ["fingerprint"]]
    changed += [f"pack {each}" for each in _changed(_packs(was), _packs(now))]
    changed += [f"rule of {each}" for each in _changed(was.rules, now.rules)]
    changed += [f"not applicable: {each}" for each in _changed(was.not_applicable, now.not_applicable)]
    if not changed and plain(was) != plain(now):
        changed = [key for key, value in plain(was).items() if plain(now)[key] != value]
    if changed:
        _refuse(run, changed, "put it back as it was")


def _packs(header: Header) -> dict[str, str]:
    """Pack to its hash; the rows' hash is on the card, so that changed rows are a changed card."""
    return {card.name: digest([card, header.sampled[card.name]]) for card in header.cards}


def _changed(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{key} {_show(was.get(key))} -> {_show(now.get(key))}"
        for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key)
    ]


def _show(value: Any) -> str:
    if value is None:
        return "(absent)"
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _refuse(run: Path, changed: list[str], advice: str) -> None:
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    raise RunFolderError(
        f"{run}: cannot go on, because since it began there changed: {', '.join(changed[:5])}{more}; "
        f"{advice}, or begin anew with `auditkit audit` in another folder"
    )
