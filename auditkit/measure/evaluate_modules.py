"""Metric modules of the `evaluate` library that a card names: `evaluate:DIR`, or `evaluate:DIR#KEY`.

DIR is a folder with a module of its name in it (or the file itself), relative to the working directory; any other
name is looked up among what evaluate has cached, and never downloaded. A module is code and runs with the rights of
who audits or verifies: only where the environment has AUDITKIT_TRUST_MODULES=1, since a card, or a journal, may come
from anywhere. It gives one value for a corpus; the interval is a jackknife over clusters, each of which computes it
anew, and decides nothing, since nobody has simulated it. What unscored samples could do to it is not known.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from auditkit.errors import MeasurementError
from auditkit.measure import answers
from auditkit.measure.definition import Context, Metric
from auditkit.measure.version import source_hash
from auditkit.schema import Benchmark, MetricUse, Number, Output, Probabilities, Reason, Sample, Score, Tags
from auditkit.stats.columns import Floats
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.weighted import Parts, Prepared, Weighted

PREFIX = "evaluate:"
TRUST = "AUDITKIT_TRUST_MODULES"


def module_metric(use: MetricUse) -> Metric:
    """The metric that a card names as `evaluate:…`.

    Raises:
        MeasurementError: no such module, or range and direction are not in the card.
    """
    if use.range is None or use.direction is None:
        raise MeasurementError(
            f"{use.metric}: a module does not tell its range and direction; write both beside it in card.yaml, e.g. "
            "range: [0, 1], direction: higher"
        )
    name, _, key = use.metric.removeprefix(PREFIX).partition("#")
    module, source = load(name)
    features = _features(module)
    title = use.metric.removeprefix(PREFIX)

    def score(sample: Sample, output: Output, context: Context) -> Score:
        """A score without a value, whose parts are what the module is given: prediction and reference, as JSON."""
        reference = _reference(sample, features["references"])
        prediction = _prediction(sample, output, features["predictions"])
        if reference is None or isinstance(prediction, str):
            reason = "outside" if reference is None else cast(Reason, prediction)
            return Score(sample_id=sample.id, metric=use.metric, value=None, reason=reason)
        (answer,) = prediction
        parts: dict[str, float | str] = {"prediction": json.dumps(answer), "reference": json.dumps(reference)}
        return Score(sample_id=sample.id, metric=use.metric, value=None, answer=str(answer), parts=parts)

    def context(card: Benchmark, samples: Sequence[Sample]) -> Context:
        """The module and the hash of its source and of the files beside it that it imports, for the signature."""
        return {"module": f"{title}@{source}"}

    return Metric(
        use.metric, score, use.range, use.direction, title=title, context=context,
        statistic=_statistic(use.metric, module, key, use.range),
    )


@cache
def load(name: str) -> tuple[Any, str]:
    """A module of evaluate, and 12 hex digits over its source and the files of its package that it imports.

    Raises:
        MeasurementError: modules are not trusted, it is neither a local folder nor cached, or it holds no metric.
    """
    if os.environ.get(TRUST) != "1":
        raise MeasurementError(f"evaluate:{name}: is code that a card names; look at it, then set {TRUST}=1 to run it")
    path = Path(name)
    file = path / f"{path.resolve().name}.py" if path.is_dir() else path
    if not file.is_file():
        return _cached(name)
    from auditkit.measure.evaluate_export import scratch_folder

    kind = _class_in(file)
    folder = os.path.join(scratch_folder(), hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12])
    return kind(keep_in_memory=True, cache_dir=folder), source_hash(kind.__module__)[:12]


def _class_in(file: Path) -> Any:
    import evaluate

    name = f"auditkit_evaluate_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    # as a package, so that `from .helper import …` finds the files beside it
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    if spec is None or spec.loader is None:
        raise MeasurementError(f"{file}: is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise MeasurementError(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error
    kinds = [
        kind for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, evaluate.Metric) and kind.__module__ == name
    ]
    if len(kinds) != 1:
        raise MeasurementError(f"{file}: holds {len(kinds)} subclasses of evaluate.Metric; it needs one")
    return kinds[0]


def _cached(name: str) -> tuple[Any, str]:
    import evaluate

    from auditkit.measure.evaluate_export import scratch_folder

    before, evaluate.config.HF_EVALUATE_OFFLINE = evaluate.config.HF_EVALUATE_OFFLINE, True
    try:
        module = evaluate.load(name, keep_in_memory=True, cache_dir=scratch_folder())
    except Exception as error:
        raise MeasurementError(
            f'evaluate:{name}: neither a folder that holds {Path(name).name}.py nor cached ({type(error).__name__}); '
            "name a local folder: nothing is downloaded"
        ) from error
    finally:
        evaluate.config.HF_EVALUATE_OFFLINE = before
    return module, source_hash(type(module).__module__)[:12]


def _features(module: Any) -> dict[str, Any]:
    """What predictions and references must be; of several forms the one with lists of references."""
    offered = module.info.features
    forms = offered if isinstance(offered, list) else [offered]
    forms = [form for form in forms if {"predictions", "references"} <= set(form)]
    if not forms:
        raise MeasurementError(f"evaluate:{module.name}: takes no predictions and references; it cannot be used here")
    return dict(max(forms, key=lambda form: _is_list(form["references"])))


def _is_list(feature: Any) -> bool:
    return isinstance(feature, list) or hasattr(feature, "feature")


def _reference(sample: Sample, feature: Any) -> Any:
    if _is_list(feature):
        return list(sample.tags) or list(sample.references) or ([sample.target] if sample.target is not None else None)
    right = sample.target if sample.target is not None else next(iter(sample.references), None)
    return None if right is None else _cast(sample, right, feature)


def _prediction(sample: Sample, output: Output, feature: Any) -> tuple[Any] | str:
    """What was answered, in the form that the module takes, in a tuple; or the reason why there is nothing."""
    if _is_list(feature):
        if isinstance(output.answer, Tags):
            return (list(output.answer.tags),)
        classes = answers.read_classes(output)
        return (sorted(classes.names),) if classes.names is not None else str(classes.reason)
    if isinstance(output.answer, Number) or (feature.dtype.startswith("float") and output.text is not None):
        number, reason = answers.read_number(output)
        return (number,) if number is not None else str(reason)
    if sample.choices or isinstance(output.answer, Probabilities):
        answer = answers.read(sample, output)
        return (_cast(sample, answer.label, feature),) if answer.label is not None else str(answer.reason)
    text = answers.read_text(output)
    return (text.text,) if text.reason is None else str(text.reason)


def _cast(sample: Sample, label: str, feature: Any) -> str | float | int:
    """A label as the module wants it: text, a number, or the number of the class."""
    if feature.dtype.startswith("float"):
        return float(label)
    if not feature.dtype.startswith(("int", "uint", "bool")):
        return label
    if label.lstrip("-").isdigit():
        return int(label)
    if label in sample.labels:
        return sample.labels.index(label)
    raise MeasurementError(f'{sample.id}: the module wants class numbers; "{label}" is not one, and no choice has it')


def _statistic(name: str, module: Any, key: str, range: tuple[float, float]) -> CorpusStatistic:
    def prepare(parts: Parts) -> Prepared:
        """The module over weighted rows; without its cache where that gives the same number."""
        predictions, references = ([json.loads(text) for text in parts[part]] for part in ("prediction", "reference"))
        all_rows = np.arange(len(predictions)).tolist()

        def value(compute: Callable[..., Any], rows: Sequence[int]) -> float:
            """What the module computes on these rows; NaN where it cannot on a part of them.

            Raises:
                MeasurementError: it cannot on all rows, or gives no number inside its range.
            """
            inputs = {"predictions": [predictions[i] for i in rows], "references": [references[i] for i in rows]}
            try:
                results = compute(**inputs)
            except Exception as error:
                if rows != all_rows:  # one class only, say: there is no interval then
                    return float("nan")
                raise MeasurementError(f"{name}: cannot compute: {type(error).__name__}: {error}") from error
            return _value(name, results, key, range)

        # compute() writes and reads a table each time, 30 ms: the others go without it where that makes no difference
        of_all = value(module.compute, all_rows)
        bare = np.isclose(of_all, value(module._compute, all_rows), rtol=1e-9, atol=1e-12, equal_nan=True)

        def draw(weights: Floats) -> float:
            """The value with each row repeated as often as its weight says; NaN where no row is left."""
            rows = np.repeat(np.arange(len(weights)), weights.astype(np.intp)).tolist()
            if rows == all_rows:
                return of_all
            return value(module._compute if bare else module.compute, rows) if rows else float("nan")

        return Weighted(lambda weights: np.array([draw(row) for row in weights]))

    return CorpusStatistic(name, prepare, undefined="the module gave no number")


def _value(name: str, results: Any, key: str, range: tuple[float, float]) -> float:
    """The number that a module computed: under the key, under the module's name, or the only one.

    Raises:
        MeasurementError: no such number, or one outside the declared range.
    """
    results = dict(results or {})
    numbers: dict[str, Any] = {
        field: number
        for field, number in results.items()
        if isinstance(number, (int, float, np.number)) or number is None
    }
    wanted = key or Path(name.removeprefix(PREFIX)).stem
    if wanted not in numbers and len(numbers) == 1 and not key:
        wanted = next(iter(numbers))
    if wanted not in numbers:
        raise MeasurementError(f"{name}: gave {', '.join(map(str, results))}; name one number as {name}#KEY")
    value = float("nan") if numbers[wanted] is None else float(numbers[wanted])
    if not np.isnan(value) and not range[0] - 1e-9 <= value <= range[1] + 1e-9:
        raise MeasurementError(f"{name}: gave {value:g}, outside the range {list(range)} that card.yaml declares")
    return value
