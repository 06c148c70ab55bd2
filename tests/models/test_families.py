"""Records of model families: what they name exists, a plugin adds one, a broken one breaks nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers.models.auto import modeling_auto

import auditkit
from auditkit import registry
from auditkit.errors import ModelError, RegistryError
from auditkit.models.adapter import Encoded
from auditkit.models.causal import FAMILY as CAUSAL
from auditkit.models.causal.adapter import CausalAdapter
from auditkit.models.families import (
    Family,
    all_families,
    answers_by_sample,
    check_kind,
    families_of_weights,
    family_named,
    family_of_folder,
    family_of_scheme,
)
from auditkit.models.open import open_model
from auditkit.pipeline.doctor import examine
from auditkit.pipeline.inventory import inventory
from auditkit.schema import Config, Output

BUILT_IN = {
    "api", "causal", "classifier", "embedder", "function", "masked", "planted", "predictions", "seq2seq", "span",
    "tagger",
}
NAMES_OF_OBJECTS = ("adapter", "signs", "otherwise", "reading", "opener", "answerer")


class LoudAdapter(CausalAdapter):
    """A decoder that answers as the built-in family does, and counts its batches."""

    batches = 0

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answer a batch."""
        type(self).batches += 1
        return super().execute(batch)


LOUD = replace(
    CAUSAL, name="loud", description="a decoder of a plugin", adapter=f"{__name__}:LoudAdapter", suffix="ForLoudLM",
    table="", otherwise="", order=0, peft_task="",
)
BROKEN = replace(LOUD, name="lost", adapter="auditkit.models.nowhere:Adapter", suffix="ForLostLM")


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Adds entry points of a plugin, by name and target."""
    entries = dict(registry._entries())
    monkeypatch.setattr(registry, "_entries", lambda: entries)

    def add(name: str, *targets: str) -> None:
        kind, _, short = name.partition(".")
        entries[kind, short] = tuple(EntryPoint(name, target, "auditkit") for target in targets)

    registry.get.cache_clear()
    yield add
    registry.get.cache_clear()


@pytest.fixture
def loud_folder(own: Callable[[str], Path]) -> Path:
    """A decoder whose config.json names the plugin's architecture."""
    path = own("llama")
    settings = json.loads((path / "config.json").read_text(encoding="utf-8"))
    (path / "config.json").write_text(json.dumps({**settings, "architectures": ["TinyForLoudLM"]}), encoding="utf-8")
    return path


def test_the_built_in_families_are_registered_by_their_own_names() -> None:
    assert set(registry.names("family")) == BUILT_IN
    assert {family.name for family in all_families()} == BUILT_IN
    for name in BUILT_IN:
        assert registry.get("family", name).name == name


@pytest.mark.parametrize("family", all_families(), ids=lambda family: family.name)
def test_what_a_record_names_can_be_loaded(family: Family) -> None:
    for field in NAMES_OF_OBJECTS:
        if getattr(family, field):
            assert callable(family.load(field))
    assert bool(family.auto_class) != bool(family.scheme)
    assert family.problem() is None
    if family.auto_class:
        assert family.adapter
        assert hasattr(transformers, family.auto_class)
    if family.table:
        assert hasattr(modeling_auto, family.table)
    if family.scheme:
        assert family.opener or family.answerer
        assert all(form.startswith(family.scheme) for form in family.forms)


def test_no_two_families_claim_one_architecture_task_or_scheme() -> None:
    for field in ("suffix", "table", "peft_task", "scheme"):
        values = [getattr(family, field) for family in all_families() if getattr(family, field)]
        assert len(values) == len(set(values))


