"""The model card of a fine-tuned model: what it was made of, how it learnt, and what is not known of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from auditkit.render.view.names import capital, spaced
from auditkit.render.view.values import clusters_of, scale_of
from auditkit.render.words.catalogue import say
from auditkit.render.words.numbers import DASH, count, number, share
from auditkit.render.write.markdown import block, code, escape, table_head, table_row
from auditkit.schema import Estimate, Part, Training

MOST_LABELS = 30
"""Most labels whose rows are listed."""
FEW = 10
"""A label with fewer training rows than this is named among the limits."""
_PIPELINES = {"tagging": "token-classification"}


def render(training: Training, name: str) -> bytes:
    """The card as Markdown with YAML front matter, UTF-8: a pure function of the record and the folder's name."""
    command = shlex.join(["auditkit", "audit", f"./{name}", "--config", "audit.yaml"])
    lines = [
        *_front_matter(training), "", f"# {escape(name)}", "", _opening(training), "",
        _heading("card.validation"), "", *_validation(training), "",
        _heading("card.data"), "", *_data(training), "",
        _heading("card.training"), "", *_recipe(training), "", f"![{say('card.curves')}](curves.svg)", "",
        *_epochs(training), "",
        _heading("card.limits"), "", *(f"- {limit}" for limit in limits(training)), "",
        _heading("card.audit"), "", say("card.audit.lead"), "", block(command, "sh"), "", say("card.closing"),
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _heading(key: str) -> str:
    return f"## {say(key)}"


def _front_matter(training: Training) -> list[str]:
    """YAML whose texts are JSON strings, which every YAML reader takes."""
    facts = {
        "library_name": "transformers",
        "pipeline_tag": _PIPELINES.get(training.recipe.task, "text-classification"),
        "base_model": training.base,
        "tags": ["auditkit", training.recipe.task],
        "datasets_sha256": training.data_sha256,
    }
    return ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()), "---"]


def _opening(training: Training) -> str:
    task = training.recipe.task
    kind = task if task in ("tagging", "regression") else "classification"
    return say(
        "card.opening",
        what=say(f"card.what.{kind}", task=escape(task)),
        base=code(training.base),
        body=say("card.body_frozen") if training.recipe.freeze_body else "",
        parameters=count(training.parameters),
        trained=count(training.trained),
        labels=_names(training.labels),
    )


def _names(labels: tuple[str, ...]) -> str:
    if not labels:
        return say("card.no_labels")
    listed = ", ".join(code(label) for label in labels[:MOST_LABELS])
    if len(labels) <= MOST_LABELS:
        return listed
    return say("card.more_labels", labels=listed, n=count(len(labels) - MOST_LABELS))


def _validation(training: Training) -> list[str]:
    part = training.validation
    lines = [say("card.validation.lead", rows=count(part.rows), clusters=count(part.clusters)), ""]
    if training.estimates:
        columns = ("metric", "value", "interval", "n", "clusters", "unscored")
        lines += table_head(f"card.column.{name}" for name in columns)
        lines += [_row(estimate) for estimate in training.estimates]
    else:
        final = [point for point in training.curve if point.epoch == training.best_epoch]
        scores = [point.validation_score for point in final if point.validation_score is not None]
        value = number(scores[-1]) if scores else say("card.unknown")
        lines.append(say("card.bare_score", score=capital(training.score), value=value))
    if training.majority is not None:
        lines += ["", say("card.majority", value=number(training.majority))]
    return lines


def _row(estimate: Estimate) -> str:
    scale = scale_of(estimate)
    return table_row((
        capital(spaced(estimate.id.metric)), escape(scale.full(estimate.value)),
        escape(scale.interval(estimate.low, estimate.high)), count(estimate.n), clusters_of(estimate),
        count(sum(estimate.unscored.values())),
    ))


