"""GGUF files whose headers name sizes that the file does not have: refused before a library reads them."""

from __future__ import annotations

import resource
import struct
import time
from pathlib import Path

import pytest

from auditkit.errors import ModelError
from auditkit.models.weights.gguf import converted, smollm2_file
from auditkit.models.weights.gguf_header import read_header, refuse_hostile

U32, STRING, ARRAY, U64 = 4, 8, 9, 10
HUGE = 1 << 60
LAYERS = struct.pack("<II", U32, 2)
WEIGHT = ("blk.0.weight", (64, 32))


def text(words: str) -> bytes:
    return struct.pack("<Q", len(words)) + words.encode()


def said(words: str) -> bytes:
    return struct.pack("<I", STRING) + text(words)


def array(kind: int, length: int, data: bytes = b"") -> bytes:
    return struct.pack("<IIQ", ARRAY, kind, length) + data


def header(
    *keys: tuple[str, bytes], tensors: tuple[tuple[str, tuple[int, ...]], ...] = (WEIGHT, WEIGHT), version: int = 3,
    counts: tuple[int, int] | None = None,
) -> bytes:
    given = (("general.architecture", said("llama")), ("llama.block_count", LAYERS), *keys)
    parts = [b"GGUF", struct.pack("<IQQ", version, *(counts or (len(tensors), len(given))))]
    parts += [text(key) + value for key, value in given]
    for name, dimensions in tensors:
        parts.append(text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, 0, 0))
    return b"".join(parts) + bytes(64 * 32 * 4)


HOSTILE = {
    "tensors without end": (header(counts=(HUGE, 2)), "tensors; at most"),
    "keys without end": (header(counts=(2, HUGE)), "keys; at most"),
    "an endless text": (header(("a", struct.pack("<IQ", STRING, HUGE))), "bytes in a text"),
    "an endless name": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", HUGE), "bytes in a text"),
    "an endless array of numbers": (header(("a", array(U32, HUGE))), "bytes in an array"),
    "an endless array of texts": (header(("a", array(STRING, HUGE))), "texts in an array"),
    "texts that are not there": (header(("a", array(STRING, 1 << 20))), "cut off or damaged|bytes in a text"),
    "arrays of arrays": (header(("a", array(ARRAY, 3))), "a type that GGUF does not have"),
    "a type of its own": (header(("a", struct.pack("<I", 77))), "a type that GGUF does not have"),
    "a version of its own": (header(version=9), "GGUF version 9"),
    "layers": (header(("llama.block_count", struct.pack("<II", U32, 10**7))), "block_count"),
    "width": (header(("llama.embedding_length", struct.pack("<II", U32, 10**9))), "embedding_length"),
    "words": (header(("llama.vocab_size", struct.pack("<IQ", U64, 10**12))), "vocab_size"),
    "experts": (header(("llama.expert_count", struct.pack("<II", U32, 10**6))), "expert_count"),
    "more tokens than rows": (header(("tokenizer.ggml.tokens", array(STRING, 500, text("a") * 500))), "tokens"),
    "window of learned positions": (
        header(("general.architecture", said("gpt2")), ("gpt2.context_length", struct.pack("<II", U32, 10**9))),
        "context_length",
    ),
    "a tensor of 2^60": (header(tensors=(("a", (1 << 30, 1 << 30)),)), "weights, and the file has"),
    "dimensions without end": (
        header(tensors=())[:-8192].replace(struct.pack("<QQ", 0, 2), struct.pack("<QQ", 1, 2))
        + text("a") + struct.pack("<I", 1 << 31), "dimensions of a tensor",
    ),
    "half a header": (header()[:60], "cut off or damaged"),
    "nothing but the magic": (b"GGUF", "cut off or damaged"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_it_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    data, message = HOSTILE[name]
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match=message) as error:
        converted(path, lambda event: None)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert "transformers" not in str(error.value), "refused before the library reads it"
    assert time.monotonic() - begun < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10, "KiB"


def test_a_header_that_is_true_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(header(
        ("llama.context_length", struct.pack("<II", U32, 131_072)),
        ("llama.rope.freq_base", struct.pack("<If", 6, 1e4)),
        ("tokenizer.ggml.tokens", array(STRING, 3, text("a") + text("b") + text("c"))),
    ))
    refuse_hostile(path)
    assert read_header(path).settings["tokenizer.ggml.tokens"] == 3
    assert read_header(path).dimensions == ((64, 32), (64, 32))


def test_a_real_file_is_accepted() -> None:
    try:
        path = smollm2_file()
    except ModelError as error:
        pytest.skip(str(error))
    refuse_hostile(path)
    assert len(read_header(path).dimensions) == 272
