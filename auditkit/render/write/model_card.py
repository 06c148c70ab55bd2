"""The model card of a fine-tuned model: what it was made of, how it learnt, and what is not known of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from auditkit.render.words.numbers import count, number, scale_of, share
from auditkit.render.words.wording import capital
from auditkit.render.write.markdown import block, code, escape
from auditkit.schema import Estimate, Part, Training

MOST_LABELS = 30
"""Most labels whose rows are listed."""
_PIPELINES = {"tagging": "token-classification"}
_LOSSES = {
    "multi-label-classification": "binary cross-entropy of each class", "regression": "squared error",
    "tagging": "cross-entropy of the tag of each word's first token",
}


def render(training: Training, name: str) -> bytes:
    """The card as Markdown with YAML front matter, UTF-8: a pure function of the record and the folder's name."""
    lines = [
        *_front_matter(training), "", f"# {escape(name)}", "", _opening(training), "",
        "## Validation", "", *_validation(training), "",
        "## Data", "", *_data(training), "",
        "## Training", "", *_recipe(training), "", "![Loss and score by epoch](curves.svg)", "", *_epochs(training), "",
        "## Limits", "", *(f"- {line}" for line in limits(training)), "",
        "## Audit", "", "This card says how the model was made, not whether it may be used. Audit it before:", "",
        block(shlex.join(["auditkit", "audit", f"./{name}", "--config", "audit.yaml"]), "sh"), "",
        "Everything on this card stands in `training.json`, the curves also in `curves.jsonl`.",
    ]
    return ("\n".join(lines) + "\n").encode("utf-8")


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
    what = {"tagging": "A tagger", "regression": "A regression"}.get(training.recipe.task, "A classifier")
    kind = "" if training.recipe.task in ("tagging", "regression") else f" ({escape(training.recipe.task)})"
    body = ", the head alone: the body is the base's, unchanged" if training.recipe.freeze_body else ""
    return (
        f"{what}{kind} made from {code(training.base)} by `auditkit finetune`{body}. "
        f"{count(training.parameters)} weights, {count(training.trained)} of them trained. "
        f"Labels: {_names(training.labels)}."
    )


def _names(labels: tuple[str, ...]) -> str:
    if not labels:
        return "none, it gives a number"
    shown = ", ".join(code(label) for label in labels[:MOST_LABELS])
    return shown + (f" and {count(len(labels) - MOST_LABELS)} more" if len(labels) > MOST_LABELS else "")


def _validation(training: Training) -> list[str]:
    part = training.validation
    lines = [
        f"On {count(part.rows)} rows in {count(part.clusters)} clusters that were not learnt from "
        f"(rows that share a text are one cluster; intervals are at 95 % and over clusters):", "",
    ]
    if training.estimates:
        lines += ["| Metric | Value | Interval | n | Clusters | Not scored |", "|---|---|---|---|---|---|"]
        lines += [_row(estimate) for estimate in training.estimates]
    else:
        final = [point for point in training.curve if point.epoch == training.best_epoch]
        scores = [point.validation_score for point in final if point.validation_score is not None]
        shown = number(scores[-1]) if scores else "unknown"
        lines.append(f"{capital(training.score)} {shown}, without an interval.")
    if training.majority is not None:
        lines += ["", f"Always answering the commonest label of training would score {number(training.majority)}."]
    return lines


def _row(estimate: Estimate) -> str:
    scale = scale_of(estimate)
    lost = sum(estimate.unscored.values())
    return (
        f"| {capital(estimate.id.metric.replace('_', ' '))} | {escape(scale.full(estimate.value))} "
        f"| {escape(scale.interval(estimate.low, estimate.high))} | {count(estimate.n)} | {count(estimate.clusters)} "
        f"| {count(lost)} |"
    )


