"""A task on the user's data becomes a benchmark: columns to rows, rows to samples, and a card of their content."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from string import ascii_uppercase
from typing import Any

from auditkit.errors import PackError, did_you_mean
from auditkit.load.readers.row import Row
from auditkit.load.rows import samples_of
from auditkit.load.sources import SEPARATOR, Rows, open_rows
from auditkit.load.task_cards import card_for
from auditkit.schema import Benchmark, Sample, Task, TaskClass, canonical

INPUTS: dict[str, tuple[tuple[str, bool], ...]] = {
    "classification": (("text", True), ("text_pair", False)),
    "multi-label-classification": (("text", True), ("text_pair", False)),
    "regression": (("text", True), ("text_pair", False)),
    "tagging": (),
    "extractive-qa": (("question", True), ("context", True)),
    "generative-qa": (("question", True), ("context", False)),
    "multiple-choice": (("question", True),),
    "translation": (("source", True),),
    "summarisation": (("text", True),),
}
"""Task to the columns that become input, and whether each must be there."""
TRUTHS = {
    "classification": ("label",), "multi-label-classification": ("label",), "regression": ("label",),
    "tagging": ("words", "tags"), "extractive-qa": ("answers",), "generative-qa": ("answers",),
    "multiple-choice": ("choices", "answer"), "translation": ("target",), "summarisation": ("summary",),
}
_MAY_BE_NONE = ("multi-label-classification", "extractive-qa")
"""Tasks whose truth may be that nothing holds: no class is true, or the passage has no answer."""
MOST_CLASSES = 1000


def open_task(task: Task) -> tuple[Benchmark, list[Sample]]:
    """Read a task's data.

    Returns:
        The card, whose hash and number of rows are those of the content, and the samples.

    Raises:
        PackError: `data: row: what, and what to do` for a column that is not there, an empty text, a missing or unknown
            label, a wrong type, a doubled id, or two rows that ask the same and differ in the answer.
    """
    source = open_rows(task)
    _check_columns(task, source)
    values = [(number, _values(task, source, number, row)) for number, row in source]
    if not values:
        raise PackError(f"{source.where}: there are no rows; add some")
    classes = _classes(task, source, values)
    _check_answers(task, source, values)
    make = _MAKERS[task.task]
    rows: list[Row] = []
    content = hashlib.sha256()
    for number, found in values:
        where = f"{source.where}: row {number}"
        data = {**_shared(task, found, where), **make(task, found, classes, where)}
        content.update(canonical(data) + b"\n")
        rows.append(Row(number, data))
    card = card_for(task, classes, rows=len(rows), sha256=content.hexdigest(), source=source.name)
    return samples_of(
        card, ((source.name, f"{source.where}: row {row.line}", row) for row in rows),
        conflicts=task.conflicts == "leave-out",
    )


def _mapped(task: Task, role: str) -> tuple[str, ...]:
    """The columns of a role."""
    given = task.columns.get(role, role)
    return (given,) if isinstance(given, str) else given


def _check_columns(task: Task, source: Rows) -> None:
    """Every column that is named, or must be there, is there."""
    known = [*(role for role, _ in INPUTS[task.task]), *TRUTHS[task.task], "id"]
    for role in task.columns:
        if role not in known:
            hint = did_you_mean(role, known, f"it has: {', '.join(known)}")
            raise PackError(f'task {task.name}: "columns.{role}": {task.task} has no "{role}"; {hint}')
    must = [role for role, needed in INPUTS[task.task] if needed] + list(TRUTHS[task.task])
    needed = [column for role in (*must, *task.columns) for column in _mapped(task, role)]
    for column in (*needed, *task.groups.values(), *task.clusters, *task.metadata):
        if not source.columns or column in source.columns or column.split(".")[0] in source.columns:
            continue
        there = f"{did_you_mean(column, source.columns, '')} columns: {', '.join(source.columns)}".lstrip()
        raise PackError(
            f'{source.where}: there is no column "{column}"; {there} (map them under "columns" of the task {task.name})'
        )


def _values(task: Task, source: Rows, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row by the task's own names; class numbers become class names."""
    where = f"{source.where}: row {number}"
    roles = [*(role for role, _ in INPUTS[task.task]), *TRUTHS[task.task], "id"]
    found: dict[str, Any] = {}
    for role in roles:
        columns = _mapped(task, role)
        if role not in task.columns and columns[0] not in source.columns:
            continue
        read = [source.named(_inside(row, column, where), column, where) for column in columns]
        found[role] = read[0] if len(read) == 1 else read
    beside = {
        "groups:": task.groups, "clusters:": {name: name for name in task.clusters},
        "metadata:": {name: name for name in task.metadata},
    }
    for kind, named in beside.items():
        found[kind] = {
            name: source.named(_inside(row, column, where), column, where) for name, column in named.items()
        }
    return found


