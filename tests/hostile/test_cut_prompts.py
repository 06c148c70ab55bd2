"""Prompts that a model did not read whole: no score, unless the task says that such answers count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.measure.definition import metric
from auditkit.models.endpoint.cut_prompt import tokens_cut
from auditkit.models.open import open_model
from auditkit.registry import get
from auditkit.schema import (
    Choice,
    Config,
    Generation,
    Number,
    Option,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Request,
    Sample,
    Score,
    Source,
)
from auditkit.store.folder import RunFolder

LONG = " ".join(f"the man said that number {number} was late." for number in range(60))
YES_NO = (Option(text=" yes"), Option(text=" no"))
ASKED = {
    "llama": [
        Request(kind="choose", rule="loglikelihood", text=LONG, options=YES_NO),
        Request(kind="generate", rule="text", text=LONG, generation=Generation(max_tokens=2)),
    ],
    "bert": [Request(kind="choose", rule="pseudo_loglikelihood", text=LONG, options=YES_NO)],
    "bert-classifier": [Request(kind="classify", rule="probabilities", text=LONG)],
    "bert-pairs": [Request(kind="classify", rule="probabilities", text="Who was late?", text_pair=LONG)],
    "bert-tagger": [Request(kind="tag", rule="tags", words=("the", "a-" * 60, "man"))],
    "bert-embedder": [Request(kind="embed", rule="vector", text=LONG)],
    "roberta-embedder": [
        Request(kind="classify", rule="similarity", text="short", options=(Option(text="a"), Option(text=LONG)))
    ],
}


def sample(arm: str = "base", **fields: Any) -> Sample:
    choices = tuple(Choice(text=label, label=label) for label in ("a", "b"))
    return Sample.model_validate({
        "id": f"p/{arm}", "benchmark": "p", "origin": "1", "arm": arm, "clusters": {"template": "t"}, "target": "a",
        "choices": choices, "source": Source(file="rows.jsonl", line=1), **fields,
    })


def right(**fields: Any) -> Output:
    options = tuple(OptionScore(sum=value, tokens=1, bytes=1) for value in (-1.0, -5.0))
    return Output(request="0", rule="loglikelihood", answer=OptionScores(options=options), **fields)


@pytest.mark.parametrize("name", ASKED)
def test_every_family_says_that_it_cut(name: str, weights: Callable[..., Path]) -> None:
    adapter = open_model(Config(model=str(weights(name)), device="cpu"))
    for output in adapter.execute(adapter.encode(ASKED[name])):
        assert output.truncated > 0
        assert output.cut


def test_a_cut_prompt_has_no_score() -> None:
    score = get("metric", "accuracy")(sample(), right(truncated=1))
    assert (score.value, score.reason) == (None, "cut")
    assert get("metric", "accuracy")(sample(), right()).value == 1
    assert get("metric", "accuracy")(sample(), right(truncated=1, cut_allowed=True)).value == 1


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("exact_match", Output(request="0", rule="saved", answer={"kind": "text", "text": "a"}, truncated=9)),
        ("refusal_rate", Output(request="0", rule="text", answer={"kind": "text", "text": "I cannot."}, truncated=9)),
        ("pearson_correlation", Output(request="0", rule="number", answer=Number(value=1.0), truncated=9)),
        ("expected_calibration_error",
         Output(request="0", rule="probabilities", answer=Probabilities(classes={"a": 1.0}), truncated=9)),
    ],
)
def test_no_metric_sees_an_answer_to_a_cut_prompt(name: str, output: Output) -> None:
    score = get("metric", name)(sample(target="1"), output)
    assert (score.value, score.reason) == (None, "cut")


@pytest.mark.parametrize("name", ["matched_pair_accuracy", "counterfactual_flip_rate"])
def test_one_cut_twin_takes_the_score_of_its_origin(name: str) -> None:
    twins = (sample("a"), sample("b"))
    assert get("metric", name).of_origin(twins, [right(), right()]).value is not None
    assert get("metric", name).of_origin(twins, [right(), right(truncated=3)]).reason == "cut"


def test_a_plugins_metric_over_twins_that_does_not_look() -> None:
    @metric("blind", range=(0, 1), direction="higher", unit="origin")
    def blind(samples: Any, outputs: Any) -> Score:
        """1 whatever was read."""
        return Score(sample_id=samples[0].origin, metric="blind", value=1.0)

    assert blind.of_origin((sample("a"), sample("b")), [right(), right(truncated=3)]).reason == "cut"


@pytest.mark.parametrize(
    "finish", ["prompt_truncated", "input-truncated", "Truncated", "INPUT_TOO_LONG", "prompt cut", "truncated_prompt"]
)
def test_a_server_that_says_that_it_cut_the_prompt(finish: str) -> None:
    assert tokens_cut("Who?", {}, {"finish_reason": finish}) == 1


@pytest.mark.parametrize("flag", ["truncated", "prompt_truncated", "input_truncated"])
def test_a_server_that_marks_that_it_cut_the_prompt(flag: str) -> None:
    assert tokens_cut("Who?", {flag: True}, {}) == 1
    assert tokens_cut("Who?", {}, {flag: True}) == 1
    assert tokens_cut("Who?", {flag: False}, {}) == 0


def test_a_server_that_counts_fewer_tokens_than_there_are_words() -> None:
    """Some serve a window of 2,048 tokens, drop what is longer, and answer as if nothing were."""
    prompt = "word " * 3000
    assert tokens_cut(prompt, {"usage": {"prompt_tokens": 2048}}, {}) == 952
    assert tokens_cut(prompt, {"usage": {"prompt_tokens": 3001}}, {}) == 0
    assert tokens_cut(prompt, {"usage": {"prompt_tokens": None}}, {}) == 0
    assert tokens_cut(prompt, {"usage": {}}, {}) == 0
    assert tokens_cut("one two three", {"usage": {"prompt_tokens": 1}}, {}) == 0


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter", None, 7])
def test_an_answer_that_was_cut_is_not_a_prompt_that_was(finish: Any) -> None:
    assert tokens_cut("Who?", {}, {"finish_reason": finish}) == 0


def test_a_served_prompt_that_was_cut(toy: Any) -> None:
    toy.chat = lambda body: (200, {}, {
        "model": "toy", "choices": [{"message": {"content": "A"}, "finish_reason": "prompt_truncated"}],
    })
    adapter = open_model(Config(model=f"openai:toy@{toy.url}", chat="always"))
    request = Request(kind="generate", rule="text", text="Who?", generation=Generation(max_tokens=2))
    (output,) = adapter.execute(adapter.encode([request]))
    assert output.cut


@pytest.mark.parametrize("allow", [False, True])
def test_a_whole_audit_counts_them(
    allow: bool, weights: Callable[..., Path], tmp_path: Path, command: Callable[..., int], capsys: Any
) -> None:
    """The first two rows end with the deciding words, which a window of 64 tokens does not reach."""
    texts = [f"{LONG} terrible", f"{LONG} wonderful", "a good film", "a bad film"]
    lines = [f"{text},{label}" for text, label in zip(texts, ["negative", "positive"] * 2, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    task = {"name": "long", "task": "classification", "data": str(tmp_path / "rows.csv"), "allow_cut": allow,
            "labels": ["negative", "positive", "neutral"]}
    config = {"model": str(weights("bert-classifier")), "tasks": [task], "packs": [],
              "explain": {"samples": 0}, "out": str(tmp_path / "out")}
    (tmp_path / "audit.yaml").write_text(json.dumps(config), encoding="utf-8")
    code = command("audit", "--config", str(tmp_path / "audit.yaml"))
    said, problem = capsys.readouterr()
    assert code != 2, problem
    folder = RunFolder(tmp_path / "out")
    audit = json.loads(folder.audit.read_text(encoding="utf-8"))
    accuracy = next(item for item in audit["estimates"] if item["id"]["metric"] == "accuracy")
    assert (accuracy["n"], accuracy["unscored"]) == ((4, {}) if allow else (2, {"cut": 2}))
    assert audit["cut"] == {"long": 2}
    assert "long: 2 of 4 rows are longer than what the model reads" in said
    assert "nothing was left out" not in said
    page = folder.page.read_text(encoding="utf-8")
    assert "2 of 4 rows are longer than what the model reads" in page
    if not allow:
        assert accuracy["at_lowest_fill"]["value"] < accuracy["at_highest_fill"]["value"]
        assert command("verify", str(folder.path)) == 0
