"""Hashes that say exactly which model answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from auditkit.schema import digest

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
    "vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "source.spm", "target.spm", "target_vocab.json", "chat_template.jinja", "chat_template.json",
)
"""File names that decide how text becomes ids."""

_CHUNK = 1 << 22


def file_sha256(path: Path) -> str:
    """The sha256 (64 hex digits) of a file's content, streamed."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """One hash over the names and contents of files; independent of their order."""
    return digest(sorted((path.name, file_sha256(path)) for path in paths))


def text_sha256(text: str) -> str:
    """The sha256 (64 hex digits) of a text; lone surrogates are hashed as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def tokenizer_sha256(folder: Path) -> str:
    """Hash of the tokenizer's files in a model folder."""
    return files_sha256(folder / name for name in TOKENIZER_FILES if (folder / name).is_file())


@cache
def source_sha256() -> str:
    """Hash of the source of `auditkit.models` and its subpackages: a changed adapter never meets old cached answers."""
    return tree_sha256(Path(__file__).parents[1])


def tree_sha256(folder: Path) -> str:
    """One hash over the Python files of a folder and all its subfolders: their paths within it, and their content."""
    paths = sorted(folder.rglob("*.py"))
    return digest([(path.relative_to(folder).as_posix(), file_sha256(path)) for path in paths])
