"""Opening: families, refusals in one line, fingerprints."""

from __future__ import annotations

import json
import struct
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import transformers

from auditkit import registry
from auditkit.errors import ModelError
from auditkit.models.open import open_model
from auditkit.models.weights import gguf
from auditkit.schema import Config, Option, Request


def refusal(model: Path | str, **settings: Any) -> str:
    with pytest.raises(ModelError) as caught:
        open_model(Config(model=str(model), device="cpu", **settings))
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    assert len(message) > 40
    return message


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("llama", "causal"), ("gpt2", "causal"), ("roberta", "masked"), ("bert-classifier", "classifier"),
        ("deberta-tagger", "tagger"), ("albert-span", "span"), ("electra-embedder", "embedder"),
    ],
)
def test_family_is_read_from_the_config(name: str, kind: str, opened: Any) -> None:
    assert opened(name).subject.kind == kind


def test_model_type_suffices_for_a_decoder(own: Any) -> None:
    path = own("llama")
    edit(path / "config.json", architectures=None)
    assert open_model(Config(model=str(path), device="cpu")).subject.kind == "causal"


def test_a_bare_encoder_is_an_embedder_unless_said_otherwise(own: Any) -> None:
    path = own("bert")
    edit(path / "config.json", architectures=["BertModel"])
    assert open_model(Config(model=str(path), device="cpu")).subject.kind == "embedder"
    assert open_model(Config(model=str(path), device="cpu", kind="masked")).subject.kind == "masked"


def test_an_encoder_of_unknown_architecture_needs_a_kind(own: Any) -> None:
    path = own("bert")
    edit(path / "config.json", architectures=["BertForPreTraining2"])
    assert "say --kind: causal, classifier, embedder, masked" in refusal(path)


def test_a_bare_decoder_needs_a_kind(own: Any) -> None:
    path = own("gpt2")
    edit(path / "config.json", architectures=["GPT2Model"])
    assert "say --kind" in refusal(path)
    assert open_model(Config(model=str(path), device="cpu", kind="embedder")).subject.kind == "embedder"


@pytest.mark.parametrize("kind", ["classifier", "tagger", "span"])
def test_another_head_than_the_weights_hold_is_refused(kind: str, own: Any) -> None:
    assert "the head is not in the weights" in refusal(own("bert-embedder"), kind=kind)


def test_unsupported_family(own: Any) -> None:
    path = own("llama")
    edit(path / "config.json", architectures=["WhisperForConditionalGeneration"], model_type="whisper")
    assert "WhisperForConditionalGeneration; if its weights" in refusal(path)


def test_missing_head_is_refused(own: Any) -> None:
    message = refusal(own("bert"), kind="classifier")
    assert "the head is not in the weights" in message
    assert "classifier" in message


def test_planted_names_are_listed() -> None:
    assert "always-stereotyped" in refusal("planted:nice")


def test_no_config(own: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "adapter_config.json").write_text("{}")
    assert "names no base model" in refusal(tmp_path / "empty")
    path = own("gpt2")
    (path / "config.json").write_text("{")
    assert "not valid JSON" in refusal(path)


def test_no_weights_and_pickled_weights(own: Any) -> None:
    path = own("gpt2")
    (path / "model.safetensors").unlink()
    assert "no weights" in refusal(path)
    torch.save({}, path / "pytorch_model.bin")
    assert "save_pretrained" in refusal(path)


def test_missing_shard_is_named(own: Any) -> None:
    path = own("gpt2")
    (path / "model.safetensors").rename(path / "model-00001-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert "model-00002-of-00002.safetensors is missing" in refusal(path)


def test_damaged_weights(own: Any) -> None:
    path = own("gpt2") / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged or cut off" in refusal(path.parent)
    path.write_bytes(b"nonsense")
    assert "damaged or cut off" in refusal(path.parent)


def test_missing_tensor(own: Any) -> None:
    path = own("llama") / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    tensors.pop("model.layers.0.mlp.up_proj.weight")
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    assert "not in the weights" in refusal(path.parent)
    assert "the head" not in refusal(path.parent)


def test_remote_code(own: Any) -> None:
    path = own("gpt2")
    edit(path / "config.json", auto_map={"AutoModelForCausalLM": "model.Mine"})
    assert "trust_remote_code: true" in refusal(path)


def test_tokenizer_missing_or_of_another_model(own: Any) -> None:
    path = own("llama")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    assert "tokenizer" in refusal(path)
    path = own("gpt2")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(path))
    tokenizer.add_tokens([f"word{number}" for number in range(10)])
    tokenizer.save_pretrained(str(path))
    assert "do not belong together" in refusal(path)


def test_files_that_are_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"hello")
    assert "not a GGUF file" in refusal(tmp_path / "model.gguf")
    (tmp_path / "model.bin").write_bytes(b"hello")
    assert "not a .gguf" in refusal(tmp_path / "model.bin")
    assert "no such file" in refusal(tmp_path / "nothing")
    assert "no such file" in refusal("./nothing.gguf")


def test_gguf_needs_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path))
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))
    assert "transformers cannot read" in refusal(tmp_path / "model.gguf")
    assert not list((tmp_path / "weights").iterdir())  # nothing half-written is left
    for module in (gguf, registry):
        monkeypatch.setattr(module, "find_spec", lambda _name: None)
    assert registry.FEATURES["gguf"].command in refusal(tmp_path / "model.gguf")
    assert registry.FEATURES["smollm2"].command in refusal("smollm2")


