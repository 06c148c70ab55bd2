"""Each family through a whole audit: from a folder on disk to a verdict that verifies. Weights are tiny and random."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.load.packs import open_pack
from auditkit.render.words.en.rules import WORDS as RULES
from auditkit.schema import Audit
from auditkit.store.journal import read_journal

pytestmark = pytest.mark.slow


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Audit]:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))

    def run(model: Path, *packs: str, **settings: Any) -> Audit:
        given = {"limit": 16, "device": "cpu", "threads": 1, "explain": {"samples": 1, "max_steps": 32}, **settings}
        return auditkit.audit(str(model), packs=packs, **{"out": str(tmp_path / "run"), **given})

    return run


@pytest.mark.parametrize("family", ["llama", "llama-chat", "gpt2", "neox", "gemma2", "bert", "roberta", "distilbert"])
def test_language_models(
    family: str, folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    result = audit(folder(family), "stereotype-pairs", "claims")
    pooled = {str(estimate.id): estimate for estimate in result.estimates}
    pairs = pooled["stereotype-pairs/stereotype_score@pair"]
    assert pairs.total == 16
    assert pairs.n > 0
    assert pooled["claims/false_claim_endorsement@false-claim"].total == 8
    masked = "bert" in family
    assert result.subject.kind == ("masked" if masked else "causal")
    assert result.rules["claims"] == ("pseudo_loglikelihood" if masked else "loglikelihood")
    # The masked ones have a window of 64 tokens: what does not fit is an error that says so, never a number.
    twins = pooled["stereotype-pairs/accuracy@plausibility"]
    lost = sum(estimate.unscored.get("errored", 0) for estimate in (pairs, twins))
    assert result.errored == (lost if masked else 0)
    assert all("64" in error for error in result.errors.values())
    assert bool(result.attributions) is not masked
    assert bool(result.not_explained) is masked
    assert auditkit.verify(tmp_path / "run").audit.id == result.id
    assert result.observed is not None
    ran = result.observed.efficiency
    assert ran is not None
    assert ran.disk_bytes == (folder(family) / "model.safetensors").stat().st_size
    assert ran.latency == "batch"
    assert ran.tokens_per_second is not None
    assert ran.load_seconds is not None


def test_a_classifier_answers_what_its_classes_name_and_nothing_else(
    own: Callable[[str], Path], audit: Callable[..., Audit]
) -> None:
    model = own("bert-classifier")
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {"0": "true", "1": "false", "2": "unsure"}
    config["label2id"] = {name: int(key) for key, name in config["id2label"].items()}
    (model / "config.json").write_text(json.dumps(config))
    result = audit(model, "stereotype-pairs", "claims")
    assert result.rules == {"claims": "label"}
    assert "classifier" in result.not_applicable["stereotype-pairs"]
    assert next(e for e in result.estimates if str(e.id) == "claims/accuracy@all").total == 16
    assert result.verdict.exit_code == 3


def test_a_classifier_with_other_classes_is_not_applicable(
    folder: Callable[[str], Path], audit: Callable[..., Audit]
) -> None:
    result = audit(folder("bert-classifier"), "claims")
    assert "no class is called false, true" in result.not_applicable["claims"]
    assert not result.estimates
    assert result.verdict.exit_code == 3


def test_weights_name_the_run_folder_so_that_new_ones_get_their_own(
    folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    for family in ("llama", "gpt2", "llama"):
        auditkit.audit(str(folder(family)), packs=["claims"], limit=8, device="cpu", explain={"samples": 0})
    assert len(list((tmp_path / "reports").iterdir())) == 2


def test_an_answer_is_not_served_to_other_weights(
    own: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    model = own("llama")

    def run(out: str) -> Audit:
        return auditkit.audit(
            str(model), packs=["claims"], limit=8, device="cpu", out=str(tmp_path / out), explain={"samples": 0}
        )

    first = run("first")
    assert first.observed is not None
    assert first.observed.cache_hits == 0
    again = run("again")
    assert again.observed is not None
    assert again.observed.cache_hits == again.observed.requests == 8
    assert again.estimates == first.estimates
    weights = load_file(model / "model.safetensors")
    save_file({name: tensor + 0.01 for name, tensor in weights.items()}, model / "model.safetensors")
    other = run("other")
    assert other.observed is not None
    assert other.observed.cache_hits == 0


@pytest.mark.parametrize("evidence", ["hash", "none"])
def test_withheld_texts_are_in_no_attribution_either(
    evidence: str, folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    result = audit(folder("llama"), "stereotype-pairs", evidence=evidence)
    assert bool(result.attributions) is (evidence == "hash")
    text = (tmp_path / "run" / "audit.json").read_text(encoding="utf-8")
    page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    journal = (tmp_path / "run" / "journal.jsonl").read_text(encoding="utf-8").split("\n")
    samples = [json.loads(line)["body"] for line in journal if '"kind":"sample"' in line]
    words = {word for body in samples for choice in body["sample"]["choices"] for word in choice["text"].split()}
    said = open_pack("stereotype-pairs").card.model_dump_json() + " ".join(RULES.values())
    long = {word.strip(".,") for word in words if len(word) > 8 and word.strip(".,") not in said}
    assert len(long) > 5
    assert not [word for word in long if word in text or word in page]


def test_variants_of_a_language_model_differ_and_a_classifier_reads_no_format(
    folder: Callable[[str], Path], own: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    given: dict[str, Any] = {"robustness": ("formats", "case"), "explain": {"samples": 0}}
    result = audit(folder("gpt2"), "claims", **given)
    arms = {(estimate.id.arm, estimate.id.variant) for estimate in result.estimates}
    assert {("all", "format-2"), ("all", "format-4"), ("true-claim", "case")} < arms
    records = read_journal(tmp_path / "run" / "journal.jsonl")
    assert len(records.outputs) == 16 * 5
    assert len({output.input_sha256 for output in records.outputs.values()}) == 16 * 5
    assert auditkit.verify(tmp_path / "run").audit.id == result.id
    model = own("bert-classifier")
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {"0": "true", "1": "false", "2": "unsure"}
    config["label2id"] = {name: int(key) for key, name in config["id2label"].items()}
    (model / "config.json").write_text(json.dumps(config))
    # This tokenizer lowers case: what the model is asked differs all the same, and its answers cannot.
    result = audit(model, "claims", out=str(tmp_path / "classified"), **given)
    varied = {str(estimate.id): estimate for estimate in result.estimates if estimate.id.variant}
    assert {estimate.id.variant for estimate in varied.values()} == {"case"}
    assert varied["claims/accuracy@all~case[difference]"].value == 0
