"""Metrics as `evaluate.Metric`: what an audit reports is what they compute on the scored samples."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditkit.errors import MeasurementError
from auditkit.measure.evaluate_export import scratch_folder
from auditkit.measure.measurement import measure
from auditkit.registry import get, names
from auditkit.schema import FreeText, Output, Probabilities, Sample, SpanAnswer, Tags

from .conftest import card, sample
from .metrics.test_translation import TEXTS, spoiled

Case = tuple[list[Sample], dict[str, Output | None], list[Any], list[Any], dict[str, Any]]
CLASSES = ["joy", "anger", "fear"]
RNG = np.random.default_rng(11)


FORMED = [name for name in names("metric") if get("metric", name).evaluate]


def form(name: str) -> Any:
    return get("metric", name).evaluate_metric()


def _case(
    golds: list[dict[str, Any]], outputs: list[Output], said: list[Any], right: list[Any], **settings: Any
) -> Case:
    """Samples with the outputs, three of them unscored, and what the module is given."""
    samples = [sample(f"{i:03}", **{"labels": (), **gold}) for i, gold in enumerate(golds)]
    found: dict[str, Output | None] = {one.id: output for one, output in zip(samples, outputs, strict=True)}
    said = list(said)
    for i in (0, 5, 9):
        found[samples[i].id], said[i] = None, None
    return samples, found, said, right, settings


def classes() -> Case:
    right = RNG.choice(CLASSES, 40).tolist()
    found = RNG.dirichlet([1, 1, 1], 40)
    outputs = [Output(request="0", rule="probabilities",
                      answer=Probabilities(classes=dict(zip(CLASSES, row, strict=True))))
               for row in found.tolist()]
    said = [CLASSES[i] for i in found.argmax(axis=1)]
    return _case([{"labels": CLASSES, "target": gold} for gold in right], outputs, said, right)


def probabilities() -> Case:
    samples, outputs, said, right, _ = classes()
    rows = [None if one is None else list(outputs[s.id].answer.classes.values())  # type: ignore[union-attr]
            for s, one in zip(samples, said, strict=True)]
    return samples, outputs, rows, right, {"classes": CLASSES}


def several() -> Case:
    right = [[name for name in CLASSES if RNG.random() < 0.5] for _ in range(40)]
    said = [[name for name in CLASSES if RNG.random() < 0.5] for _ in range(40)]
    outputs = [Output(request="0", rule="probabilities",
                      answer=Probabilities(classes={n: float(n in row) for n in CLASSES}))
               for row in said]
    return _case([{"references": tuple(row)} for row in right], outputs, said, right)


def tags() -> Case:
    kinds = ["O", "O", "B-PER", "I-PER", "B-LOC"]
    right = [["B-PER", "I-PER", "O", "B-LOC", "O", "O"] for _ in range(40)]
    said = [RNG.choice(kinds, 6).tolist() for _ in range(40)]
    outputs = [Output(request="0", rule="tags", answer=Tags(tags=tuple(row))) for row in said]
    return _case([{"tags": tuple(row), "words": tuple("abcdef")} for row in right], outputs, said, right)


def spans() -> Case:
    right = [["Denver Broncos", "the Broncos"], [], ["Santa Clara"]] * 10
    said = (["the Broncos", "Paris", "Santa Clara, California", "", "", ""] * 5)[:30]
    outputs = [
        Output(request="0", rule="span", answer=SpanAnswer(text=t, start=0, end=len(t), score=0.0)) for t in said
    ]
    return _case([{"references": tuple(row)} for row in right], outputs, said, right)


def texts(language: str) -> Case:
    right = [[text] for text in TEXTS[language] * 4]
    said = [spoiled(row[0]) for row in right]
    outputs = [Output(request="0", rule="text", answer=FreeText(text=text)) for text in said]
    settings = {"language": language}
    return _case([{"references": tuple(row)} for row in right], outputs, said, right, **settings)


CASES = {
    **dict.fromkeys(("accuracy", "macro_f1", "macro_recall", "micro_f1", "weighted_f1"), classes),
    "matthews_correlation": classes,
    **dict.fromkeys(("auroc", "brier_score"), probabilities),
    **dict.fromkeys(("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy"), several),
    **dict.fromkeys(("entity_f1", "entity_f1_lenient", "token_accuracy"), tags),
    **dict.fromkeys(("exact_match", "token_f1"), spans),
    **dict.fromkeys(("bleu", "chrf", "rouge1", "rouge2", "rouge_lsum"), lambda: texts("en")),
}


@pytest.mark.parametrize("name", FORMED)
def test_the_audits_value_is_the_modules(name: str) -> None:
    samples, outputs, said, right, settings = CASES[name]()
    language = settings.get("language", "en")
    if name in ("bleu", "chrf"):
        settings = {}
    kind = "extract" if name in ("exact_match", "token_f1") else "generate"
    pack = card(metrics=[{"metric": name, "arm": "all"}], request=kind, language=language)
    (found,) = measure(pack, samples, outputs).estimates
    computed = form(name).compute(predictions=said, references=right, **settings)
    assert computed["n"] == found.n == len(samples) - 3
    assert found.value == pytest.approx(computed[name], abs=1e-9)
    if name in ("bleu", "chrf"):
        assert computed["signature"] == found.signature[name]
    assert found.value is not None
    assert found.range[0] < found.value < found.range[1]


@pytest.mark.parametrize("language", ["zh", "ru"])
def test_other_scripts(language: str) -> None:
    samples, outputs, said, right, settings = texts(language)
    for name in ("bleu", "rouge_lsum"):
        pack = card(metrics=[{"metric": name, "arm": "all"}], request="generate", language=language)
        (found,) = measure(pack, samples, outputs).estimates
        more = settings if name == "rouge_lsum" else {}
        computed = form(name).compute(predictions=said, references=right, **more)
        assert found.value == pytest.approx(computed[name], abs=1e-9)
        copied = [None if text is None else gold[0] for text, gold in zip(said, right, strict=True)]
        perfect = form(name).compute(predictions=copied, references=right, **more)
        assert perfect[name] == pytest.approx(found.range[1])


def test_none_is_left_out_and_nothing_is_undefined() -> None:
    """Trap 42: evaluate counts `None` as wrong."""
    module = form("accuracy")
    assert module.compute(predictions=["a", None], references=["a", "b"]) == {"accuracy": 1.0, "n": 1}
    assert module.compute(predictions=[None], references=["b"]) == {"accuracy": None, "n": 0}
    assert form("matthews_correlation").compute(predictions=["a", "a"], references=["a", "b"])[
        "matthews_correlation"] is None


def test_a_metric_without_a_form_says_so() -> None:
    with pytest.raises(MeasurementError, match='the metric "refusal_rate" has no form for evaluate'):
        form("refusal_rate")


def test_a_home_that_cannot_be_written_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no connection is made: sockets are shut."""
    import evaluate

    def shut(*arguments: object) -> None:
        raise OSError("no network")

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path / "file" / "metrics")
    monkeypatch.setattr("socket.socket.connect", shut)
    assert form("micro_f1").compute(predictions=["a"], references=["a"])["micro_f1"] == 1.0


