"""`doctor --bench`: rates, differences by hand, the advice."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import transformers
from click.testing import CliRunner
from tokenizers import Tokenizer, models, pre_tokenizers

from auditkit.cli.doctor import command
from auditkit.errors import ModelError
from auditkit.models.bench import Setting, difference, matrix_rate, settings
from auditkit.pipeline import bench as module
from auditkit.pipeline.bench import bench, recommended
from auditkit.schema import OptionScore, Output


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A causal model with one token a byte."""
    folder = tmp_path_factory.mktemp("tiny")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: at for at, letter in enumerate(["</s>", *alphabet])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", pad_token="</s>")
    tokenizer.save_pretrained(str(folder))
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=257, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=1024, bos_token_id=0, eos_token_id=0, pad_token_id=0, initializer_range=0.3,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(str(folder))
    return str(folder)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLES", 4)
    monkeypatch.setattr(module, "settings", lambda: iter([Setting("cpu", "float32"), Setting("cpu", "bfloat16")]))


def rates(monkeypatch: pytest.MonkeyPatch, bfloat16: float) -> None:
    monkeypatch.setattr(module, "matrix_rate", lambda setting: {"float32": 1e9, "bfloat16": bfloat16}[setting.dtype])


def test_each_format_is_measured_and_compared(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 2e9)
    first, second = bench(tiny, threads=1)["settings"]
    assert (first["device"], first["dtype"], first["gemm_gflops"]) == ("cpu", "float32", 1.0)
    assert (first["largest_difference"], first["same_choice"], first["within_tolerance"]) == (0.0, 1.0, True)
    assert second["dtype"] == "bfloat16"
    assert 0 < second["median_difference"] < second["largest_difference"] < 1
    assert second["tokens_per_second"] > 0


def test_a_format_that_is_far_slower_is_not_tried(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 1e9 / 9)
    made = bench(tiny, threads=1)
    assert made["settings"][1]["skipped"] == "its matrix products run at 0.11 of the rate of float32"
    assert made["recommended"]["dtype"] == "float32"


def test_command_prints_json_and_a_line_of_advice(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 1e8)
    printed = CliRunner().invoke(command, ["--bench", tiny, "--threads", "1", "--json"], standalone_mode=False)
    assert printed.exception is None
    assert json.loads(printed.stdout)["recommended"]["device"] == "cpu"
    printed = CliRunner().invoke(command, ["--bench", tiny, "--threads", "1"], standalone_mode=False)
    assert "use: --device cpu --dtype float32 (no other setting is faster within the tolerance)" in printed.stdout


def test_what_has_no_likelihoods_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 1e9)
    with pytest.raises(ModelError):
        bench("planted:random")


def row(dtype: str, seconds: float, within: bool) -> dict[str, Any]:
    return {"device": "cpu", "dtype": dtype, "seconds": seconds, "within_tolerance": within}


def test_advice_is_the_fastest_within_the_tolerance() -> None:
    reference = row("float32", 4.0, True)
    assert recommended([reference, row("bfloat16", 2.0, True)]) == {
        "device": "cpu", "dtype": "bfloat16", "reason": "2.0 times as fast as float32 on cpu"
    }
    assert recommended([reference, row("bfloat16", 2.0, False)])["dtype"] == "float32"
    assert recommended([reference, row("bfloat16", 5.0, True)])["dtype"] == "float32"
    assert recommended([reference, {"device": "cpu", "dtype": "bfloat16", "skipped": "slow"}])["dtype"] == "float32"


def output(*sums: float, tokens: int = 2, error: str | None = None) -> Output:
    options = None if error else tuple(OptionScore(sum=one, tokens=tokens, bytes=1) for one in sums)
    return Output(request="0" * 64, rule="loglikelihood", options=options, error=error)


def test_differences_are_nats_a_token() -> None:
    found = difference([output(-2.0, -4.0), output(-1.0, -3.0)], [output(-2.0, -3.0), output(-5.0, -3.0)])
    assert (found.largest, found.median, found.same) == (2.0, 0.25, 0.5)
    assert difference([output(-1.0)], [output(error="no")]).largest == float("inf")


def test_rate_of_matrix_products_is_plausible() -> None:
    assert 1e7 < matrix_rate(Setting("cpu", "float32")) < 1e14


def test_the_reference_comes_first() -> None:
    assert next(settings()) == Setting("cpu", "float32")