def _inside(row: Mapping[str, Any], column: str, where: str) -> Any:
    """A value by its column, or by its path inside nested ones: `answers.text`, `translation.de`."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if isinstance(value, list):
            value = [one.get(part) for one in value if isinstance(one, dict)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            there = ", ".join(value) if isinstance(value, dict) else type(value).__name__
            raise PackError(f'{where}: "{column}": there is no "{part}" in {there}')
    return value


def _text(value: Any, where: str, role: str, *, empty: bool = False) -> str:
    """A text; a whole number is one too, as ids and labels often are."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        if empty:
            return ""
        raise PackError(f'{where}: "{role}" is missing; fill it, or remove the row')
    if not isinstance(value, str):
        raise PackError(f'{where}: "{role}" is {type(value).__name__} ({str(value)[:40]}); expected text')
    if not value.strip() and not empty:
        raise PackError(f'{where}: "{role}" is blank; fill it, or remove the row')
    return value


def _texts(task: Task, value: Any, where: str, role: str) -> list[str]:
    """Several texts: a list, or one cell cut at the separator. None of them is only what says so: `[]`."""
    may_be_none = task.task in _MAY_BE_NONE and role in TRUTHS[task.task]
    if isinstance(value, str):
        separator = task.separator or (None if task.task == "tagging" else SEPARATOR)
        parts = [part.strip() for part in value.split(separator) if part.strip()]
        value = [] if may_be_none and parts == ["[]"] else parts or None
    if value is None:
        remedy = "write [] if there is none" if may_be_none else "fill it"
        raise PackError(f'{where}: "{role}" is missing; {remedy}, or remove the row')
    if not isinstance(value, list):
        raise PackError(f'{where}: "{role}" is {type(value).__name__} ({str(value)[:40]}); expected a list')
    return [_text(one, where, role) for one in value]