@pytest.mark.slow
def test_the_scratch_folder_is_the_processs_own() -> None:
    folder = Path(scratch_folder())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    code = "from auditkit.measure.evaluate_export import scratch_folder; print(scratch_folder())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    other = Path(done.stdout.strip())
    assert other.name.startswith("auditkit-evaluate-")
    assert other != folder
    assert not other.exists(), "it is removed when its process ends"


def test_importing_every_metric_imports_no_heavy_library() -> None:
    code = "import sys; from auditkit.registry import get, names; [get('metric', name) for name in names('metric')]; " \
           "heavy = {'evaluate', 'datasets', 'torch', 'sklearn', 'seqeval', 'sacrebleu', 'rouge_score', 'pandas'}; " \
           "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tags_without_entities() -> None:
    assert form("entity_f1").compute(predictions=[["O", "O"]], references=[["O", "O"]])["entity_f1"] is None
    with pytest.raises(MeasurementError, match="use token_accuracy"):
        form("entity_f1").compute(predictions=[["N", "V"]], references=[["N", "V"]])


def test_no_class_at_all_is_undefined() -> None:
    empty: list[list[str]] = [[], []]
    computed = form("multilabel_macro_f1").compute(predictions=empty, references=empty)
    assert computed["multilabel_macro_f1"] is None
