"""What a GGUF file says of itself, read within bounds before a library reads it.

The file (ggml, docs/gguf.md) is: magic, version, how many tensors and keys; each key with a typed value; each tensor
with name, dimensions, type and place; then the weights. Counts, lengths and sizes in it are a stranger's: a library
that believes them loops or allocates without end.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from auditkit.errors import ModelError

MOST_TENSORS, MOST_KEYS, MOST_HEADER = 100_000, 10_000, 256 << 20
"""Numbers of tensors and keys, and bytes before the weights, beyond any model's."""
LONGEST_NAME, LONGEST_TEXT = 65_535, 4 << 20
"""Bytes of a name (the format's own limit) and of a text, such as a chat template."""
MOST_WEIGHTS_A_BYTE = 8
"""No type holds a weight in less than one bit."""
LEARNED_POSITIONS = ("gpt2", "bert", "nomic-bert", "starcoder", "mpt", "bloom")
"""Architectures that have a weight for each place of the window: there the window's length is a size."""
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TOKENS = "tokenizer.ggml.tokens"


@dataclass(frozen=True)
class GgufHeader:
    """The sizes that a GGUF file names."""

    settings: dict[str, int | str]
    """Keys with a whole number or a text; of an array its length."""
    dimensions: tuple[tuple[int, ...], ...]
    """Of each tensor."""


def refuse_hostile(path: Path) -> None:
    """Read the header within bounds, and hold every size that it names against the tensors that are there.

    Args:
        path: the GGUF file.

    Raises:
        ModelError: one line: what is not as it must be.
    """
    try:
        header = read_header(path)
    except (struct.error, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(f"{path}: the header of this GGUF file is cut off or damaged; download it again") from error
    weights = sum(math.prod(dimensions) for dimensions in header.dimensions)
    size = path.stat().st_size
    if weights > MOST_WEIGHTS_A_BYTE * size:
        raise ModelError(f"{path}: its tensors would hold {weights:,} weights, and the file has {size:,} bytes")
    largest = max((max(dimensions, default=0) for dimensions in header.dimensions), default=0)
    most = max(largest, len(header.dimensions))
    for key, value in header.settings.items():
        if isinstance(value, int) and _is_size(key, header) and value > most:
            raise ModelError(
                f'{path}: "{key}" is {value:,}, and its {len(header.dimensions):,} tensors are at most {largest:,} '
                f"wide; the file is not what it says"
            )


def _is_size(key: str, header: GgufHeader) -> bool:
    """Whether memory is taken by this number: the architecture's own sizes, and the number of tokens."""
    architecture = str(header.settings.get("general.architecture", ""))
    if key.endswith("context_length"):
        return architecture in LEARNED_POSITIONS
    return key == _TOKENS or (bool(architecture) and key.startswith(f"{architecture}."))


def read_header(path: Path) -> GgufHeader:
    """The sizes that a GGUF file names.

    Raises:
        ModelError: a count, length or type beyond the bounds above.
        struct.error: the file ends before its header does.
    """
    with path.open("rb") as stream:
        reader = _Reader(path, stream)
        stream.seek(4)  # the magic
        version, = reader.numbers("I")
        if version not in (2, 3):
            raise ModelError(f"{path}: GGUF version {version} is not read, 2 and 3 are; convert the file again")
        tensors, keys = reader.numbers("QQ")
        reader.bound("tensors", tensors, MOST_TENSORS)
        reader.bound("keys", keys, MOST_KEYS)
        settings: dict[str, int | str] = {}
        for _ in range(keys):
            key = reader.text(LONGEST_NAME)
            value = reader.value(key)
            if value is not None:
                settings[key] = value
        return GgufHeader(settings, tuple(reader.tensor() for _ in range(tensors)))


class _Reader:
    """Reads from a header, never past its bounds."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path, self._stream = path, stream

    def bound(self, what: str, value: int, most: int) -> None:
        """Refuse a count or length beyond a bound."""
        if value > most:
            raise ModelError(
                f"{self._path}: the header of this GGUF file names {value:,} {what}; at most {most:,} are read"
            )

    def numbers(self, form: str) -> tuple[int, ...]:
        """The next numbers, in the letters of `struct`."""
        numbers = struct.unpack(f"<{form}", self._stream.read(struct.calcsize(f"<{form}")))
        self.bound("bytes", self._stream.tell(), MOST_HEADER)
        return numbers

    def text(self, longest: int) -> str:
        """The next text, at most so many bytes."""
        length, = self.numbers("Q")
        self.bound("bytes in a text", length, longest)
        data = self._stream.read(length)
        if len(data) < length:
            raise struct.error("the text is cut off")
        return data.decode("utf-8", errors="replace")

    def value(self, key: str) -> int | str | None:
        """A key's whole number or text, an array's length; `None` for a fraction."""
        kind, = self.numbers("I")
        if kind == _STRING:
            return self.text(LONGEST_TEXT)
        if kind == _ARRAY:
            kind, length = self.numbers("IQ")
            if kind == _STRING:
                self.bound("texts in an array", length, MOST_HEADER // 8)
                for _ in range(length):
                    self.text(LONGEST_TEXT)
            else:
                self._skip(length * struct.calcsize(self._form(key, kind)))
            return length
        number, = self.numbers(self._form(key, kind))
        return None if isinstance(number, float) else number

    def tensor(self) -> tuple[int, ...]:
        """A tensor's dimensions."""
        self.text(LONGEST_NAME)
        count, = self.numbers("I")
        self.bound("dimensions of a tensor", count, 8)
        dimensions = self.numbers("Q" * count)
        self.numbers("IQ")  # type and place
        return dimensions

    def _form(self, key: str, kind: int) -> str:
        if kind not in _SCALARS:
            raise ModelError(f'{self._path}: "{key}" has a type that GGUF does not have, {kind}')
        return _SCALARS[kind]

    def _skip(self, length: int) -> None:
        self.bound("bytes in an array", length, MOST_HEADER)
        if len(self._stream.read(length)) < length:
            raise struct.error("the array is cut off")
        self.bound("bytes", self._stream.tell(), MOST_HEADER)
