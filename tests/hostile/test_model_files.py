"""Model folders whose settings are deep, ill-typed or far larger than their weights: refused before memory is taken."""

from __future__ import annotations

import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import ModelError
from auditkit.models.open import open_model
from auditkit.models.weights import peft
from auditkit.models.weights.settings import WeightsSize, read_settings, refuse_kernels, refuse_oversized
from auditkit.schema import Config

DEEP = "[" * 100_000
LONG = "9" * 5000
SETTINGS: dict[str, str] = {
    "deep lists": DEEP, "deep objects": '{"a":' * 50_000, "a valid deep list": '{"a":' + "[" * 60 + "]" * 60 + "}",
    "an integer of 5,000 digits": f'{{"vocab_size": {LONG}}}', "a list": "[]", "null": "null", "text": '"x"',
    "nothing": "", "half an object": '{"a": 1', "not UTF-8": "\udcff\udcfe",
    "architectures as text": '{"architectures": "X"}', "architectures as a number": '{"architectures": 5}',
    "auto_map as a list": '{"auto_map": ["x"]}', "quantisation as a list": '{"quantization_config": [1]}',
    "quantisation as text": '{"quantization_config": "gptq"}', "labels as a list": '{"id2label": ["a", "b"]}',
    "model_type as a list": '{"model_type": ["bert"]}', "a number for a name": '{"model_type": 7}',
}
HUGE: dict[str, dict[str, Any]] = {
    "layers": {"num_hidden_layers": 10**7}, "vocabulary": {"vocab_size": 10**9}, "width": {"hidden_size": 4 * 10**6},
    "inner width": {"intermediate_size": 10**10}, "segments": {"type_vocab_size": 10**10},
    "positions": {"max_position_embeddings": 10**10}, "labels": {"num_labels": 10**8, "id2label": None},
}


@pytest.fixture(scope="module")
def classifier(weights: Callable[..., Path]) -> Path:
    return weights("bert-classifier")


@pytest.fixture
def folder(classifier: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(classifier, tmp_path / "model"))


def refusal(folder: Path, **settings: Any) -> str:
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError) as error:
        open_model(Config(model=str(folder), device="cpu", **settings))
    assert time.monotonic() - begun < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 << 10, "KiB"
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    return str(error.value)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("file", ["config.json", "adapter_config.json", "model.safetensors.index.json"])
def test_settings_that_cannot_be_read(name: str, file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(SETTINGS[name].encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError) as error:
        read_settings(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["deep lists", "an integer of 5,000 digits", "architectures as a number", "nothing"])
def test_the_model_is_refused(name: str, folder: Path) -> None:
    (folder / "config.json").write_text(SETTINGS[name], encoding="utf-8")
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize("file", ["tokenizer_config.json", "tokenizer.json", "generation_config.json"])
@pytest.mark.parametrize("content", [DEEP, "[1]", "{", '{"model": 5, "added_tokens": 7, "tokenizer_class": ["x"]}', ""])
def test_files_that_a_library_reads(file: str, content: str, folder: Path) -> None:
    (folder / file).write_text(content, encoding="utf-8")
    outcome = "classifier"  # of a file that the library does not need
    try:
        kind = open_model(Config(model=str(folder), device="cpu")).subject.kind
    except ModelError as error:
        kind = outcome = str(error)
    assert kind == outcome
    assert "\n" not in outcome
    assert len(outcome) < 600


@pytest.mark.parametrize("name", HUGE)
def test_a_configuration_far_larger_than_the_weights(name: str, folder: Path) -> None:
    path = folder / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | HUGE[name]
    path.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}), encoding="utf-8")
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize(
    "settings", [{"n_layer": 10**7}, {"encoder_layers": 999}, {"text_config": {"num_hidden_layers": 10**6}},
                 {"num_local_experts": 10**6}, {"moe": {"n_group": 1, "num_hidden_groups": 10**5}}, {"depths": 1,
                 "depth": 10**4}, {"num_blocks": [3, 10**6]}],
)
def test_more_parts_than_there_are_tensors(settings: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="tensors"):
        refuse_oversized(Path("config.json"), settings, WeightsSize(tensors=40, elements=10**6))
    refuse_oversized(Path("config.json"), {"num_hidden_layers": 12}, WeightsSize(tensors=25, elements=10**6))


@pytest.mark.parametrize(
    "settings",
    [{"attn_implementation": "kernels-community/flash-attn"}, {"_attn_implementation": "a/b@main:fn"},
     {"_attn_implementation_internal": "paged|a/b"}, {"text_config": {"attn_implementation": "a/b"}},
     {"attn_implementation": {"": "sdpa", "text_config": "a/b"}}, {"experts_implementation": "a/b"},
     {"use_kernels": True}],
)
def test_a_kernel_of_the_hub_is_code(settings: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="trust_remote_code"):
        refuse_kernels(Path("config.json"), settings, trusted=False)
    refuse_kernels(Path("config.json"), settings, trusted=True)
    refuse_kernels(Path("config.json"), {"_attn_implementation": "sdpa", "use_kernels": False}, trusted=False)


def test_a_model_with_a_kernel_is_not_opened(folder: Path) -> None:
    path = folder / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) | {"attn_implementation": "kernels-community/flash-attn"}
    path.write_text(json.dumps(settings), encoding="utf-8")
    assert "trust_remote_code" in refusal(folder)


@pytest.mark.parametrize(
    "name", ["../other.safetensors", "/etc/passwd", "a/b.safetensors", "x" * 300, ""],
)
def test_an_index_that_names_other_files(name: str, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "other.safetensors")
    index = {"weight_map": {"a": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert "index.json" in refusal(folder)


@pytest.mark.parametrize(
    "settings",
    [{"r": 10**9}, {"r": 10**9, "use_dora": True}, {"rank_pattern": {"query": 10**8}}, {"rank_pattern": {"q": "8"}},
     {"layer_replication": [[0, 2]] * 200_000}, {"layer_replication": [[0, 10**9]]},
     {"target_modules": "(a+)+$"}, {"target_modules": "(.*)*x"}, {"target_modules": "a" * 5000}, {"r": "8"},
     {"r": True}, {"rank_pattern": [1]}, {"layer_replication": "0-4"}],
)
def test_an_adapter_larger_than_its_tensors(settings: dict[str, Any], tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"base_model.model.query.lora_A.weight": torch.zeros(4, 32)}, tmp_path / peft.WEIGHTS)
    body = {"peft_type": "LORA", "r": 4, "base_model_name_or_path": "x", **settings}
    (tmp_path / peft.SETTINGS).write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(ModelError, match=r"adapter_config\.json") as error:
        peft.inspect(tmp_path)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("damage", ["a huge header", "a header of another length", "no header", "an offset beyond"])
def test_weights_whose_header_lies(damage: str, folder: Path) -> None:
    header = b'{"a": {"dtype": "F32", "shape": [1000000000, 1000], "data_offsets": [0, 4000000000000]}}'
    content = {
        "a huge header": (1 << 60).to_bytes(8, "little") + b"{}",
        "a header of another length": (5).to_bytes(8, "little") + header,
        "no header": b"",
        "an offset beyond": len(header).to_bytes(8, "little") + header + b"\0" * 16,
    }[damage]
    (folder / "model.safetensors").write_bytes(content)
    assert "damaged or cut off" in refusal(folder)
