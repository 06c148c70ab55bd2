"""PEFT adapters on their base: numbers equal PEFT's own forward, and other weights are another model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import safetensors.torch
import torch
import transformers

from auditkit.errors import ModelError
from auditkit.models.open import open_model
from auditkit.models.weights.peft import split
from auditkit.run.runner import Round, deduplicate, run_round
from auditkit.schema import Config, Option, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal

QUESTION = Request(
    kind="choose", rule="loglikelihood", text="Who is the engineer?", prefix="Answer:",
    options=(Option(text=" Mary"), Option(text=" John")),
)
TARGETS = {"llama": ["q_proj", "v_proj"], "gpt2": ["c_attn"], "bert-classifier": ["query", "value"]}


def adapt(base: Path, folder: Path, name: str, *, seed: int = 1, **settings: Any) -> Path:
    """A LoRA with random weights on a base, saved as PEFT saves it."""
    classifier = "classifier" in name
    loader = transformers.AutoModelForSequenceClassification if classifier else transformers.AutoModelForCausalLM
    model = loader.from_pretrained(str(base), **({"num_labels": 3} if classifier else {}))
    task = "SEQ_CLS" if classifier else "CAUSAL_LM"
    made = peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type=task, r=4, lora_alpha=16, target_modules=TARGETS[name], init_lora_weights=False,
            fan_in_fan_out=name == "gpt2", **settings,
        ),
    )
    torch.manual_seed(seed)
    for key, parameter in made.named_parameters():
        if "lora_" in key or "modules_to_save" in key:
            parameter.data.normal_(std=0.2)
    made.save_pretrained(str(folder))
    return folder


@pytest.fixture
def adapted(folder: Callable[[str], Path], tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Base and adapter folder of a family."""

    def make(name: str, **settings: Any) -> tuple[Path, Path]:
        base = folder(name)
        return base, adapt(base, tmp_path / f"{name}-lora", name, **settings)

    return make


def opened(model: object, **settings: Any) -> Any:
    return open_model(Config(model=str(model), device="cpu", **settings))


def own_forward(base: Path, adapter: Path, ids: list[int], loader: Any = transformers.AutoModelForCausalLM) -> Any:
    wrapped = peft.PeftModel.from_pretrained(loader.from_pretrained(str(base)), str(adapter)).eval()
    with torch.no_grad():
        return wrapped(input_ids=torch.tensor([ids])).logits[0].double()


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_numbers_equal_pefts_own_forward(name: str, adapted: Any) -> None:
    base, folder = adapted(name)
    adapter = opened(folder)
    encoded = adapter.encode([QUESTION])
    output = next(iter(adapter.execute(encoded)))
    plain = next(iter(opened(base).execute(encoded)))
    for sequence, score, without in zip(encoded[0].sequences, output.answer.options, plain.answer.options, strict=True):
        logits = own_forward(base, folder, list(sequence.ids)).log_softmax(-1)
        expected = [float(logits[at - 1, sequence.ids[at]]) for at in sequence.scored]
        assert score.logprobs == pytest.approx(expected, rel=1e-4)
        assert score.logprobs != pytest.approx(without.logprobs, rel=1e-2), "else the adapter does nothing"
    assert adapter.subject.parts["peft"].startswith("LORA of rank 4, merged into the base, peft ")
    assert adapter.subject.kind == "causal"


def test_a_coarse_base_is_not_merged_into(adapted: Any) -> None:
    base, folder = adapted("llama")
    adapter = opened(folder, dtype="bfloat16")
    assert "beside the base's weights" in adapter.subject.parts["peft"]
    encoded = adapter.encode([QUESTION])
    output = next(iter(adapter.execute(encoded)))
    wrapped = peft.PeftModel.from_pretrained(
        transformers.AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.bfloat16), str(folder)
    ).eval()
    for sequence, score in zip(encoded[0].sequences, output.answer.options, strict=True):
        with torch.no_grad():
            logits = wrapped(input_ids=torch.tensor([list(sequence.ids)])).logits[0].float().log_softmax(-1)
        expected = [float(logits[at - 1, sequence.ids[at]]) for at in sequence.scored]
        assert score.logprobs == pytest.approx(expected, rel=0.05)


def test_a_classifier_takes_its_head_from_the_adapter(folder: Any, tmp_path: Path) -> None:
    """The base is a bare encoder with two classes by default; the adapter was trained with a head of three."""
    base = tmp_path / "body"
    body = transformers.BertModel.from_pretrained(str(folder("bert-classifier")))
    body.config.num_labels = 2
    body.save_pretrained(str(base))
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder("bert-classifier")))
    tokenizer.save_pretrained(str(base))
    lora = adapt(base, tmp_path / "lora", "bert-classifier")
    adapter = opened(lora)
    assert adapter.subject.kind == "classifier"
    request = Request(kind="classify", rule="probabilities", text="good film")
    encoded = adapter.encode([request])
    output = next(iter(adapter.execute(encoded)))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(str(base), num_labels=3)
    wrapped = peft.PeftModel.from_pretrained(model, str(lora)).eval()
    with torch.no_grad():
        expected = wrapped(**tokenizer("good film", return_tensors="pt")).logits[0].softmax(-1).tolist()
    assert list(output.answer.classes) == ["LABEL_0", "LABEL_1", "LABEL_2"]
    assert list(output.answer.classes.values()) == pytest.approx(expected, rel=1e-4)


