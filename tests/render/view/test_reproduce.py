"""The command that makes an audit again, given to the command line that must understand it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli.audit import command as audit_command
from auditkit.cli.settings import read_config
from auditkit.render.view.reproduce import command
from auditkit.schema import Api, Audit, Config, Explain, Task
from auditkit.schema.config import EXECUTION

CHANGED = Config(
    model="acme/x y", kind="causal", packs=("a", "my packs/o'x"), limit=450, seed=7, out="-o", policy="p.yaml",
    dtype="float32", device="cpu", chat="never", batch_tokens=512, threads=2,
    explain=Explain(samples=0, max_steps=64, tolerance=0.1, budget=100), evidence="hash",
    trust_remote_code=True, rules={"all": "letter", "my packs/o'x": "label"}, bos="never",
    robustness=("typos", "formats"), typo_rate=0.05, base="acme/base", quantise="int8", source_language="eng_Latn",
    target_language="deu_Latn",
    tasks=(Task(name="reviews", task="classification", data="o'x.csv", columns={"text": "ré: view", "label": "#1"}),),
    api=Api(
        concurrency=2, deadline=30.0, timeout=9.5, retries=0, backoff=0.5, max_requests=10, max_tokens=99,
        price_per_million_input=0.25, price_per_million_output=1.0,
    ),
)


def _read_back(text: str) -> Config:
    words = shlex.split(text.splitlines()[-1])
    assert words[:2] == ["auditkit", "audit"]
    given: dict[str, Any] = audit_command.make_context("audit", words[2:]).params
    given.pop("as_json")
    given.pop("quiet")
    config = read_config(given.pop("model"), given.pop("config_file"), given)
    assert isinstance(config, Config)
    return config


def test_every_setting_was_changed() -> None:
    usual = Config(model="m")
    same = [name for name in Config.model_fields if getattr(CHANGED, name) == getattr(usual, name)]
    # limit excludes size, and an audit's configuration says nothing of who computed it
    assert same == ["schema_version", "size", *EXECUTION]


@pytest.mark.parametrize("config", [
    CHANGED, Config(model="m"), Config(model="m", size="small"), Config(model="m", explain=Explain(samples=5)),
    Config(model="m", packs=()),
])
def test_the_command_line_reads_the_same_configuration(
    config: Config, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = command(audit.model_copy(update={"config": config}))
    for line in text.splitlines()[:-1]:
        subprocess.run(["sh", "-c", line], check=True)
    assert _read_back(text) == config


def test_hostile_names_stay_one_word(poisoned: Audit, hostile: str) -> None:
    assert shlex.split(command(poisoned))[2] == hostile