def test_reading_all_records_imports_no_adapter_and_no_library() -> None:
    code = (
        "import sys, auditkit.models.families as f; f.all_families(); "
        "heavy = {'torch', 'transformers', 'numpy', 'httpx', 'pydantic'} & set(sys.modules); "
        "heavy |= {m for m in sys.modules if m.startswith('auditkit.models.') and m.endswith('adapter')}; print(heavy)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "set()"


def test_an_unknown_kind_names_the_nearest_and_all() -> None:
    with pytest.raises(ModelError, match=r'kind: "casual" is not a family .*causal, .* did you mean "causal"'):
        check_kind("casual")
    with pytest.raises(ModelError, match="choose one of them, or auto"):
        check_kind("zzz")
    with pytest.raises(ModelError, match='"api" is not a family of weights'):
        check_kind("api")
    check_kind("auto")
    check_kind("span")


def test_an_audit_refuses_an_unknown_kind_before_it_reads_a_row(tmp_path: Path) -> None:
    events: list[Any] = []
    with pytest.raises(ModelError, match="casual"):
        auditkit.audit("smollm2", kind="casual", out=str(tmp_path / "run"), on_event=events.append)
    assert events == []


@pytest.mark.parametrize(
    ("model", "name"),
    [("openai:m@http://localhost/v1", "api"), ("planted:random", "planted"), ("predictions:p.csv", "predictions"),
     ("smollm2", None), ("some/planted:model", None)],
)
def test_a_scheme_names_its_family(model: str, name: str | None) -> None:
    family = family_of_scheme(model)
    assert (family.name if family else None) == name


def test_some_families_answer_by_sample() -> None:
    assert {family.name for family in all_families() if answers_by_sample(family.name)} == {"planted", "predictions"}


def test_adapter_weights_name_their_family_before_the_base_does(tmp_path: Path) -> None:
    settings = {"architectures": ["LlamaForCausalLM"]}
    assert family_of_folder(tmp_path, settings).name == "causal"
    assert family_of_folder(tmp_path, settings, "SEQ_CLS").name == "classifier"
    assert family_of_folder(tmp_path, settings, "SOMETHING_ELSE").name == "causal"


def test_the_table_of_causal_models_does_not_claim_models_of_images(tmp_path: Path) -> None:
    listed = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    name = next(name for name in listed if name.endswith("ForConditionalGeneration"))
    with pytest.raises(ModelError, match=f"cannot be read from {name}"):
        family_of_folder(tmp_path, {"architectures": [name], "model_type": "llava"})


def test_a_plugins_family_is_found_named_listed_and_opened(
    register: Callable[..., None], loud_folder: Path, folder: Callable[[str], Path]
) -> None:
    register("family.loud", f"{__name__}:LOUD")
    assert family_named("loud") is LOUD
    adapter = open_model(Config(model=str(loud_folder), device="cpu"))
    assert type(adapter).__name__ == "LoudAdapter"
    assert adapter.subject.kind == "loud"
    assert open_model(Config(model=str(folder("gpt2")), device="cpu")).subject.kind == "causal"
    assert open_model(Config(model=str(folder("gpt2")), device="cpu", kind="loud")).subject.kind == "loud"
    assert {"name": "loud", "what": "a decoder of a plugin"} in inventory("models")
    assert examine()["families"]["loud"] == "ready"


def test_a_plugins_family_is_audited(
    register: Callable[..., None], loud_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    register("family.loud", f"{__name__}:LOUD")
    result = auditkit.audit(
        str(loud_folder), packs=["claims"], limit=8, device="cpu", threads=1, out=str(tmp_path / "run"),
        explain={"samples": 0},
    )
    assert result.subject.kind == "loud"
    assert result.errored == 0
    assert sys.modules[__name__].LoudAdapter.batches > 0


def test_a_broken_family_breaks_nothing_else(
    register: Callable[..., None], loud_folder: Path, folder: Callable[[str], Path]
) -> None:
    register("family.gone", "package_that_is_not_there:FAMILY")
    register("family.lost", f"{__name__}:BROKEN")
    assert open_model(Config(model=str(folder("gpt2")), device="cpu")).subject.kind == "causal"
    assert "gone" not in {family.name for family in families_of_weights()}
    with pytest.raises(RegistryError, match=r'the family "gone".* cannot be imported'):
        check_kind("gone")
    with pytest.raises(ModelError, match=r'the family "lost" names adapter .* cannot be imported'):
        open_model(Config(model=str(folder("gpt2")), device="cpu", kind="lost"))
    assert "cannot be imported" in examine()["families"]["lost"]


def test_two_packages_with_one_family_name_are_both_named(register: Callable[..., None]) -> None:
    register("family.loud", f"{__name__}:LOUD", f"{__name__}:BROKEN")
    with pytest.raises(RegistryError, match="two modules register"):
        check_kind("loud")


def test_entry_points_of_an_earlier_installation_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_entries", dict)
    with pytest.raises(RegistryError, match=r"no model family is registered; `pip install -e \.`"):
        all_families()
