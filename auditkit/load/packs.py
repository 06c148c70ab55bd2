"""Benchmark packs on disk: where they lie, which there are, and whether their rows are those of the card."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import os
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from auditkit.config import read_yaml
from auditkit.errors import ConfigError, PackError
from auditkit.load import readers
from auditkit.load.readers.row import Reader
from auditkit.schema import Benchmark

CARD = "card.yaml"


@dataclass(frozen=True)
class Pack:
    """A benchmark: its card and its folder."""

    card: Benchmark
    folder: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Row files, in the card's order."""
        return tuple(self.folder / name for name in self.card.files)

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


def names() -> list[str]:
    """Sorted names of the built-in packs."""
    return sorted(card.parent.name for card in packs_root().glob(f"*/{CARD}"))


def display(path: Path) -> str:
    """A path as messages show it: relative to the working directory or to the packs' parent, where it lies inside."""
    full = path.resolve()
    for base in (Path.cwd().resolve(), packs_root().parent):
        if full.is_relative_to(base):
            return full.relative_to(base).as_posix()
    return str(path)


def open_pack(name_or_dir: str | Path) -> Pack:
    """Open a built-in pack by name, or any folder that holds a card, and check that the rows are the card's.

    Args:
        name_or_dir: a built-in name, which goes first; else a folder.

    Raises:
        PackError: no such pack, or rows that differ from the card's sha256 or row count.
        ConfigError: a fault in the card, as `file:line: key`.
    """
    folder = _folder(name_or_dir)
    path = display(folder / CARD)
    pack = Pack(_card(folder), folder)
    if folder.parent == packs_root() and pack.card.name != folder.name:
        raise ConfigError(f'{path}: "name": {pack.card.name} is not the folder\'s name, {folder.name}; make them equal')
    rows, sha256 = _measure(pack)
    mend = f"if the change is meant, raise \"version\" and run `auditkit pack seal {display(folder)}`"
    if sha256 != pack.card.sha256:
        raise PackError(f"{path}: the rows have sha256 {sha256[:12]}…, not {pack.card.sha256[:12]}… as sealed; {mend}")
    if rows != pack.card.rows:
        raise PackError(f"{path}: the pack has {rows} rows, not {pack.card.rows} as sealed; {mend}")
    return pack


def seal(folder: Path) -> tuple[int, str]:
    """Count and hash the rows of a pack and write both into its card: exactly the lines `rows:` and `sha256:`.

    Args:
        folder: the pack's folder.

    Returns:
        Number of rows, and sha256 of the row files' bytes in order.

    Raises:
        PackError: row files that cannot be read.
        ConfigError: any other fault in the card.
    """
    path = folder / CARD
    rows, sha256 = _measure(Pack(_card(folder, rows=0, sha256=""), folder))
    text = path.read_bytes().decode("utf-8")
    end = "\r\n" if "\r\n" in text else "\n"
    for key, value in (("rows", str(rows)), ("sha256", sha256)):
        # A lone key at the margin: text inside a block scalar is indented.
        text, found = re.subn(rf"(?m)^{key}:[^\r\n]*", f"{key}: {value}", text)
        if not found:
            text = f"{text}{'' if text.endswith(end) else end}{key}: {value}{end}"
    beside = path.with_suffix(".yaml.part")
    beside.write_bytes(text.encode("utf-8"))
    os.replace(beside, path)
    return rows, sha256


def _folder(name_or_dir: str | Path) -> Path:
    if isinstance(name_or_dir, str) and name_or_dir in names():
        return packs_root() / name_or_dir
    folder = Path(name_or_dir)
    if (folder / CARD).is_file():
        return folder.resolve()
    if folder.is_dir():
        raise PackError(f"{folder}: the folder holds no {CARD}; name a folder that holds one")
    close = difflib.get_close_matches(str(name_or_dir), names(), n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"?' if close else f"built-in packs: {', '.join(names())}; or name a folder"
    raise PackError(f'no benchmark pack is called "{name_or_dir}"; {hint}')


def _card(folder: Path, **overrides: Any) -> Benchmark:
    """The folder's card, with what no type can say checked."""
    path = Path(display(folder / CARD))
    card = read_yaml(path if path.is_file() else folder / CARD, Benchmark, **overrides)
    for name in card.files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ConfigError(f'{path}: "files": {name} lies outside the pack; name files beside the card')
    if card.request == "compare" and card.templates:
        raise ConfigError(f'{path}: "templates": whole texts are compared without a prompt; remove it')
    if card.request != "compare" and not card.templates:
        raise ConfigError(f'{path}: "templates" is missing; add one, for request: {card.request} asks with a prompt')
    if len(card.templates) > 1:
        raise ConfigError(f'{path}: "templates": follow-up turns are not supported yet; keep one template')
    return card


def _measure(pack: Pack) -> tuple[int, str]:
    rows, digest = 0, hashlib.sha256()
    for path in pack.files:
        rows += sum(1 for _ in pack.reader(path, display(path)))
        digest.update(path.read_bytes())
    return rows, digest.hexdigest()


def _reader(name: str, card: Path) -> Reader:
    there = sorted(module.name for module in pkgutil.iter_modules(readers.__path__) if module.name != "row")
    if name not in there:
        raise ConfigError(f'{display(card)}: "reader": no reader is called "{name}"; there are: {", ".join(there)}')
    return cast(Reader, importlib.import_module(f"auditkit.load.readers.{name}").read)
