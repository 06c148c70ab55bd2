"""A cached answer is never served to another model, tokenizer, template, adapter source, dtype or request.

Each test fills the real cache through the real runner, swaps one thing, opens the model anew and asks again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from auditkit.models import open as opening
from auditkit.models.open import open_model
from auditkit.models.weights.fingerprint import tree_sha256
from auditkit.run.runner import Round, deduplicate, run_round
from auditkit.schema import Config, Generation, Option, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal

QUESTION = Request(
    kind="choose", rule="loglikelihood", text="Who is the engineer?", prefix="Answer:",
    options=(Option(text=" Mary"), Option(text=" John")),
)
STORY = Request(kind="generate", rule="text", text="The doctor said", generation=Generation(max_tokens=4))
REQUESTS = (QUESTION, STORY)


class Laboratory:
    """A tiny model, a cache, and a new journal for each round."""

    def __init__(self, model: Path, root: Path) -> None:
        self.model = model
        self.root = root
        self.rounds = 0

    def ask(self, *requests: Request, **settings: Any) -> Round:
        """One round with the model as it lies on disk now."""
        adapter = open_model(Config(model=str(self.model), device="cpu", threads=1, **settings))
        asked = deduplicate((f"s{number}", request) for number, request in enumerate(requests or REQUESTS))
        self.rounds += 1
        path = self.root / f"{self.rounds}" / "journal.jsonl"
        header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
        with Journal.open(path, header) as journal, AnswerCache.open(self.root / "answers.sqlite") as cache:
            found = run_round(adapter, asked.requests, asked.askers, journal, cache, batch_tokens=256)
            assert cache.usable
        assert found.errored == 0
        return found


@pytest.fixture
def laboratory(own: Callable[[str], Path], tmp_path: Path) -> Laboratory:
    """The cache holds the answers to all requests, and serves them to the same model."""
    made = Laboratory(own("llama-chat"), tmp_path / "lab")
    assert made.ask().cache_hits == 0
    again = made.ask()
    assert (again.cache_hits, again.tokens) == (len(REQUESTS), 0), "else the tests below could not fail"
    return made


def weights(model: Path) -> None:
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    tensors["model.norm.weight"][0] += 1e-3
    safetensors.torch.save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})


def merges(model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:-1]
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))


def bos(model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))


def template(model: Path) -> None:
    path = model / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|assistant|>", "<|bot|>"))


def epsilon(model: Path) -> None:
    settings = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**settings, "rms_norm_eps": 1e-3}))


def ending(model: Path) -> None:
    path = model / "generation_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "eos_token_id": 17}))


@pytest.mark.parametrize("swap", [weights, merges, bos, template, epsilon, ending])
def test_another_model_in_the_same_folder(laboratory: Laboratory, swap: Callable[[Path], None]) -> None:
    swap(laboratory.model)
    assert laboratory.ask().cache_hits == 0
    assert laboratory.ask().cache_hits == len(REQUESTS), "its own answers are then kept beside the others"


@pytest.mark.parametrize("settings", [{"dtype": "bfloat16"}, {"quantise": "int8"}, {"chat": "never"}, {"bos": "never"}])
def test_other_load_options(laboratory: Laboratory, settings: dict[str, str]) -> None:
    assert laboratory.ask(**settings).cache_hits == 0
    assert laboratory.ask().cache_hits == len(REQUESTS)


def test_another_adapter_source(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One changed character in one module of a subfolder of `auditkit.models` is another source."""
    copy = tmp_path / "models"
    shutil.copytree(Path(opening.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert tree_sha256(copy) == opening.source_sha256()
    deep = copy / "encoders" / "masked.py"
    deep.write_bytes(deep.read_bytes() + b"#")
    changed = tree_sha256(copy)
    assert changed != opening.source_sha256()
    monkeypatch.setattr(opening, "source_sha256", lambda: changed)
    assert laboratory.ask().cache_hits == 0


def test_a_moved_module_is_another_source(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "module.py").write_text("VALUE = 1\n")
    before = tree_sha256(tmp_path)
    (tmp_path / "module.py").rename(tmp_path / "inner" / "module.py")
    assert tree_sha256(tmp_path) != before


@pytest.mark.parametrize(
    ("request_", "change"),
    [
        (QUESTION, {"text": "Who is the engineer? "}),
        (QUESTION, {"prefix": "Answer: "}),
        (QUESTION, {"options": QUESTION.options[::-1]}),
        (QUESTION, {"rule": "loglikelihood_per_token"}),
        (QUESTION, {"draw": 1}),
        (QUESTION, {"role": "scorer"}),
        (STORY, {"generation": Generation(max_tokens=5)}),
        (STORY, {"generation": Generation(max_tokens=4, temperature=0.7)}),
        (STORY, {"generation": Generation(max_tokens=4, stop=("x",))}),
        (STORY, {"draw": 1}),
    ],
)
def test_another_request(laboratory: Laboratory, request_: Request, change: dict[str, Any]) -> None:
    assert laboratory.ask(request_.model_copy(update=change)).cache_hits == 0
    assert laboratory.ask(request_).cache_hits == 1


AUDITS = """
import sys
from pathlib import Path
from auditkit.models.open import open_model
from auditkit.run.runner import deduplicate, run_round
from auditkit.schema import Config, Option, Policy, Request
from auditkit.schema.journal import Header
from auditkit.store.cache import AnswerCache
from auditkit.store.journal import Journal
model, root, dtype, name = sys.argv[1:]
adapter = open_model(Config(model=model, device="cpu", threads=1, dtype=dtype))
options = (Option(text=" a"), Option(text=" b"))
asked = deduplicate(
    (str(n), Request(kind="choose", rule="loglikelihood", text=f"{n} good", options=options)) for n in range(60)
)
events = []
header = Header(config=Config(model="m"), policy=Policy(name="none", checks=()), subject=adapter.subject)
with Journal.open(Path(root, name, "journal.jsonl"), header) as journal:
    with AnswerCache.open(Path(root, "answers.sqlite"), on_event=events.append) as cache:
        found = run_round(adapter, asked.requests, asked.askers, journal, cache, batch_tokens=32)
        kept = cache.get_many(adapter.subject.fingerprint, asked.requests)
assert not events, events
assert set(kept) == set(found.outputs)
for sha, output in found.outputs.items():
    for one, other in zip(kept[sha].answer.options, output.answer.options, strict=True):
        assert abs(one.sum - other.sum) < 1e-4, "answers of the other model"
"""


@pytest.mark.slow
def test_two_processes_with_two_models_on_one_cache(own: Callable[[str], Path], tmp_path: Path) -> None:
    model = str(own("llama"))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", AUDITS, model, str(tmp_path / "lab"), dtype, name], stderr=subprocess.PIPE, text=True
        )
        for name, dtype in (("one", "float32"), ("two", "bfloat16"), ("three", "float32"))
    ]
    for child in children:
        _, error = child.communicate(timeout=120)
        assert child.returncode == 0, error
