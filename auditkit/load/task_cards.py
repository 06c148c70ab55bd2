"""The card of a task on the user's data: how each type of task is asked and scored."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.schema import (
    Benchmark,
    Choice,
    Generation,
    MetricUse,
    PlantedReading,
    RequestKind,
    Task,
    TaskClass,
    Template,
)

_LIKELIHOODS = ("loglikelihood", "pseudo_loglikelihood")
_PER_BYTE = ("loglikelihood_per_byte", "pseudo_loglikelihood_per_byte")
_LINE = Generation(max_tokens=64, stop=("\n",))
MOST_LETTERS = 26


@dataclass(frozen=True)
class Kind:
    """How one type of task is asked and scored."""

    request: RequestKind
    rules: tuple[str, ...]
    template: Template
    metrics: tuple[str, ...]
    generation: Generation | None = None


KINDS = {
    "classification": Kind(
        "classify", ("probabilities", *_PER_BYTE, "similarity", "letter"),
        Template(
            text="{text}", letter="{text}\n\nWhich of these fits?\n{options}", prefix="Label:", inputs=("text",),
        ),
        ("accuracy", "macro_f1", "matthews_correlation", "expected_calibration_error", "brier_score"),
    ),
    "multi-label-classification": Kind(
        "classify", ("probabilities",), Template(text="{text}", inputs=("text",)),
        ("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy"),
    ),
    "regression": Kind(
        "classify", ("number",), Template(text="{text}", inputs=("text",)),
        ("pearson_correlation", "spearman_correlation"),
    ),
    "tagging": Kind(
        "tag", ("tags",), Template(text="{text}", inputs=("text",)),
        ("entity_f1", "entity_f1_lenient", "token_accuracy"),
    ),
    "extractive-qa": Kind(
        "extract", ("span", "text"),
        Template(
            text="Answer the question with words from the passage.\n\nPassage: {context}\n\nQuestion: {question}",
            prefix="Answer:", inputs=("question", "context"),
        ),
        ("exact_match", "token_f1"), _LINE,
    ),
    "generative-qa": Kind(
        "generate", ("text",), Template(text="Question: {question}", prefix="Answer:", inputs=("question",)),
        ("exact_match", "token_f1"), _LINE,
    ),
    "multiple-choice": Kind(
        "choose", (*_PER_BYTE, "letter", "similarity"),
        Template(
            text="Question: {question}", letter="Question: {question}\n\n{options}", prefix="Answer:",
            inputs=("question",),
        ),
        ("accuracy",),
    ),
    "translation": Kind(
        "generate", ("text",),
        Template(text="Translate this text.\n\n{source}", prefix="Translation:", inputs=("source",)),
        ("bleu", "chrf"), Generation(max_tokens=256, stop=("\n",)),
    ),
    "summarisation": Kind(
        "generate", ("text",), Template(text="Summarise this text.\n\n{text}", prefix="Summary:", inputs=("text",)),
        ("rouge1", "rouge2", "rouge_lsum"), Generation(max_tokens=160, stop=("\n\n",)),
    ),
}
"""Task to how it is asked."""


def card_for(task: Task, classes: tuple[TaskClass, ...], *, rows: int, sha256: str, source: str) -> Benchmark:
    """The card of a task: the defaults of its type, and what the user said instead.

    Args:
        task: what the user said.
        classes: the classes of a classification.
        rows: number of rows.
        sha256: hash of the rows' content.
        source: name of the data.
    """
    kind = KINDS[task.task]
    most = len(classes) <= MOST_LETTERS
    template = task.template or _second(task, kind.template)
    return Benchmark(
        name=task.name, version=1, title=f"{task.name}: {task.task} on your data",
        measures=task.measures or f"How well the model does {task.task} on {source}; more was not stated.",
        limits=task.limits or "Not stated: the author of the audit's configuration said nothing of it.",
        license=task.license, source=_source(task), citation="the data of the audit's configuration",
        language=task.language, request=kind.request,
        rules=tuple(rule for rule in kind.rules if most or rule != "letter"), templates=(template,),
        choices=tuple(Choice(text=one.text, label=one.label) for one in classes),
        generation=task.generation or kind.generation, reader="task", files=(source,),
        groups=tuple(task.groups), clusters=task.clusters or ("input",),
        metrics=task.metrics or _metrics(task, kind), planted=_planted(task, kind, len(classes)),
        rows=rows, sha256=sha256,
    )


def _second(task: Task, template: Template) -> Template:
    """The template with the optional second text, where the user names its column."""
    role = {"generative-qa": "context"}.get(task.task, "text_pair")
    if role not in task.columns or role in template.inputs:
        return template
    if role == "context":
        text = "{context}\n\n" + template.text
        return template.model_copy(update={"text": text, "inputs": (*template.inputs, role)})
    pair = "{text}\n\n{text_pair}"
    return template.model_copy(update={
        "text": template.text.replace("{text}", pair), "letter": template.letter.replace("{text}", pair),
        "inputs": ("text", "text_pair"),
    })


def _source(task: Task) -> str:
    parts = {"configuration": task.config, "revision": task.revision, "split": task.split}
    return ", ".join([task.data, *(f"{name} {value}" for name, value in parts.items() if value)])


def _metrics(task: Task, kind: Kind) -> tuple[MetricUse, ...]:
    return tuple(
        MetricUse(metric=name, arm="all", slices=task.metadata, groups=bool(task.groups) and at == 0)
        for at, name in enumerate(kind.metrics)
    )


def _planted(task: Task, kind: Kind, classes: int) -> tuple[PlantedReading, ...]:
    """What accuracy must read on planted models, where it is measured."""
    used = [use for use in task.metrics or _metrics(task, kind) if use.metric == "accuracy"]
    readings = []
    for use in used:
        known = {"metric": "accuracy", "arm": use.arm}
        readings.append(PlantedReading(planted="never-stereotyped", expect="exactly", value=1.0, **known))
        if classes:
            readings.append(PlantedReading(planted="random", expect="around", value=1 / classes, **known))
        readings += [PlantedReading(planted=name, expect="undefined", **known) for name in ("constant", "refusing")]
    return tuple(readings)