def _data(training: Training) -> list[str]:
    held = training.recipe.validation_share
    how = (
        f"the rows of {code(training.validation_data)} (sha256 {code(str(training.validation_sha256)[:16])})"
        if training.validation_data is not None
        else f"about {share(round(held * 1000), 1000)} of the rows, whole clusters, stratified by label, "
        f"seed {training.recipe.seed}"
    )
    lines = [
        f"- File: {code(training.data)}, sha256 {code(training.data_sha256)}",
        f"- Learnt from: {_part(training.training)}",
        f"- Held out: {_part(training.validation)}; {how}",
        f"- Rows whose text another row has too: {count(training.duplicates)}; all of a text's rows stand on one side",
    ]
    if training.contradictory:
        lines.append(f"- Texts that stand with more than one label: {count(training.contradictory)}")
    if training.dropped:
        held_too = "- Rows left out because the validation file holds their text or cluster"
        lines.append(f"{held_too}: {count(training.dropped)}")
    rare = list(training.training.labels.items())[:MOST_LABELS]
    if rare:
        unit = "Words" if training.recipe.task == "tagging" else "Rows"
        lines += ["", f"| Label | {unit} learnt from | {unit} held out |", "|---|---|---|"]
        lines += [
            f"| {code(label, cell=True)} | {count(n)} | {count(training.validation.labels.get(label, 0))} |"
            for label, n in rare
        ]
    return lines


def _part(part: Part) -> str:
    cut = f", {count(part.truncated)} of them cut at their end" if part.truncated else ""
    return f"{count(part.rows)} rows in {count(part.clusters)} clusters{cut}"


def _recipe(training: Training) -> list[str]:
    recipe = training.recipe
    ended = "stopped early" if training.stopped_early else "ran to its last epoch"
    facts = {
        "Base": f"{code(training.base)}, sha256 of the weights {code(training.base_sha256[:16])}",
        "Loss": _LOSSES.get(recipe.task, "cross-entropy"),
        "Optimiser": f"AdamW, learning rate {number(recipe.learning_rate)} (up over the first 6 % of the steps, then "
        f"linearly to 0), weight decay {number(recipe.weight_decay)}, {count(recipe.batch_size)} rows a step",
        "Epochs": f"at most {count(recipe.epochs)}; {ended}; kept: epoch {number(training.best_epoch)}, the lowest "
        f"validation loss (patience {count(recipe.patience)})",
        "Longest row": f"{count(recipe.max_length)} tokens",
        "Seed": f"{recipe.seed} (split, new head, order of rows, dropout)",
        "Ran on": f"{escape(training.device)}, {count(training.threads)} threads, {number(training.seconds)} s",
        "Weights": f"sha256 {code(training.weights_sha256)}",
        "Libraries": escape(", ".join(f"{key} {training.environment[key]}" for key in sorted(training.environment))),
    }
    return [f"- {key}: {value}" for key, value in facts.items()]


def _epochs(training: Training) -> list[str]:
    lines = [f"| Epoch | Training loss | Validation loss | {capital(training.score)} |", "|---|---|---|---|"]
    last = ""
    for point in training.curve:
        if point.training_loss is not None:
            last = number(point.training_loss)
        if point.validation_loss is not None:
            score = "–" if point.validation_score is None else number(point.validation_score)
            lines.append(f"| {number(point.epoch)} | {last or '–'} | {number(point.validation_loss)} | {score} |")
    return lines


def limits(training: Training) -> Iterable[str]:
    """What a reader must not conclude."""
    yield (
        "The kept epoch was chosen on the validation rows, so that the numbers above are somewhat too good; "
        "an audit on rows that had no part in it is not."
    )
    yield "The rows are taken as they are: neither their origin, their licence nor their labels were checked."
    yield (
        "Near duplicates, and rows of one author or document without a cluster column, may stand on both sides."
        if training.columns.cluster is None else
        "Near duplicates in different clusters may stand on both sides."
    )
    yield (
        "The same seed gives the same weights on the same machine with the same libraries and number of threads; "
        "elsewhere sums are taken in another order, and the weights differ."
    )
    few = [label for label, n in training.training.labels.items() if n < 10]
    if few:
        yield f"Learnt from fewer than 10 examples: {_names(tuple(few))}."
    unseen = sorted(set(training.validation.labels) - set(training.training.labels))
    if unseen:
        yield f"Never seen in training: {_names(tuple(unseen))}."
    yield "No bias, safety or robustness was measured here."
