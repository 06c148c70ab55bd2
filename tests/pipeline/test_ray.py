"""A whole audit on Ray: the same `id` as here, also after its process was killed and the command given again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.errors import ConfigError
from auditkit.registry import missing
from auditkit.store.journal import read_journal

from .conftest import facts

pytest.importorskip("ray", reason=missing("ray"))

KILLED = """
import os, signal, sys
from auditkit.cli import main
left, original = int(sys.argv.pop(1)), os.fsync
def killing(descriptor):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(descriptor)
if left:
    os.fsync = killing
main()
"""
"""The command line, killed before the n-th fsync."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of bytes."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    inner = Tokenizer(models.BPE(vocab={**letters, "<s>": 256}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", pad_token="<s>")
    torch.manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=257, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, max_position_embeddings=512, bos_token_id=256, eos_token_id=256, initializer_range=0.3,
    )
    path = tmp_path_factory.mktemp("tiny")
    transformers.LlamaForCausalLM(config).eval().save_pretrained(str(path))
    tokenizer.save_pretrained(str(path))
    return path


def test_the_same_audit_as_here(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: None
) -> None:
    """Pages and the journal's plan too; the executor is named, and is no part of the audit."""
    given: dict[str, Any] = {
        "packs": ["stereotype-pairs"], "limit": 64, "threads": 1, "device": "cpu", "explain": {"samples": 1},
        "batch_tokens": 512,
    }
    found = {}
    for name, more in (("local", {}), ("ray", {"executor": "ray", "workers": 2})):
        monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / f"cache-{name}"))
        found[name] = auditkit.audit(str(tiny), out=str(tmp_path / name), **given, **more)
    assert found["ray"].id == found["local"].id
    assert found["ray"].estimates == found["local"].estimates
    assert found["ray"].attributions
    told = {name: audit.observed.executor for name, audit in found.items() if audit.observed is not None}
    assert told == {"local": "local", "ray": "ray, 2 workers with 1 threads each"}
    plans = [[line.plan.sha256 for line in read_journal(tmp_path / name / "journal.jsonl").plans] for name in found]
    assert plans[0] == plans[1]
    assert found["ray"].observed is not None
    assert found["ray"].observed.cache_hits == 0


def test_killed_and_given_again(tmp_path: Path, ray_cluster: None) -> None:
    command = ["audit", "planted:random", "--pack", "ambiguous-qa", "--explain", "0", "--threads", "1", "--quiet"]

    def run(name: str, *more: str, left: int = 0) -> int:
        env = {**os.environ, "AUDITKIT_CACHE": str(tmp_path / "cache")}
        out = ["--out", str(tmp_path / name)]
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(left), *command, *out, *more], env=env, capture_output=True,
            timeout=120, check=False,
        ).returncode

    assert run("here") in (0, 1, 3)
    ray = ("--executor", "ray", "--workers", "2")
    assert run("there", *ray, left=24) == -signal.SIGKILL
    before = len(read_journal(tmp_path / "there" / "journal.jsonl", strict=False).outputs)
    assert 0 < before < 1024
    assert run("there", *ray) in (0, 1, 3)
    assert facts(tmp_path / "there") == facts(tmp_path / "here")
    records = read_journal(tmp_path / "there" / "journal.jsonl")
    assert len(records.plans) == 1, "the same plan"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "planted:random", "executor": "api"}, "executor: api needs an endpoint"),
        ({"model": "openai:m@http://localhost:1/v1", "executor": "ray"}, "an endpoint is asked by executor: api"),
        ({"model": "planted:random", "executor": "ray", "offline": True}, "unset RAY_ADDRESS"),
    ],
)
def test_what_makes_no_sense_is_refused(
    settings: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")
    with pytest.raises(ConfigError, match=message):
        auditkit.audit(out=str(tmp_path), **settings)
    assert list(tmp_path.iterdir()) == []
