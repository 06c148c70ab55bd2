"""Benchmark packs on disk: where they lie, which there are, and whether their rows are those of the card."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from auditkit import registry
from auditkit.config import read_yaml, replace_values
from auditkit.errors import ConfigError, PackError, did_you_mean
from auditkit.load.files import File, Reader
from auditkit.load.mirror import VARIABLE, Mirror, open_mirror
from auditkit.load.prompts import named
from auditkit.schema import Benchmark, PackChecks, Template
from auditkit.schema.faults import Location
from auditkit.store.data import pulled_path

CARD = "card.yaml"
CHECKS = "checks.yaml"


@dataclass(frozen=True)
class Pack:
    """A benchmark: its card, its folder and where its files lie."""

    card: Benchmark
    folder: Path
    every_file: tuple[File, ...]
    """Every file of the card, in order; those to train on last."""
    arms: tuple[str, ...] = ()
    """The arms that were asked for; all where empty."""

    @property
    def files(self) -> tuple[File, ...]:
        """The files that hold rows, in the card's order."""
        upstream = self.card.upstream.files if self.card.upstream else ()
        others = {*(file.file for file in upstream if file.beside), *self.card.training}
        return tuple(file for file in self.every_file if file.name not in others)

    @property
    def beside(self) -> dict[str, File]:
        """All files by name."""
        return {file.name: file for file in self.every_file}

    @property
    def reader(self) -> Reader:
        """The function that reads the row files.

        Raises:
            ConfigError: the card names a reader that does not exist.
        """
        return _reader(self.card.reader, self.folder / CARD)


def packs_root() -> Path:
    """Where the built-in packs lie: beside the code in a wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    wheel = package / "benchmarks"
    return wheel if wheel.is_dir() else package.parent / "benchmarks"


def built_in_names() -> list[str]:
    """Sorted names of the built-in packs: those whose rows are part of auditkit."""
    return [name for name, published in _shipped(packs_root()).items() if not published]


def published_names() -> list[str]:
    """Sorted names of the packs of published data: auditkit has their cards, not their rows."""
    return [name for name, published in _shipped(packs_root()).items() if published]


@cache
def _shipped(root: Path) -> dict[str, bool]:
    """Pack to whether its data are published elsewhere, told without parsing YAML: `auditkit list` stays quick."""
    cards = sorted(root.glob(f"*/{CARD}"))
    return {card.parent.name: re.search(rb"(?m)^upstream:", card.read_bytes()) is not None for card in cards}


def display(path: Path) -> str:
    """A path as messages show it: relative to the working directory or to the packs' parent, where it lies inside."""
    full = path.resolve()
    for base in (Path.cwd().resolve(), packs_root().parent):
        if full.is_relative_to(base):
            return full.relative_to(base).as_posix()
    return str(path)


def open_card(name_or_dir: str | Path) -> Benchmark:
    """The card of a pack alone: its data need not be here.

    Raises:
        PackError: no such pack.
        ConfigError: a fault in the card.
    """
    return _card(card_folder(name_or_dir))


def card_folder(name_or_dir: str | Path) -> Path:
    """Where a pack's card lies.

    Raises:
        PackError: no such pack.
    """
    return _folder(_arms(name_or_dir)[0])


def open_checks(name_or_dir: str | Path) -> PackChecks:
    """The checks that a pack brings, none where its folder has no checks.yaml. Its data need not be here.

    Raises:
        PackError: no such pack.
        ConfigError: a fault in the card or the checks, or a check of another pack.
    """
    folder = _folder(_arms(name_or_dir)[0])
    if not (folder / CHECKS).is_file():
        return PackChecks(checks=())
    path = Path(display(folder / CHECKS))
    share = read_yaml(path if path.is_file() else folder / CHECKS, PackChecks)
    name = _card(folder).name
    for number, check in enumerate(share.checks):
        if check.benchmark != name:
            raise ConfigError(f'{path}: "checks.{number}.benchmark": {check.benchmark} is not this pack; write {name}')
    return share