def test_hub_without_network_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def offline(_opener: Any, _request: Any, timeout: float) -> Any:
        asked.append(timeout)
        raise OSError("Network is unreachable")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", offline)
    message = refusal("someone/some-model")
    assert len(asked) == 1
    assert "unreachable" in message
    assert "smollm2" in message
    assert "not in the local Hugging Face cache" in message
    assert "switched off" in refusal("someone/some-model", offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "switched off" in refusal("someone/some-model")
    assert len(asked) == 1


def test_hub_says_no_such_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(opener: Any, request: Any, timeout: float) -> Any:
        raise urllib.error.HTTPError(request.full_url, 404, "Not Found", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", missing)
    assert "HTTP 404" in refusal("someone/some-model")


def test_chat_and_device_settings(folder: Any) -> None:
    assert "no chat template" in refusal(folder("gpt2"), chat="always")
    with pytest.raises(ModelError, match="not a device"):
        open_model(Config(model=str(folder("gpt2")), device="toaster"))


def test_broken_chat_template(own: Any) -> None:
    path = own("llama-chat")
    (path / "chat_template.jinja").write_text("{{ raise_exception('only pairs of turns') }}")
    assert "chat: never" in refusal(path)
    assert open_model(Config(model=str(path), device="cpu", chat="never")).subject.kind == "causal"


def test_a_regression_of_several_numbers_is_refused(own: Any) -> None:
    path = own("bert-classifier")
    edit(path / "config.json", problem_type="regression")
    assert "a regression with 3 outputs" in refusal(path)


def test_subject_says_what_was_loaded(opened: Any) -> None:
    subject = opened("llama").subject
    assert (subject.dtype, subject.device) == ("float32", "cpu")
    assert subject.parameters == sum(p.numel() for p in opened("llama").checkpoint.model.parameters())
    assert {"weights", "tokenizer", "chat_template", "dtype", "attention", "quantisation", "revision", "source"} <= set(
        subject.parts
    )


def test_fingerprint_is_that_of_the_content_not_of_the_path(own: Any, opened: Any) -> None:
    assert open_model(Config(model=str(own("llama")), device="cpu")).subject.fingerprint == (
        opened("llama").subject.fingerprint
    )


def test_fingerprint_moves_with_whatever_moves_numbers(own: Any, opened: Any) -> None:
    seen = {opened("llama-chat").subject.fingerprint, opened("llama-chat", chat="never").subject.fingerprint}
    seen.add(opened("llama-chat", dtype="bfloat16").subject.fingerprint)
    path = own("llama-chat")

    def now() -> str:
        return open_model(Config(model=str(path), device="cpu")).subject.fingerprint

    (path / "chat_template.jinja").write_text((path / "chat_template.jinja").read_text() + " ")
    seen.add(now())
    edit(path / "config.json", rms_norm_eps=1e-3)
    seen.add(now())
    tokenizer = json.loads((path / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:-1]
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    seen.add(now())
    tensors = safetensors.torch.load_file(path / "model.safetensors")
    tensors["model.norm.weight"][0] += 1e-3
    safetensors.torch.save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    seen.add(now())
    assert len(seen) == 7


def test_half_precision_is_served(opened: Any) -> None:
    request = Request(
        kind="choose", rule="loglikelihood", text="Who is the engineer?", options=(Option(text=" Mary"),) * 2
    )
    exact, coarse = opened("llama-chat"), opened("llama-chat", dtype="bfloat16")
    one, other = (next(adapter.execute(adapter.encode([request]))).answer.options[0].sum for adapter in (exact, coarse))
    assert coarse.subject.dtype == "bfloat16"
    assert one != other
    assert one == pytest.approx(other, rel=0.1)


needs_smollm2 = pytest.mark.skipif(
    any(map(registry.missing, ("smollm2", "gguf"))), reason="the demo model is not installed"
)


@pytest.mark.slow
@needs_smollm2
def test_smollm2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one real model: converted once, reused, sensible, and independent of batches."""
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path))
    config = Config(model="smollm2", device="cpu")
    events: list[str] = []
    first = open_model(config, lambda event: events.append(event.message))
    assert any("converting" in message for message in events)
    events.clear()
    second = open_model(config, lambda event: events.append(event.message))
    assert not any("converting" in message for message in events)
    assert first.subject == second.subject
    sensible = Request(
        kind="choose", rule="loglikelihood", text="What is the capital of France?", prefix="Answer:",
        options=(Option(text=" The capital of France is Paris."), Option(text=" France of Paris. capital The is")),
    )
    others = [
        Request(kind="compare", rule="loglikelihood", options=(Option(text=f"{n} cats sat."), Option(text=f"{n} dogs")))
        for n in ("Two", "Three", "Four", "Some", "No", "All", "Many")
    ]
    together = list(first.execute(first.encode([sensible, *others])))
    assert together[0].answer.options[0].sum > together[0].answer.options[1].sum + 5
    for request, output in zip([sensible, *others], together, strict=True):
        alone = next(first.execute(first.encode([request])))
        for one, many in zip(alone.answer.options, output.answer.options, strict=True):
            assert one.logprobs == pytest.approx(many.logprobs, abs=1e-4)
    # a cache folder that was altered is never used
    weights = next((tmp_path / "weights").glob("*/model.safetensors"))
    manifest = weights.parent / "auditkit-manifest.json"
    found = gguf.smollm2_file()
    with weights.open("r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"\x00\x01\x02\x03")
    assert gguf._intact(weights.parent, json.loads(manifest.read_text())["gguf"]) is None
    manifest.unlink()
    again = gguf.converted(found, lambda event: events.append(event.message))
    assert any("converting" in message for message in events)
    assert again.files_sha256 == first.subject.parts["converted"]
