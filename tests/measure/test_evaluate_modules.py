"""Any metric module of evaluate that a card names: one value, few resamples, no bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.schema import FreeText, Number, Output, Probabilities, Sample, Tags

from .conftest import card, sample, says

KAPPA = '''
import datasets
import evaluate

from .shared import agreement


class Kappa(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description="Cohen's kappa", citation="", inputs_description="",
            features=datasets.Features({"predictions": datasets.Value("KIND"), "references": datasets.Value("KIND")}),
        )

    def _compute(self, predictions, references):
        value = agreement(predictions, references)
        return {"kappa": value, "half": value / 2, "name": "k"}
'''
SHARED = '''
from sklearn.metrics import cohen_kappa_score


def agreement(a, b):
    return cohen_kappa_score(a, b)
'''
CLASSES = ("joy", "anger", "fear")


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_TRUST_MODULES", "1")


@pytest.fixture(params=["string", "int32"])
def kappa(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "kappa"
    folder.mkdir()
    (folder / "kappa.py").write_text(KAPPA.replace("KIND", request.param), encoding="utf-8")
    (folder / "shared.py").write_text(SHARED, encoding="utf-8")
    return folder


def use(name: str, **fields: Any) -> dict[str, Any]:
    return {"metric": f"evaluate:{name}", "arm": "all", "range": [-1, 1], "direction": "higher"} | fields


def corpus() -> tuple[list[Sample], dict[str, Output | None], list[str], list[str]]:
    rng = np.random.default_rng(0)
    gold = rng.choice(CLASSES, 60).tolist()
    said = [g if rng.random() < 0.6 else str(rng.choice(CLASSES)) for g in gold]
    samples = [sample(f"{i:02}", CLASSES, target=g, clusters={"template": f"t{i // 3}"}, groups={"g": "xy"[i % 2]})
               for i, g in enumerate(gold)]
    outputs: dict[str, Output | None] = {
        one.id: Output(request="0", rule="label",
                       answer=Probabilities(classes={c: 0.8 if c == s else 0.1 for c in CLASSES}))
        for one, s in zip(samples, said, strict=True)
    }
    return samples, outputs, gold, said


def test_the_value_is_the_modules_with_an_interval_and_groups(kappa: Path) -> None:
    samples, outputs, gold, said = corpus()
    made = measure(card(metrics=[use(str(kappa), groups=True)], groups=["g"]), samples, outputs).estimates
    pooled, x, _, gap = made
    assert str(pooled.id) == f"p/evaluate:{kappa}@all"
    assert pooled.value == pytest.approx(cohen_kappa_score(gold, said))
    assert pooled.low is not None
    assert pooled.high is not None
    assert pooled.low < pooled.value < pooled.high
    assert (pooled.method, pooled.shown_only) == ("jackknife over 20 clusters", "not_simulated")
    assert x.value == pytest.approx(cohen_kappa_score(gold[::2], said[::2]))
    assert gap.id.contrast == "gap"
    assert pooled.signature["module"].startswith(f"{kappa}@")


def test_the_signature_follows_the_module_and_the_files_beside_it(tmp_path: Path) -> None:
    signatures = []
    other_module, other_shared = KAPPA.replace("/ 2", "/ 3"), SHARED.replace("score(a, b)", "score(b, a)")
    sources = [(KAPPA, SHARED), (KAPPA, SHARED), (other_module, SHARED), (KAPPA, other_shared)]
    for i, (module, shared) in enumerate(sources):
        folder = tmp_path / str(i) / "kappa"
        folder.mkdir(parents=True)
        (folder / "kappa.py").write_text(module.replace("KIND", "string"), encoding="utf-8")
        (folder / "shared.py").write_text(shared, encoding="utf-8")
        samples, outputs, _, _ = corpus()
        (pooled,) = measure(card(metrics=[use(f"{folder}#kappa")]), samples, outputs).estimates
        signatures.append(pooled.signature["module"].partition("@")[2])
    assert signatures[0] == signatures[1]
    assert len(set(signatures)) == 3


def test_unscored_samples_leave_no_bounds(tmp_path: Path, kappa: Path) -> None:
    samples, outputs, gold, said = corpus()
    outputs[samples[0].id] = None
    (found,) = measure(card(metrics=[use(f"{kappa}#half")]), samples, outputs).estimates
    assert found.value == pytest.approx(cohen_kappa_score(gold[1:], said[1:]) / 2)
    assert (found.at_lowest_fill.spread, found.at_highest_fill.spread) == (None, None)


def test_text_answers_and_the_modules_file(tmp_path: Path) -> None:
    file = tmp_path / "same.py"
    source = KAPPA.replace("KIND", "string").replace("from .shared import agreement", "")
    same = "sum(a == b for a, b in zip(predictions, references)) / len(references)"
    file.write_text(source.replace("agreement(predictions, references)", same), encoding="utf-8")
    samples = [sample(str(i), labels=(), target="x y") for i in range(6)]
    outputs = {one.id: says(" x y " if i % 2 else "z", rule="text") for i, one in enumerate(samples)}
    (found,) = measure(card(metrics=[use(f"{file}#kappa")], request="generate"), samples, outputs).estimates
    assert found.value == 0.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"range": None}, "a module does not tell its range and direction"),
        ({"range": [0, 0.1]}, r"outside the range \[0.0, 0.1\]"),
        ({"metric": "#none"}, "name one number as evaluate:"),
    ],
)
def test_what_a_card_gets_wrong(kappa: Path, fields: dict[str, Any], message: str) -> None:
    samples, outputs, _, _ = corpus()
    fields = {**fields, "metric": f"evaluate:{kappa}{fields.get('metric', '')}"}
    with pytest.raises(MeasurementError, match=message):
        measure(card(metrics=[use("x") | fields]), samples, outputs)


def test_code_that_a_card_names_is_not_run_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITKIT_TRUST_MODULES")
    file, trace = tmp_path / "evil.py", tmp_path / "trace"
    file.write_text(f"open({str(trace)!r}, 'w')", encoding="utf-8")
    samples, outputs, _, _ = corpus()
    with pytest.raises(MeasurementError, match=r"is code that a card names; .* AUDITKIT_TRUST_MODULES=1"):
        measure(card(metrics=[use(str(file))]), samples, outputs)
    assert not trace.exists()


def test_a_name_that_is_not_here_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *a: asked.append(a))
    samples, outputs, _, _ = corpus()
    with pytest.raises(MeasurementError, match="nothing is downloaded"):
        measure(card(metrics=[use("no-such-metric-anywhere")]), samples, outputs)
    assert asked == []


def test_a_module_without_a_metric_and_a_broken_one_are_named(tmp_path: Path) -> None:
    samples, outputs, _, _ = corpus()
    for source, message in (("x = 1", "holds 0 subclasses"), ("import nowhere_at_all", "cannot be imported")):
        file = tmp_path / f"{len(source)}.py"
        file.write_text(source, encoding="utf-8")
        with pytest.raises(MeasurementError, match=message):
            measure(card(metrics=[use(str(file))]), samples, outputs)


def test_resamples_that_cannot_be_computed_have_no_value_and_the_whole_must_have_one(tmp_path: Path) -> None:
    file = tmp_path / "picky.py"
    file.write_text(
        KAPPA.replace("KIND", "string").replace("from .shared import agreement", "").replace(
            "value = agreement(predictions, references)",
            "value = len(set(references)) / 3 if len(set(references)) > 2 else [][0]"),
        encoding="utf-8",
    )
    samples, outputs, _, _ = corpus()
    (found,) = measure(card(metrics=[use(f"{file}#kappa")]), samples, outputs).estimates
    assert (found.value, found.low) == (1.0, None)
    with pytest.raises(MeasurementError, match="cannot compute: IndexError"):
        measure(card(metrics=[use(f"{file}#kappa")]), samples[:2], outputs)


def simple(folder: Path, predictions: str, references: str, value: str) -> str:
    """A module that takes these features; its name for a card."""
    file = folder / "simple.py"
    features = f'{{"predictions": {predictions}, "references": {references}}}'
    source = KAPPA.replace("from .shared import agreement", "").replace("agreement(predictions, references)", value)
    declared = '{"predictions": datasets.Value("KIND"), "references": datasets.Value("KIND")}'
    file.write_text(source.replace(declared, features), encoding="utf-8")
    return f"{file}#kappa"


TEXTS = 'datasets.Sequence(datasets.Value("string"))'
FLOATS = 'datasets.Value("float64")'
INTS = 'datasets.Value("int32")'
EQUAL = "sum(list(a) == list(b) for a, b in zip(predictions, references)) / len(references)"
NEAR = "sum(abs(a - b) < 0.5 for a, b in zip(predictions, references)) / len(references)"
SAME = "sum(a == b for a, b in zip(predictions, references)) / len(references)"


@pytest.mark.parametrize(
    ("features", "value", "row", "answers", "expected"),
    [
        ((TEXTS, TEXTS), EQUAL, {"tags": ("A", "B"), "words": ("a", "b")},
         [Tags(tags=("A", "B")), Tags(tags=("A", "A")), FreeText(text="A B")], (0.5, {"unparsed": 1})),
        ((TEXTS, TEXTS), EQUAL, {"references": ("joy",)},
         [Probabilities(classes={"joy": 0.9}), Probabilities(classes={"joy": 0.1})], (0.5, {})),
        ((FLOATS, FLOATS), NEAR, {"target": "2.5"},
         [Number(value=2.4), FreeText(text="about 2.7"), FreeText(text="9"), FreeText(text="some")],
         (2 / 3, {"unparsed": 1})),
        ((INTS, INTS), SAME, {"target": "3"},
         [Probabilities(classes={"3": 0.9, "4": 0.1}), Probabilities(classes={"4": 0.9})], (0.5, {})),
        ((INTS, INTS), SAME, {}, [Probabilities(classes={"3": 0.9})], (None, {"outside": 1})),
    ],
)
def test_every_form_of_answer(
    tmp_path: Path, features: tuple[str, str], value: str, row: dict[str, Any], answers: list[Any],
    expected: tuple[float | None, dict[str, int]],
) -> None:
    samples = [sample(str(i), labels=(), **row) for i in range(len(answers))]
    outputs: dict[str, Output | None] = {
        one.id: Output(request="0", rule="text", answer=answer) for one, answer in zip(samples, answers, strict=True)
    }
    pack = card(metrics=[use(simple(tmp_path, *features, value))], request="generate")
    (found,) = measure(pack, samples, outputs).estimates
    assert (found.value, found.unscored) == (pytest.approx(expected[0]) if expected[0] else None, expected[1])


def test_a_label_that_is_not_a_class_number_is_an_error(tmp_path: Path) -> None:
    one = sample(labels=(), target="joy")
    outputs = {one.id: Output(request="0", rule="text", answer=Probabilities(classes={"joy": 1.0}))}
    with pytest.raises(MeasurementError, match='wants class numbers; "joy" is not one, and no choice has it'):
        measure(card(metrics=[use(simple(tmp_path, INTS, INTS, SAME))]), [one], outputs)


def test_a_module_that_takes_something_else_is_refused(tmp_path: Path) -> None:
    samples, outputs, _, _ = corpus()
    file = tmp_path / "sources.py"
    source = KAPPA.replace("from .shared import agreement", "").replace("KIND", "string")
    file.write_text(source.replace('"predictions"', '"sources"'), encoding="utf-8")
    with pytest.raises(MeasurementError, match="takes no predictions and references"):
        measure(card(metrics=[use(str(file))]), samples, outputs)
    odd = tmp_path / "folder.txt"
    odd.write_text("", encoding="utf-8")
    with pytest.raises(MeasurementError, match="is not a Python module"):
        measure(card(metrics=[use(str(odd))]), samples, outputs)