def _data(training: Training) -> list[str]:
    facts = [
        say("card.data.file", file=code(training.data), sha256=code(training.data_sha256)),
        say("card.data.training", part=_part(training.training)),
        say("card.data.validation", part=_part(training.validation), how=_held_out(training)),
        say("card.data.duplicates", n=count(training.duplicates)),
    ]
    if training.contradictory:
        facts.append(say("card.data.contradictory", n=count(training.contradictory)))
    if training.dropped:
        facts.append(say("card.data.dropped", n=count(training.dropped)))
    return [*(f"- {fact}" for fact in facts), *_labels(training)]


def _held_out(training: Training) -> str:
    """Where the validation rows come from."""
    if training.validation_data is not None:
        sha256 = code(str(training.validation_sha256)[:16])
        return say("card.data.own_file", file=code(training.validation_data), sha256=sha256)
    held = share(round(training.recipe.validation_share * 1000), 1000)
    return say("card.data.split", share=held, seed=str(training.recipe.seed))


def _labels(training: Training) -> list[str]:
    """A table of the rows of each label; nothing for a regression."""
    rows = list(training.training.labels.items())[:MOST_LABELS]
    if not rows:
        return []
    unit = "words" if training.recipe.task == "tagging" else "rows"
    held = training.validation.labels
    return [
        "", *table_head(("card.column.label", f"card.column.{unit}_training", f"card.column.{unit}_validation")),
        *(table_row((code(label, cell=True), count(n), count(held.get(label, 0)))) for label, n in rows),
    ]


def _part(part: Part) -> str:
    key = "card.part.cut" if part.truncated else "card.part"
    return say(key, rows=count(part.rows), clusters=count(part.clusters), cut=count(part.truncated))


def _recipe(training: Training) -> list[str]:
    recipe, environment = training.recipe, training.environment
    libraries = ", ".join(say("card.library", name=key, version=environment[key]) for key in sorted(environment))
    facts = {
        "base": say("card.base", base=code(training.base), sha256=code(training.base_sha256[:16])),
        "loss": say(f"card.loss.{recipe.task}"),
        "optimiser": say(
            "card.optimiser", rate=number(recipe.learning_rate), decay=number(recipe.weight_decay),
            rows=count(recipe.batch_size),
        ),
        "epochs": say(
            "card.epochs", n=count(recipe.epochs), best=number(training.best_epoch), patience=count(recipe.patience),
            ended=say("card.ended.early") if training.stopped_early else say("card.ended.last"),
        ),
        "length": say("card.length", n=count(recipe.max_length)),
        "seed": say("card.seed", seed=str(recipe.seed)),
        "device": say(
            "card.device", device=escape(training.device), threads=count(training.threads),
            seconds=number(training.seconds),
        ),
        "weights": say("card.weights", sha256=code(training.weights_sha256)),
        "libraries": escape(libraries),
    }
    return [f"- {say('card.fact', name=say(f'card.fact.{key}'), text=text)}" for key, text in facts.items()]


def _epochs(training: Training) -> list[str]:
    names = [say(f"card.column.{name}") for name in ("epoch", "training_loss", "validation_loss")]
    lines = [table_row((*names, capital(training.score))), "|---|---|---|---|"]
    last = ""
    for point in training.curve:
        if point.training_loss is not None:
            last = number(point.training_loss)
        if point.validation_loss is not None:
            score = DASH if point.validation_score is None else number(point.validation_score)
            lines.append(table_row((number(point.epoch), last or DASH, number(point.validation_loss), score)))
    return lines


def limits(training: Training) -> Iterable[str]:
    """What a reader must not conclude."""
    yield say("card.limit.chosen")
    yield say("card.limit.rows")
    yield say("card.limit.near_duplicates" if training.clusters else "card.limit.no_clusters")
    yield say("card.limit.seed")
    few = [label for label, n in training.training.labels.items() if n < FEW]
    if few:
        yield say("card.limit.few", n=count(FEW), labels=_names(tuple(few)))
    unseen = sorted(set(training.validation.labels) - set(training.training.labels))
    if unseen:
        yield say("card.limit.unseen", labels=_names(tuple(unseen)))
    yield say("card.limit.no_bias")