def open_pack(name_or_dir: str | Path) -> Pack:
    """Open a pack by name, or any folder that holds a card, and check that the rows are the card's.

    Args:
        name_or_dir: a name of a pack that auditkit knows, which goes first; else a folder. `NAME:ARM,ARM` takes only
            these arms of the pack.

    Raises:
        PackError: no such pack, published data that were not pulled, no such arm, or rows that differ from the card's
            sha256 or row count.
        ConfigError: a fault in the card, as `file:line: key`.
    """
    named, arms = _arms(name_or_dir)
    folder = _folder(named)
    path = display(folder / CARD)
    card = _card(folder)
    if folder.parent == packs_root() and card.name != folder.name:
        raise ConfigError(f'{path}: "name": {card.name} is not the folder\'s name, {folder.name}; make them equal')
    pack = Pack(_only(card, arms, path), folder, _files(card, folder), arms)
    # Published files are pinned one by one, and their rows are counted when they are read.
    rows = _counted(pack) if card.upstream is None else card.rows
    sha256 = _hashed(pack)
    remedy = f"if the change is meant, raise \"version\" and run `auditkit pack seal {display(folder)}`"
    if sha256 != card.sha256:
        what = "rows and training rows" if card.training else "rows"
        raise PackError(f"{path}: the {what} have sha256 {sha256[:12]}…, not {card.sha256[:12]}… as sealed; {remedy}")
    if rows != card.rows:
        raise PackError(f"{path}: the pack has {rows} rows, not {card.rows} as sealed; {remedy}")
    return pack


def _arms(name_or_dir: str | Path) -> tuple[str | Path, tuple[str, ...]]:
    name, colon, arms = str(name_or_dir).rpartition(":")
    if colon and name in _shipped(packs_root()):
        return name, tuple(arm.strip() for arm in arms.split(",") if arm.strip())
    return name_or_dir, ()


def _only(card: Benchmark, arms: Sequence[str], path: str) -> Benchmark:
    """The card without what concerns other arms."""
    if not arms:
        return card
    read = [use.arm for use in card.metrics if use.arm != "all"]
    for arm in arms:
        if arm not in read:
            listed = ", ".join(dict.fromkeys(read)) or "none that can be chosen"
            raise PackError(f'{path}: no metric reads an arm "{arm}"; arms: {listed}')
    keep = {*arms, "all"}
    return card.model_copy(update={
        "metrics": tuple(use for use in card.metrics if use.arm in keep),
        "planted": tuple(reading for reading in card.planted if reading.arm in keep),
    })


