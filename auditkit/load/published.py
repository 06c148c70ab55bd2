"""Published data on this machine: where each pack's files are, and pulling them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditkit.errors import PackError, UsageError
from auditkit.load.download import download
from auditkit.load.files import File
from auditkit.load.mirror import Mirror, open_mirror
from auditkit.load.packs import open_card, published_names
from auditkit.schema import Benchmark, Upstream, UpstreamFile
from auditkit.schema.event import Event, OnEvent
from auditkit.store.data import pulled_path, save_pulled

Place = Literal["cache", "mirror", "missing"]


@dataclass(frozen=True)
class Holding:
    """A pack of published data, and how much of it is here."""

    card: Benchmark
    places: dict[str, Place]
    """Where each file is; the mirror's are not checked here."""

    @property
    def place(self) -> str:
        """One word for all files: the place, or how many are missing."""
        kinds = set(self.places.values())
        if len(kinds) == 1:
            return kinds.pop()
        missing = sum(place == "missing" for place in self.places.values())
        return f"{missing} of {len(self.places)} files missing" if missing else "cache and mirror"

    @property
    def bytes(self) -> int:
        """Size of all files, decompressed."""
        return sum(file.bytes for file in _upstream(self.card).files)


def holdings(mirror: Path | None = None) -> list[Holding]:
    """Every pack of published data that auditkit has a card of, by name.

    Args:
        mirror: a mirror's folder; default the one that `AUDITKIT_MIRROR` names.
    """
    opened = open_mirror(mirror)
    return [
        Holding(card, {file.file: _place(file, opened) for file in _upstream(card).files})
        for card in map(open_card, published_names())
    ]


def _place(file: UpstreamFile, mirror: Mirror | None) -> Place:
    if pulled_path(file.sha256, file.file).is_file():
        return "cache"
    return "mirror" if mirror is not None and mirror.find(file.sha256) is not None else "missing"


def pull(name_or_dir: str, on_event: OnEvent, *, mirror: Path | None = None, offline: bool = False) -> list[Path]:
    """Bring a pack's files into the data cache: copied from a mirror that has them, else downloaded.

    Args:
        name_or_dir: a pack of published data, by name or folder.
        on_event: called with progress.
        mirror: a mirror's folder; default the one that `AUDITKIT_MIRROR` names.
        offline: do not download.

    Returns:
        The files in the cache, in the card's order.

    Raises:
        PackError: the pack's rows are its own, a file has another hash than the card's, or lies in no repository.
        UsageError: offline, and a file is not in the mirror.
        MeasurementError: a download that failed, or a full disk.
    """
    card = open_card(name_or_dir)
    upstream = _upstream(card)
    opened = open_mirror(mirror)
    pulled = []
    for file in upstream.files:
        path = pulled_path(file.sha256, file.file)
        mirrored = opened.find(file.sha256) if opened is not None else None
        if path.is_file():
            on_event(Event("pull", f"{file.file}: is in the cache already"))
        elif mirrored is not None:
            path = _copy(file, mirrored)
            on_event(Event("pull", f"{file.file}: copied from {mirrored}"))
        else:
            _refuse(card, file, offline=offline, mirrored=opened is not None)
            path = download(upstream, file, on_event)
            on_event(Event("pull", f"{file.file}: downloaded, {file.bytes} bytes"))
        pulled.append(path)
    return pulled


def _copy(file: UpstreamFile, path: Path) -> Path:
    content = File(file.file, path, str(path), file.bytes).content()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        pinned = f"not {file.sha256} as the card pins; nothing was kept"
        raise PackError(f"{path}: its content has sha256 {sha256}, {pinned}")
    return save_pulled(file.sha256, file.file, content)


def _refuse(card: Benchmark, file: UpstreamFile, *, offline: bool, mirrored: bool) -> None:
    if not file.path:
        raise PackError(f"{card.name}: {file.file} can be found in a mirror only; give --mirror DIR with a copy of it")
    if offline:
        where = "the mirror does not have it" if mirrored else "no mirror is named"
        raise UsageError(
            f"{card.name}: {file.file} is not in the cache and {where}; run without --offline, or give --mirror DIR"
        )


def _upstream(card: Benchmark) -> Upstream:
    if card.upstream is None:
        raise PackError(f"{card.name}: its rows lie beside its card; there is nothing to pull")
    return card.upstream

