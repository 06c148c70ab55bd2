"""`doctor --bench`: rates, differences by hand, the advice."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
import torch
import torch._inductor.config
import transformers
from click.testing import CliRunner
from tokenizers import Tokenizer, models, pre_tokenizers

from auditkit.cli.doctor import command
from auditkit.errors import MeasurementError, ModelError
from auditkit.models.open import open_model
from auditkit.models.speed.bench import CompileTimes, Setting, compare_compiled, difference, matrix_rate, settings
from auditkit.models.speed.packed import PackedLinear
from auditkit.pipeline import bench as module
from auditkit.pipeline.bench import bench, recommendation
from auditkit.schema import Config, OptionScore, OptionScores, Output


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


def eager(body: Any, **_: Any) -> Any:
    """Instead of a compiler: it "compiles" at the first call, and runs the model as it is."""
    return lambda **inputs: body(**inputs)


def test_compiling_is_measured_where_it_is_asked_for(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 1e8)
    monkeypatch.setattr(torch, "compile", eager)
    assert "compiled" not in bench(tiny, threads=1)["settings"][0]
    first, second = bench(tiny, threads=1, compiled=True)["settings"]
    assert set(first["compiled"]) == {"plain_seconds", "compiled_seconds", "compile_seconds", "pays_after_requests"}
    assert first["compiled"]["plain_seconds"] > 0
    assert "compiled" not in second  # it was not tried at all


def test_the_batch_is_compiled_without_packed_layers(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = open_model(Config(model=tiny, device="cpu", threads=1))
    read: list[Any] = []

    def watch(body: Any, **settings: Any) -> Any:
        assert settings == {"dynamic": False}
        assert body is not adapter.checkpoint.model.base_model
        read.extend(type(layer) for layer in body.modules())
        return lambda **inputs: read.append(inputs["input_ids"].shape.numel())

    for layer in adapter.checkpoint.model.modules():
        if type(layer) is torch.nn.Linear:  # as `pack` does with larger matrices
            layer.__class__ = PackedLinear
    monkeypatch.setattr(torch, "compile", watch)
    compare_compiled(adapter, module.bench_requests(adapter, tiny))
    assert torch.nn.Linear in read
    assert PackedLinear not in read
    assert 0 < read[-1] <= 512
    assert PackedLinear in {type(each) for each in adapter.checkpoint.model.modules()}


@pytest.mark.slow
def test_without_a_compiler_a_line_says_so(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own compiler, with the name of one that is not there."""
    rates(monkeypatch, 1e8)
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("/nowhere/g++",))
    printed = CliRunner().invoke(
        command, ["--bench", tiny, "--threads", "1", "--compile"], standalone_mode=False, catch_exceptions=False
    )
    assert "  not compiled: there is no working C++ compiler (g++, or what CXX names)\n" in printed.stdout


def test_another_failure_of_the_compiler_is_one_line(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(body: Any, **_: Any) -> Any:
        raise NotImplementedError("this\n  cannot be compiled")

    monkeypatch.setattr(torch, "compile", broken)
    adapter = open_model(Config(model=tiny, device="cpu", threads=1))
    with pytest.raises(MeasurementError, match=r"^NotImplementedError: this cannot be compiled$"):
        compare_compiled(adapter, module.bench_requests(adapter, tiny))


def test_requests_before_compiling_pays_by_hand() -> None:
    # a quarter of 0.5 s a request is saved: 40 s are won back by 320 requests
    assert CompileTimes(plain=1.0, compiled=0.75, compiling=40.0).pays_after(0.5) == 320
    assert CompileTimes(plain=1.0, compiled=1.0, compiling=40.0).pays_after(0.5) is None
    assert CompileTimes(plain=1.0, compiled=1.2, compiling=40.0).pays_after(0.5) is None


def test_compile_without_a_model_is_refused() -> None:
    with pytest.raises(click.UsageError, match="add --bench MODEL"):
        CliRunner().invoke(command, ["--compile"], standalone_mode=False, catch_exceptions=False)


def test_what_has_no_likelihoods_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rates(monkeypatch, 1e9)
    with pytest.raises(ModelError):
        bench("planted:random")


def row(dtype: str, seconds: float, within: bool) -> dict[str, Any]:
    return {"device": "cpu", "dtype": dtype, "seconds": seconds, "within_tolerance": within}


def test_advice_is_the_fastest_within_the_tolerance() -> None:
    reference = row("float32", 4.0, True)
    assert recommendation([reference, row("bfloat16", 2.0, True)]) == {
        "device": "cpu", "dtype": "bfloat16", "reason": "2.0 times as fast as float32 on cpu"
    }
    assert recommendation([reference, row("bfloat16", 2.0, False)])["dtype"] == "float32"
    assert recommendation([reference, row("bfloat16", 5.0, True)])["dtype"] == "float32"
    assert recommendation([reference, {"device": "cpu", "dtype": "bfloat16", "skipped": "slow"}])["dtype"] == "float32"


def output(*sums: float, tokens: int = 2, error: str | None = None) -> Output:
    options = tuple(OptionScore(sum=one, tokens=tokens, bytes=1) for one in sums)
    answer = None if error else OptionScores(options=options)
    return Output(request="0" * 64, rule="loglikelihood", answer=answer, error=error)


def test_differences_are_nats_a_token() -> None:
    found = difference([output(-2.0, -4.0), output(-1.0, -3.0)], [output(-2.0, -3.0), output(-5.0, -3.0)])
    assert (found.largest, found.median, found.same) == (2.0, 0.25, 0.5)
    assert difference([output(-1.0)], [output(error="no")]).largest == float("inf")


def test_rate_of_matrix_products_is_plausible() -> None:
    assert 1e7 < matrix_rate(Setting("cpu", "float32")) < 1e14


def test_the_reference_comes_first() -> None:
    assert next(settings()) == Setting("cpu", "float32")
