"""Fine-tuning a tiny BERT on rules whose truth is known: it learns them, repeats itself, and leaks nothing."""

from __future__ import annotations

import errno
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from auditkit.errors import ConfigError, MeasurementError, ModelError, PackError, RunFolderError
from auditkit.models.open import open_model
from auditkit.models.weights.fingerprint import file_sha256
from auditkit.pipeline.finetune import FinetunedModel, finetune
from auditkit.schema import Config, Recipe, Request
from auditkit.schema.event import Event

pytestmark = pytest.mark.slow

WORDS = [
    "red", "green", "blue", "small", "large", "old", "new", "fast", "slow", "warm", "cold", "north", "south", "east",
    "west", "up", "down", "left", "right",
]
RULE: dict[str, Any] = {"epochs": 8, "learning_rate": 5e-3, "threads": 1, "device": "cpu"}


def sentences(number: int, seed: int = 3) -> list[list[str]]:
    """Distinct sentences of six words, without the word `sun`."""
    generator = random.Random(seed)
    found: dict[tuple[str, ...], None] = {}
    while len(found) < number:
        found[tuple(generator.choices(WORDS, k=6))] = None
    return [list(words) for words in found]


def sunny(number: int = 300) -> list[dict[str, Any]]:
    """Rows whose label is whether `sun` stands in them, at any place: half do."""
    rows = []
    for at, words in enumerate(sentences(number)):
        if at % 2:
            words[at // 2 % 6] = "sun"
        rows.append({"text": " ".join(words), "label": "sunny" if at % 2 else "cloudy"})
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained BERT body; its tokenizer splits words it does not know into letters."""
    folder = tmp_path_factory.mktemp("base")
    torch.set_num_threads(1)
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    corpus = [" ".join([*WORDS, "sun"])] * 5 + ["abcdefghijklmnopqrstuvwxyz " * 2]
    inner.train_from_iterator(
        corpus, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )
    torch.manual_seed(11)
    config = transformers.BertConfig(
        vocab_size=inner.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, pad_token_id=0, hidden_dropout_prob=0.05,
        attention_probs_dropout_prob=0.05, initializer_range=0.1,
    )
    transformers.BertModel(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="session")
def learnt(base: Path, tmp_path_factory: pytest.TempPathFactory) -> FinetunedModel:
    """The tiny BERT after it learnt the rule of `sunny`."""
    folder = tmp_path_factory.mktemp("learnt")
    return finetune(
        str(base), data=write(folder / "rows.jsonl", sunny()), task="classification", out=folder / "model", **RULE
    )


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Callable[..., FinetunedModel]:
    def make(rows: list[dict[str, Any]], task: Any = "classification", **settings: Any) -> FinetunedModel:
        data = write(tmp_path / "rows.jsonl", rows)
        return finetune(str(base), data=data, task=task, **{"out": tmp_path / "model", **RULE, **settings})

    return make


def value(done: FinetunedModel, metric: str) -> float:
    estimate = next(one for one in done.training.estimates if one.id.metric == metric)
    assert estimate.value is not None
    return estimate.value


def test_a_tiny_bert_learns_a_rule_that_a_majority_class_does_not_know(learnt: FinetunedModel) -> None:
    made = learnt.training
    assert made.majority == pytest.approx(0.5)
    accuracy = next(one for one in made.estimates if one.id.metric == "accuracy")
    assert accuracy.value is not None
    assert accuracy.value >= 0.95
    assert accuracy.n == made.validation.rows == 30
    assert accuracy.low is not None
    assert accuracy.low < accuracy.value
    losses = [point.validation_loss for point in made.curve if point.validation_loss is not None]
    assert losses[0] > 2 * min(losses)
    assert made.trained == made.parameters


def test_the_saved_folder_is_an_ordinary_model_that_answers_as_it_did(learnt: FinetunedModel) -> None:
    adapter = open_model(Config(model=str(learnt.folder), device="cpu"))
    requests = [Request(kind="classify", rule="probabilities", text=row["text"]) for row in sunny(40)]
    outputs = list(adapter.execute(adapter.encode(requests)))
    answers = [max(out.answer.classes, key=out.answer.classes.__getitem__) for out in outputs if out.answer]
    assert sum(a == row["label"] for a, row in zip(answers, sunny(40), strict=True)) >= 38
    assert adapter.subject.kind == "classifier"
    names = {path.name for path in learnt.folder.iterdir()}
    assert {"README.md", "curves.jsonl", "curves.svg", "training.json", "model.safetensors", "config.json"} <= names
    assert not list(learnt.folder.parent.glob(".model*"))
    assert learnt.training.weights_sha256 == file_sha256(learnt.folder / "model.safetensors")


def test_the_loss_is_that_of_plain_torch(learnt: FinetunedModel) -> None:
    """Oracle: cross-entropy of the saved model on the held-out rows, row by row."""
    made = learnt.training
    folder = str(learnt.folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    estimate = next(one for one in made.estimates if one.id.metric == "accuracy")
    rows = sunny()
    from auditkit.load.splitting import split
    from auditkit.load.training_data import read_training_rows
    from auditkit.schema import Task

    data = str(learnt.folder.parent / "rows.jsonl")
    read = read_training_rows(Task(name="training", task="classification", data=data))
    held = split(read.samples, "classification", 0.1, 0).validation
    total, right = 0.0, 0
    for sample in held:
        row = rows[int(sample.id.split("/")[1]) - 1]
        with torch.no_grad():
            logits = model(**tokenizer(row["text"], return_tensors="pt")).logits[0]
        gold = model.config.label2id[row["label"]]
        total -= float(torch.log_softmax(logits, -1)[gold])
        right += int(int(logits.argmax()) == gold)
    best = min(point.validation_loss for point in made.curve if point.validation_loss is not None)
    assert best == pytest.approx(total / len(held), rel=1e-3, abs=1e-5)
    assert estimate.value == pytest.approx(right / len(held))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    run: Callable[..., FinetunedModel], tmp_path: Path
) -> None:
    rows = sunny(60)
    sums = [
        run(rows, out=tmp_path / name, seed=seed, epochs=2).training.weights_sha256
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    ]
    assert sums[0] == sums[1]
    assert sums[0] != sums[2]


def test_training_leaves_the_random_state_alone(run: Callable[..., FinetunedModel]) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    run(sunny(40), epochs=1)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_frozen_body_stays_as_it_was_and_runs_once(base: Path, run: Callable[..., FinetunedModel]) -> None:
    from safetensors.torch import load_file

    events: list[Event] = []
    done = run(sunny(80), freeze_body=True, epochs=2, on_event=events.append)
    before, after = load_file(base / "model.safetensors"), load_file(done.folder / "model.safetensors")
    assert all(torch.equal(tensor, after["bert." + name]) for name, tensor in before.items())
    assert done.training.trained == 2 * 32 + 2
    encoded = [event for event in events if event.stage == "encode"]
    assert encoded[-1].done == 80


def test_a_frozen_body_gives_the_weights_that_running_it_each_epoch_would(
    run: Callable[..., FinetunedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    from auditkit.models.training import head_only as frozen

    once = run(sunny(80), freeze_body=True, epochs=3, out=tmp_path / "once")
    monkeypatch.setattr(frozen, "MOST_BYTES", 0)
    always = run(sunny(80), freeze_body=True, epochs=3, out=tmp_path / "always")
    first, second = (load_file(done.folder / "model.safetensors") for done in (once, always))
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=1e-3, atol=1e-5)


def test_pairs(run: Callable[..., FinetunedModel]) -> None:
    rows = []
    for at, words in enumerate(sentences(60)):
        second, label = ("sun up", "yes") if at % 2 else ("cold west", "no")
        rows.append({"text": " ".join(words), "text_pair": second, "label": label})
    done = run(rows, columns={"text_pair": "text_pair"})
    assert value(done, "accuracy") == 1.0


def test_several_labels(run: Callable[..., FinetunedModel]) -> None:
    rows = [
        {"text": " ".join(words), "label": [name for name in ("red", "cold") if name in words]}
        for words in sentences(300)
    ]
    done = run(rows, "multi-label-classification", epochs=12)
    scores = [point.validation_score for point in done.training.curve if point.validation_score is not None]
    assert max(scores) >= 0.9
    assert done.training.labels == ("cold", "red")
    config = json.loads((done.folder / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"


def test_numbers(run: Callable[..., FinetunedModel]) -> None:
    rows = [{"text": " ".join(words), "label": float(words.count("up") - words.count("down"))}
            for words in sentences(200)]
    done = run(rows, "regression", epochs=12)
    errors = [point.validation_score for point in done.training.curve if point.validation_score is not None]
    assert errors[-1] < 0.5 * errors[0]
    assert done.training.labels == ()
    assert done.training.training.labels == {}
    assert done.training.majority is None


def tagged(number: int) -> list[dict[str, Any]]:
    """Sentences in which `oslo`, a word of several tokens, is a place."""
    rows = []
    for at, words in enumerate(sentences(number)):
        words[at % 6] = "oslo"
        rows.append({"words": words, "tags": ["B-place" if word == "oslo" else "O" for word in words]})
    return rows


def test_tags_of_words_that_split(base: Path, run: Callable[..., FinetunedModel]) -> None:
    assert len(transformers.AutoTokenizer.from_pretrained(str(base)).tokenize("oslo")) > 1
    done = run(tagged(120), "tagging")
    assert done.training.labels == ("O", "B-place")
    scores = [point.validation_score for point in done.training.curve if point.validation_score is not None]
    assert max(scores) == 1.0
    learnt = done.training.training
    assert learnt.labels == {"B-place": learnt.rows, "O": 5 * learnt.rows}


def test_training_stops_when_the_validation_loss_no_longer_falls(run: Callable[..., FinetunedModel]) -> None:
    generator = random.Random(0)
    rows = [{"text": " ".join(words), "label": generator.choice("ab")} for words in sentences(60)]
    done = run(rows, epochs=30, patience=1, learning_rate=1e-2)
    assert done.training.stopped_early
    losses = {point.epoch: point.validation_loss for point in done.training.curve if point.validation_loss is not None}
    assert done.training.best_epoch == min(losses, key=lambda epoch: losses[epoch] or 0.0)
    assert max(losses) == done.training.best_epoch + 1


def test_long_rows_are_cut_and_counted(run: Callable[..., FinetunedModel]) -> None:
    rows = sunny(40)
    rows[0]["text"] += " red" * 90
    done = run(rows, epochs=1)
    assert done.training.training.truncated + done.training.validation.truncated == 1


def test_an_interrupted_training_writes_nothing_and_goes_on_to_the_same_weights(
    run: Callable[..., FinetunedModel], tmp_path: Path
) -> None:
    rows = sunny(200)
    whole = run(rows, epochs=4, out=tmp_path / "whole")

    def interrupt(event: Event) -> None:
        if event.stage == "train" and event.done == 30:  # in the third of four epochs of 12 steps
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(rows, epochs=4, on_event=interrupt)
    assert not (tmp_path / "model").exists()
    for epochs in (4, 5):
        with pytest.raises(RunFolderError, match=r"\.model\.part: holds the checkpoints .* --resume, or remove that"):
            run(rows, epochs=epochs)
    events: list[Event] = []
    done = run(rows, epochs=4, resume=True, on_event=events.append)
    steps = [event.done for event in events if event.stage == "train" and event.done is not None]
    assert steps[0] == 25
    assert done.training.weights_sha256 == whole.training.weights_sha256
    assert done.training.curve == whole.training.curve
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "rows.jsonl", "whole"]


def test_the_demo_goes_on_with_its_interrupted_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditkit.pipeline.demo import second_model

    asked: list[bool] = []

    def stop(*_: Any, resume: bool, **__: Any) -> None:
        asked.append(resume)
        raise KeyboardInterrupt

    monkeypatch.setattr("auditkit.pipeline.demo.finetune", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            second_model(tmp_path / "model", tmp_path / "run", lambda _: None, lambda _: None)
        (tmp_path / ".model.part" / "checkpoints" / "checkpoint-1").mkdir(parents=True, exist_ok=True)
    assert asked == [False, True]


def test_an_interrupt_before_the_first_checkpoint_leaves_nothing(
    run: Callable[..., FinetunedModel], tmp_path: Path
) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "train":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sunny(40), on_event=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_fault_after_training_keeps_what_was_learnt(
    run: Callable[..., FinetunedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("auditkit.pipeline.finetune._finish", full)
        with pytest.raises(MeasurementError, match="disk"):
            run(sunny(40), epochs=1)
    events: list[Event] = []
    run(sunny(40), epochs=1, resume=True, on_event=events.append)
    assert not [event for event in events if event.stage == "train" and event.done]


def test_the_command_says_what_an_interrupt_left(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from auditkit.cli import _run

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditkit.pipeline.finetune.fit", interrupted)
    data = write(tmp_path / "rows.jsonl", sunny(20))
    code = _run([
        "finetune", str(base), "--data", str(data), "--task", "classification", "--out", str(tmp_path / "m"),
    ])
    assert code == 130
    assert "was not written" in capsys.readouterr().err


def test_the_command_fine_tunes_and_tells_the_next_one(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from auditkit.cli import _run

    data, out = write(tmp_path / "rows.jsonl", sunny(40)), tmp_path / "m"
    options = ["--task", "classification", "--epochs", "1", "--device", "cpu", "--threads", "1", "--quiet"]
    assert _run(["finetune", str(base), "--data", str(data), "--out", str(out), *options]) == 0
    printed = capsys.readouterr().out
    assert f"auditkit audit {out}" in printed
    assert "validation/accuracy@all" in printed
    assert _run(["finetune", str(base), "--data", str(data), "--out", str(tmp_path / "n"), "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["rows"] == 36


def test_what_cannot_be_gone_on_with(base: Path, run: Callable[..., FinetunedModel], tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no interrupted training"):
        run(sunny(20), resume=True)
    work = tmp_path / ".model.part"
    work.mkdir()
    (work / "of").write_text("another")
    with pytest.raises(RunFolderError, match="other settings"):
        run(sunny(20), resume=True)


def test_a_folder_that_exists_is_never_touched(run: Callable[..., FinetunedModel], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("x")
    with pytest.raises(RunFolderError, match="exists already"):
        run(sunny(20))
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["mine.txt"]


def test_a_loss_that_is_no_number_is_an_error_and_leaves_nothing(
    run: Callable[..., FinetunedModel], tmp_path: Path
) -> None:
    rows = [{"text": " ".join(words), "label": 1e38 * (-1) ** at} for at, words in enumerate(sentences(20))]
    with pytest.raises(MeasurementError, match="no number"):
        run(rows, "regression", epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_bases_that_cannot_be_fine_tuned(base: Path, run: Callable[..., FinetunedModel], tmp_path: Path) -> None:
    data = write(tmp_path / "rows.jsonl", sunny(20))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text((base / "config.json").read_text())
    for name, words in ((empty, "no weights"), (tmp_path / "nothing", "no such file or folder")):
        with pytest.raises(ModelError, match=words):
            finetune(str(name), data=data, task="classification", out=tmp_path / "model", device="cpu")
    with pytest.raises(ConfigError, match="epochs"):
        run(sunny(20), epochs=0)


def test_data_is_refused_before_the_base_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="all 4 rows"):
        finetune(
            "nowhere", data=write(tmp_path / "r.jsonl", [{"text": f"t{n}", "label": "x"} for n in range(4)]),
            task="classification", out=tmp_path / "model",
        )


def test_a_head_alone_has_its_own_defaults() -> None:
    from auditkit.pipeline.finetune import read_recipe

    assert read_recipe("classification", {}) == Recipe(task="classification")
    alone = read_recipe("classification", {"freeze_body": True, "epochs": 4, "seed": None})
    assert alone.epochs == 4
    assert alone.learning_rate > 10 * Recipe(task="classification").learning_rate
