"""Targets with a model: safetensors headers, files of model and tokenizer, chat templates."""

from __future__ import annotations

import functools
import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from auditkit.models.causal.chat import TemplateProcess
from auditkit.models.open import open_model
from auditkit.schema import Config

from .inputs import ODD_NUMBERS, ODD_TEXTS, altered, as_json, edited, odd_values

FILES = ("config.json", "tokenizer_config.json", "tokenizer.json", "generation_config.json",
"model.safetensors.index.json",
         "adapter_config.json")
"""What a model folder may hold beside its weights; an input is a name, a line break, and content."""

_KEYS = {
    "config.json": ("num_labels", "id2label", "quantization_config", "auto_map", "rope_scaling", "attn_implementation",
                    "sliding_window", "layer_types", "architectures", "torch_dtype", "text_config", "is_decoder"),
    "tokenizer_config.json": ("model_max_length", "chat_template", "extra_special_tokens", "added_tokens_decoder",
                              "tokenizer_class", "padding_side", "auto_map", "add_bos_token", "model_input_names"),
    "generation_config.json": ("forced_bos_token_id", "max_length", "eos_token_id", "cache_implementation"),
}
"""Names that matter, beside those that the tiny model's files hold."""


@functools.cache
def folder_of_model() -> Path:
    """A tiny decoder, saved once a process."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))
    try:
        import conftest as tiny
    finally:
        sys.path.pop(0)
    path = Path(tempfile.mkdtemp(prefix="auditkit-fuzz-"))
    model, tokenizer = tiny.build("llama")
    model.eval().save_pretrained(str(path))
    tokenizer.save_pretrained(str(path))
    return path


@functools.cache
def _contents() -> dict[str, Any]:
    folder = folder_of_model()
    there = {
        name: json.loads((folder / name).read_text(encoding="utf-8")) for name in FILES if (folder / name).is_file()
    }
    more = {
        "model.safetensors.index.json": {"metadata": {"total_size": 1}, "weight_map": {"a": "model.safetensors"}},
        "adapter_config.json": {"peft_type": "LORA", "r": 4, "base_model_name_or_path": "x",
        "target_modules": ["q_proj"]},
    }
    return {**more, **there}


def file_seeds() -> list[bytes]:
    """The tiny model's own files."""
    return [name.encode() + b"\n" + as_json(_contents()[name]) for name in ("config.json", "tokenizer_config.json")]


def file_inputs() -> st.SearchStrategy[bytes]:
    """One file, with values altered, values of its own keys exchanged for odd ones, or bytes edited."""
    names = st.sampled_from(list(_contents()))
    whole = names.flatmap(
        lambda name: altered([_contents()[name]]).map(lambda value: name.encode() + b"\n" + as_json(value))
    )
    odd = st.sampled_from([(name, key) for name, keys in _KEYS.items() for key in (*_contents()[name], *keys)]).flatmap(
        lambda place: st.one_of(st.sampled_from([*ODD_NUMBERS, *ODD_TEXTS]), odd_values()).map(
            lambda value: place[0].encode() + b"\n" + as_json({**_contents()[place[0]], place[1]: value})
        )
    )
    small = [seed for seed in file_seeds() if len(seed) < 20_000]
    return st.one_of(whole, odd, edited(small, (b"{", b"}", b"[", b"null", b"NaN", b"9" * 5000, b"\xff", b"[" * 3000)))


def _copied(folder: Path) -> Path:
    path = folder / "model"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(folder_of_model(), path)
    return path


def read_files(data: bytes, folder: Path) -> None:
    """Open a model of which one file is another."""
    name, _, content = data.partition(b"\n")
    path = _copied(folder)
    (path / (name.decode("latin-1") if name.decode("latin-1") in FILES else FILES[0])).write_bytes(content)
    open_model(Config(model=str(path), device="cpu", threads=1, offline=True))


# Safetensors


@functools.cache
def _weights() -> tuple[dict[str, Any], bytes]:
    """Header and the rest."""
    raw = (folder_of_model() / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def weight_seeds() -> list[bytes]:
    """The tiny model's header."""
    return [as_json(_weights()[0])]


def weight_inputs() -> st.SearchStrategy[bytes]:
    """A header with values altered, or bytes edited; or bytes that are the whole file."""
    words = (b"{", b"}", b'"F32"', b'"F64"', b"[0]", b"9" * 30, b"-1", b'"data_offsets"', b"\xff", b"[" * 500)
    return st.one_of(
        altered([_weights()[0]]).map(as_json), edited(weight_seeds(), words),
        st.binary(max_size=40).map(lambda data: b"raw" + data),
    )


def read_weights(data: bytes, folder: Path) -> None:
    """Open a model whose weights have this header before their numbers."""
    path = _copied(folder)
    whole = data[3:] if data.startswith(b"raw") else struct.pack("<Q", len(data)) + data + _weights()[1]
    (path / "model.safetensors").write_bytes(whole)
    open_model(Config(model=str(path), device="cpu", threads=1, offline=True))


# Chat templates

PIECES = (
    "{{ messages[0].content }}", "{{ bos_token }}", "{% for m in messages %}", "{% endfor %}",
    "{% if add_generation_prompt %}",
    "{% endif %}", "{{ messages }}", "{{ 'x' * 10**9 }}", "{{ 10**10**7 }}", "{% for i in range(10**9) %}",
    "{{ ''.__class__ }}",
    "{% set x = x ~ x %}", "{{ raise_exception('a\nb') }}", "{{ '%999999999d' % 1 }}", "{{ messages|tojson }}",
    "{% macro a() %}",
    "{{ a() }}", "{% endmacro %}", "{{ cycler.__init__.__globals__ }}", "{% include 'x' %}", "{{ lipsum(n=10**6) }}",
    "{%", "{{",
    "}}", "%}", "{# ", "{{ strftime_now('%Y') }}", "{{ messages[0].content|upper }}", "{{ dict(a=1).items() }}",
    "\x00", "\n",
    "{{ namespace(a=1).a }}", "{% generation %}", "{% endgeneration %}", "{{ messages[0].content|center(10**9) }}",
    "{% raw %}",
    "{{ ''|default(messages[9].x.y) }}", "{% filter upper %}", "{% endfilter %}", "{{ range(10**9)|list|length }}",
)
_PROCESS = TemplateProcess(seconds=1.0)


def template_seeds() -> list[bytes]:
    """A template as models have it."""
    turn = b"{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    return [turn + b"{% if add_generation_prompt %}>{% endif %}"]


def template_inputs() -> st.SearchStrategy[bytes]:
    """Pieces of templates in any order, or a template with bytes edited."""
    pieces = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), min_size=1, max_size=8)
    return st.one_of(
        pieces.map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
        edited(template_seeds(), tuple(piece.encode() for piece in PIECES)),
    )


def read_template(data: bytes, folder: Path) -> None:
    """Render a turn by this template."""
    _PROCESS.render(data.decode("utf-8", "replace"), "Who was late?", {"bos_token": "<s>", "eos_token": "</s>"})


def close() -> None:
    """End the process of templates."""
    _PROCESS.close()