def test_an_encoder_decoder_may_be_adapted(tmp_path: Path, folder: Any) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder("llama")))
    torch.manual_seed(3)
    config = transformers.BartConfig(
        vocab_size=400, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=2,
    )
    base = tmp_path / "bart"
    model = transformers.BartForConditionalGeneration(config)
    model.save_pretrained(str(base))
    tokenizer.save_pretrained(str(base))
    wrapped = peft.get_peft_model(
        model, peft.LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q_proj"], init_lora_weights=False)
    )
    wrapped.save_pretrained(str(tmp_path / "lora"))
    adapter = opened(f"{base}+{tmp_path / 'lora'}")
    assert adapter.subject.kind == "seq2seq"
    encoded = adapter.encode([QUESTION])
    output = next(iter(adapter.execute(encoded)))
    for sequence, score in zip(encoded[0].sequences, output.answer.options, strict=True):
        source, target = list(sequence.ids[: sequence.source]), list(sequence.ids[sequence.source :])
        with torch.no_grad():
            logits = wrapped.eval()(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target])
            ).logits[0].double().log_softmax(-1)
        places = [at - sequence.source for at in sequence.scored]
        assert score.logprobs == pytest.approx([float(logits[at - 1, target[at]]) for at in places], rel=1e-4)


def test_base_by_notation_option_and_name_is_one_model(adapted: Any) -> None:
    base, folder = adapted("llama")
    prints = {
        opened(folder).subject.fingerprint, opened(f"{base}+{folder}").subject.fingerprint,
        opened(folder, base=str(base)).subject.fingerprint,
    }
    assert len(prints) == 1
    assert opened(base).subject.fingerprint not in prints


def test_answers_of_one_adapter_are_not_served_to_another(adapted: Any, tmp_path: Path) -> None:
    _, folder = adapted("llama")

    def ask(number: int) -> Round:
        asked = deduplicate([("s", QUESTION)])
        adapter = opened(folder)
        header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
        with (
            Journal.open(tmp_path / f"{number}" / "journal.jsonl", header) as journal,
            AnswerCache.open(tmp_path / "answers.sqlite") as cache,
        ):
            return run_round(adapter, asked.requests, asked.askers, journal, cache, batch_tokens=256)

    assert ask(1).cache_hits == 0
    assert ask(2).cache_hits == 1
    path = folder / "adapter_model.safetensors"
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file({name: tensor + 0.01 for name, tensor in weights.items()}, path)
    assert ask(3).cache_hits == 0
    settings = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**settings, "lora_alpha": 8}))
    assert ask(4).cache_hits == 0


def test_the_adapters_own_tokenizer_is_used(adapted: Any) -> None:
    base, folder = adapted("llama")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}!{% endfor %}"
    tokenizer.save_pretrained(str(folder))
    assert opened(folder).subject.parts["chat"] == "template"
    assert opened(base).subject.parts["chat"] == "plain"


def refusal(model: object, **settings: Any) -> str:
    with pytest.raises(ModelError) as caught:
        opened(model, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_faults_are_one_line(adapted: Any, tmp_path: Path) -> None:
    base, folder = adapted("llama")

    def copy(name: str) -> Path:
        return Path(shutil.copytree(folder, tmp_path / name))

    path = copy("pickled")
    torch.save({}, path / "adapter_model.bin")
    (path / "adapter_model.safetensors").unlink()
    assert "pickled weights (adapter_model.bin)" in refusal(path)
    path = copy("empty")
    (path / "adapter_model.safetensors").unlink()
    assert "no adapter_model.safetensors" in refusal(path)
    path = copy("damaged")
    (path / "adapter_model.safetensors").write_bytes(b"nonsense")
    assert "damaged or cut off" in refusal(path)
    path = copy("prompt")
    (path / "adapter_config.json").write_text(json.dumps({"peft_type": "PROMPT_TUNING"}))
    assert "learns a prompt" in refusal(path, base=str(base))
    assert "leave base out" in refusal(base, base=str(base))
    assert "is not a folder with adapter_config.json" in refusal(f"{folder}+{base}")
    assert "name one" in refusal(f"{base}+{folder}", base="other")


def test_a_plus_in_the_name_of_what_is_there_is_no_adapter(tmp_path: Path) -> None:
    (tmp_path / "a+b.gguf").write_bytes(b"GGUF")
    (tmp_path / "c+d").mkdir()
    for name in ("a+b.gguf", "c+d"):
        assert split(Config(model=str(tmp_path / name))) is None


def test_an_adapter_of_another_base_is_refused(adapted: Any, folder: Any, tmp_path: Path) -> None:
    _, lora = adapted("llama")
    assert "check --base" in refusal(lora, base=str(folder("gpt2")))
    part = Path(shutil.copytree(lora, tmp_path / "part"))
    weights = safetensors.torch.load_file(part / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    safetensors.torch.save_file(weights, part / "adapter_model.safetensors")
    assert "1 tensors of the adapter do not fit" in refusal(part)