def _shared(task: Task, found: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What every task's row has: input, clusters, groups, metadata, id."""
    roles = INPUTS[task.task]
    fields = {role: _text(found.get(role), where, role, empty=not needed) for role, needed in roles if role in found}
    words = _texts(task, found.get("words"), where, "words") if task.task == "tagging" else []
    text = {"text": " ".join(words)} if task.task == "tagging" else fields
    metadata = {name: _flat(value, where, name) for name, value in found["metadata:"].items()}
    row: dict[str, Any] = {"input": text, "metadata": {"language": task.language, **metadata}}
    # Rows without a cluster column depend only where they ask the same.
    same = hashlib.sha256(canonical(sorted(text.items()))).hexdigest()[:12]
    row["clusters"] = {
        name: _text(value, where, name) for name, value in found["clusters:"].items()
    } or {"input": same}
    groups = {axis: _text(value, where, axis, empty=True) for axis, value in found["groups:"].items()}
    row["groups"] = {axis: group for axis, group in groups.items() if group}
    if "id" in found:
        row["id"] = _text(found["id"], where, "id")
    return row


def _flat(value: Any, where: str, name: str) -> str | int | float | bool | None:
    if value is None or isinstance(value, (str, int, bool)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise PackError(f'{where}: "{name}" is {type(value).__name__} ({str(value)[:40]}); metadata are texts and numbers')


def _classes(task: Task, source: Rows, values: Iterable[tuple[int, Mapping[str, Any]]]) -> tuple[TaskClass, ...]:
    """The classes of a classification: as given, of the ClassLabel, or all that the data hold."""
    if task.task not in ("classification", "multi-label-classification"):
        return ()
    given: Iterable[TaskClass] = task.labels
    if not task.labels:
        names = source.names.get(_mapped(task, "label")[0])
        held = names or sorted(set(_held(task, source, values)))
        if len(held) > MOST_CLASSES:
            raise PackError(f'{source.where}: "label" holds {len(held)} different values; is it the right column?')
        given = (TaskClass(value=value) for value in held)
    classes = tuple(_full(one) for one in given)
    if len(classes) < 2:
        hint = f'give all under "labels" of the task {task.name}'
        raise PackError(f'{source.where}: "label" holds one class only; {hint}')
    return classes


def _held(task: Task, source: Rows, values: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[str]:
    for number, found in values:
        where = f"{source.where}: row {number}"
        if task.task == "classification":
            yield _text(found.get("label"), where, "label")
        else:
            yield from _texts(task, found.get("label"), where, "label")


def _full(one: TaskClass) -> TaskClass:
    label = one.label or one.value
    return TaskClass(value=one.value, label=label, text=one.text or label.replace("_", " "))


def _label(value: str, classes: tuple[TaskClass, ...], where: str) -> str:
    for one in classes:
        if value == one.value:
            return one.label
    known = [one.value for one in classes]
    hint = did_you_mean(value, known, f"classes: {', '.join(known[:12])}", cutoff=0.6)
    raise PackError(f'{where}: "label" is "{value}", none of the classes; {hint}')


_Maker = Callable[[Task, Mapping[str, Any], tuple[TaskClass, ...], str], dict[str, Any]]


def _classified(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    return {"target": _label(_text(found.get("label"), where, "label"), classes, where)}


def _many(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    labels = [_label(one, classes, where) for one in _texts(task, found.get("label"), where, "label")]
    return {"target": None, "references": list(dict.fromkeys(labels))}


def _number(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    value = found.get("label")
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PackError(f'{where}: "label" is {value!r}; expected a number')
    return {"target": repr(number)}


def _tagged(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    words, tags = (_texts(task, found.get(role), where, role) for role in ("words", "tags"))
    if not words:
        raise PackError(f'{where}: "words" is missing; fill it, or remove the row')
    return {"words": words, "tags": tags}


def _answered(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    value = found.get("answers")
    one = isinstance(value, str) and value.strip() and (value.strip() != "[]" or task.task == "generative-qa")
    answers = [value] if one else _texts(task, value, where, "answers")
    if not answers and task.task == "generative-qa":
        raise PackError(f'{where}: "answers" is missing; fill it, or remove the row')
    return {"target": answers[0] if answers else None, "references": list(dict.fromkeys(answers))}


def _chosen(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
    texts, answer = _choices(task, found, where)
    as_text, as_place = _readings(texts, answer)
    right = as_place if as_text is None else as_text
    if right is None:
        raise PackError(
            f'{where}: "answer" is "{answer[:40]}"; expected the text, the letter (A …) or the number (from 0) of one '
            f"of {len(texts)} choices"
        )
    choices = [{"text": text, "label": _letter(at)} for at, text in enumerate(texts)]
    return {"choices": choices, "target": _letter(right)}


def _choices(task: Task, found: Mapping[str, Any], where: str) -> tuple[list[str], str]:
    texts = _texts(task, found.get("choices"), where, "choices")
    for at, text in enumerate(texts):
        if text in texts[:at]:
            raise PackError(f'{where}: "choices" holds "{text[:40]}" twice; make the choices differ, or remove the row')
    return texts, _text(found.get("answer"), where, "answer")


def _letter(at: int) -> str:
    return ascii_uppercase[at] if at < len(ascii_uppercase) else str(at)


def _readings(texts: list[str], answer: str) -> tuple[int | None, int | None]:
    """The choice whose text the answer is, and the choice whose letter or number (from 0) it is."""
    places = {name: at for at in range(len(texts)) for name in (str(at), _letter(at))}
    return texts.index(answer) if answer in texts else None, places.get(answer)


def _check_answers(task: Task, source: Rows, values: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """An answer that is one choice's text and another's letter or number is its text: unless other rows say else."""
    if task.task != "multiple-choice":
        return
    places = doubtful = None
    for number, found in values:
        texts, answer = _choices(task, found, f"{source.where}: row {number}")
        as_text, as_place = _readings(texts, answer)
        if as_text is None and as_place is not None:
            places = places or number
        elif None not in (as_text, as_place) and as_text != as_place:
            doubtful = doubtful or (number, answer)
    if places and doubtful:
        raise PackError(
            f'{source.where}: row {doubtful[0]}: "answer" is "{doubtful[1]}", the text of one choice and the letter or '
            f"number of another, and row {places} gives a letter or number; give the choice's text in every row"
        )


def _written(role: str) -> _Maker:
    def make(task: Task, found: Mapping[str, Any], classes: tuple[TaskClass, ...], where: str) -> dict[str, Any]:
        """The texts of the role: the first is the target, all are references.

        Raises:
            PackError: there is none.
        """
        value = found.get(role)
        texts = _texts(task, value, where, role) if isinstance(value, list) else [_text(value, where, role)]
        if not texts:
            raise PackError(f'{where}: "{role}" is missing; fill it, or remove the row')
        return {"target": texts[0], "references": list(dict.fromkeys(texts))}

    return make


_MAKERS: dict[str, _Maker] = {
    "classification": _classified, "multi-label-classification": _many, "regression": _number, "tagging": _tagged,
    "extractive-qa": _answered, "generative-qa": _answered, "multiple-choice": _chosen,
    "translation": _written("target"), "summarisation": _written("summary"),
}