def _files(card: Benchmark, folder: Path) -> tuple[File, ...]:
    """The card's files, beside it or, where it is published data, in the data cache or a mirror."""
    if card.upstream is None:
        return tuple(File(name, folder / name, display(folder / name)) for name in (*card.files, *card.training))
    mirror = open_mirror()
    places = {file.file: locate(file.sha256, file.file, mirror) for file in card.upstream.files}
    missing = [name for name, path in places.items() if path is None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise PackError(
            f"{card.name}: its data are not on this machine ({missing[0]}{more}); "
            f"run `auditkit data pull {card.name}`, or set {VARIABLE} to a folder that holds them"
        )
    sizes = {file.file: file.bytes for file in card.upstream.files}
    return tuple(
        File(name, path, f"{card.name}/{name}", sizes[name]) for name, path in places.items() if path is not None
    )


def locate(sha256: str, name: str, mirror: Mirror | None) -> Path | None:
    """Where a published file lies: in the data cache, else in the mirror; not checked against its hash."""
    pulled = pulled_path(sha256, name)
    if pulled.is_file():
        return pulled
    return mirror.find(sha256) if mirror is not None else None


def seal(folder: Path) -> tuple[int, str]:
    """Count and hash the rows of a pack and write both into its card: exactly the values of `rows` and `sha256`.

    Args:
        folder: the pack's folder.

    Returns:
        Number of rows, and sha256 of the bytes of the row files, then the training files, in order.

    Raises:
        PackError: files that cannot be read.
        ConfigError: any other fault in the card.
    """
    path = folder / CARD
    card = _card(folder, {("rows",): 0, ("sha256",): "0" * 64})
    pack = Pack(card, folder, _files(card, folder))
    rows, sha256 = _counted(pack), _hashed(pack)
    text = replace_values(path, path.read_bytes().decode("utf-8"), {"rows": rows, "sha256": sha256})
    beside = path.with_suffix(".yaml.part")
    beside.write_bytes(text.encode("utf-8"))
    os.replace(beside, path)
    return rows, sha256


def _folder(name_or_dir: str | Path) -> Path:
    shipped = _shipped(packs_root())
    if isinstance(name_or_dir, str) and name_or_dir in shipped:
        return packs_root() / name_or_dir
    folder = Path(name_or_dir)
    if (folder / CARD).is_file():
        return folder.resolve()
    if folder.is_dir():
        raise PackError(f"{folder}: the folder holds no {CARD}; name a folder that holds one")
    hint = did_you_mean(str(name_or_dir), shipped, f"packs: {', '.join(shipped)}; or name a folder")
    raise PackError(f'no benchmark pack is called "{name_or_dir}"; {hint}')


def refuse_reserved(pack: Pack) -> None:
    """Refuse a folder that bears the name of a pack that auditkit knows: checks by that name are about other rows.

    Raises:
        ConfigError: it does.
    """
    if pack.card.name in reserved_names() and pack.folder.parent != packs_root():
        path = display(pack.folder / CARD)
        raise ConfigError(f'{path}: "name": {pack.card.name} is a pack that auditkit brings; give yours another name')


def reserved_names() -> frozenset[str]:
    """Names that no folder or task of a user's may bear: those of the packs that auditkit knows."""
    return frozenset(_shipped(packs_root()))


def _card(folder: Path, overrides: Mapping[Location, Any] | None = None) -> Benchmark:
    """The folder's card, with what no type can say checked."""
    path = Path(display(folder / CARD))
    card = read_yaml(path if path.is_file() else folder / CARD, Benchmark, overrides)
    if bool(card.files) == (card.upstream is not None):
        raise ConfigError(f'{path}: name either "files" beside the card or, for published data, "upstream"')
    if card.training and card.upstream is not None:
        raise ConfigError(f'{path}: "training": only a pack with "files" may have it; remove it')
    for key, names in (("files", card.files), ("training", card.training)):
        for name in names:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ConfigError(f'{path}: "{key}": {name} lies outside the pack; name files beside the card')
    audited = {(folder / name).resolve() for name in card.files}
    if both := [name for name in card.training if (folder / name).resolve() in audited]:
        raise ConfigError(f'{path}: "training": {both[0]} is audited ("files"); name rows that are not')
    if card.request == "compare" and card.templates:
        raise ConfigError(f'{path}: "templates": whole texts are compared without a prompt; remove it')
    if card.request != "compare" and not card.templates:
        raise ConfigError(f'{path}: "templates" is missing; add one, for request: {card.request} asks with a prompt')
    fields = {name for template in card.templates for name in _fields(template)}
    for number, template in enumerate(card.formats):
        if set(_fields(template)) != fields:
            raise ConfigError(
                f'{path}: "formats.{number}": it fills {", ".join(sorted(_fields(template))) or "nothing"}, the '
                f'template {", ".join(sorted(fields)) or "nothing"}; show the same fields'
            )
    if len(card.templates) > 1:
        raise ConfigError(f'{path}: "templates": follow-up turns are not supported yet; keep one template')
    return card


def _fields(template: Template) -> list[str]:
    """Names of the fields that a template shows; `options` for one or all of the options."""
    names = named(f"{template.text}{template.prefix}")
    return list(dict.fromkeys("options" if name.startswith("option_") else name for name in names))


def _counted(pack: Pack) -> int:
    return sum(1 for file in pack.files for _ in pack.reader(file, pack.beside))


def _hashed(pack: Pack) -> str:
    """Hash of the pack's files; a published file that is not the pinned one is refused."""
    together = hashlib.sha256()
    pinned = {file.file: file.sha256 for file in pack.card.upstream.files} if pack.card.upstream else {}
    for file in pack.every_file:
        content = file.content()
        sha256 = hashlib.sha256(content).hexdigest()
        if pinned.get(file.name, sha256) != sha256:
            raise PackError(
                f"{file.where}: {display(file.path)} has sha256 {sha256}, not {pinned[file.name]} as pinned; run "
                f"`auditkit data verify`, then `auditkit data pull {pack.card.name}`"
            )
        together.update(content)
    return together.hexdigest()


def _reader(name: str, card: Path) -> Reader:
    names = registry.names("reader")
    if name not in names:
        raise ConfigError(f'{display(card)}: "reader": no reader is called "{name}"; there are: {", ".join(names)}')
    return cast(Reader, registry.get("reader", name))
