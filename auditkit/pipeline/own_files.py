"""The files that `auditkit init --data` writes: an audit of the user's rows, and checks that these rows can decide."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import ConfigError
from auditkit.judge.validator import policy_faults
from auditkit.load.column_roles import Roles, columns_of, find_roles
from auditkit.load.user_tables import open_table
from auditkit.pipeline.steps.packs import AuditedPack, load_packs
from auditkit.schema import CROSSED, Check, Config, EstimateId, Policy, Task
from auditkit.schema.event import ignore
from auditkit.schema.starting_checks import CLASS_MARK, NAME, policy_lines, starting_checks

CLASSIFICATION = "classification"


@dataclass(frozen=True)
class OwnFiles:
    """What is written, and what the user is told."""

    texts: dict[str, str]
    """File name to text."""
    notes: tuple[str, ...]
    """Which column was taken for what, and why; which checks were left out, and why."""


def own_files(
    folder: Path, model: str, data: str, task: str, columns: Mapping[str, str], groups: Mapping[str, str]
) -> OwnFiles:
    """Look at a file, and write an audit of it.

    Args:
        folder: where the files will lie.
        model: what is audited.
        data: the file.
        task: the kind of task; columns are looked for where it is a classification.
        columns: the kind's names to columns, as far as the user states them.
        groups: axis to column, as far as the user states them.

    Raises:
        PackError: the file cannot be read, or a column is not found.
        ConfigError: so few rows that no check could be decided.
    """
    name = re.sub(r"[^a-z0-9]+", "-", Path(data).stem.lower()).strip("-") or "task"
    bare = Task(name=name, task=task, data=data, columns=dict(columns), groups=dict(groups))
    notes: list[str] = []
    if task == CLASSIFICATION:
        table = open_table(bare)
        roles = find_roles(columns_of(table), table.where, columns, groups)
        notes = [*_notes(roles)]
        bare = bare.model_copy(update={
            "columns": {role.role: role.column for role in roles.columns},
            "groups": {role.role: role.column for role in roles.groups},
        })
    (pack,) = load_packs(Config(model=model, tasks=(bare,)), ignore)
    checks, left_out = _checks(pack)
    rows = f"{pack.card.rows} rows, groups {', '.join(pack.card.groups) or 'none'}"
    return OwnFiles(
        {"audit.yaml": _audit(folder, model, bare, notes), "policy.yaml": _policy(rows, checks, left_out)},
        (*notes, *left_out),
    )


def _notes(roles: Roles) -> list[str]:
    notes = [f"{role.role}: column {role.column} ({role.reason})" for role in (*roles.columns, *roles.groups)]
    if not roles.groups:
        notes.append("groups: none found; say which columns hold them: --groups gender=COLUMN")
    if roles.unused:
        notes.append(f"not used: {', '.join(roles.unused)}")
    return [" ".join(note.split()) for note in notes]


def _checks(pack: AuditedPack) -> tuple[list[Check], list[str]]:
    """The checks that these rows can decide, and of each other one why it is left out.

    Raises:
        ConfigError: none is left.
    """
    suggested = starting_checks(pack.declared, _baselines(pack), _denominators(pack))
    checks, left_out = [], []
    for check in suggested:
        policy = Policy(name=NAME, checks=(check,))
        fault = next(iter(policy_faults(policy, pack.declared, ())), None)
        if fault is None:
            checks.append(check)
        else:
            left_out.append(f"left out: {fault.text}")
    compared = {check.axis for check in checks if check.contrast == "gap"}
    left_out += [
        f"left out: the groups of {axis} are too small to compare, or fewer than two"
        for axis in dict.fromkeys(part.axis for metric in pack.declared for part in metric.groups)
        if axis is not None and axis not in compared and CROSSED not in axis
    ]
    if not checks:
        raise ConfigError(f"{pack.card.name}: {pack.card.rows} rows decide no check; about 40 are needed")
    return checks, left_out


def _baselines(pack: AuditedPack) -> dict[EstimateId, float]:
    """What the majority class reaches."""
    counted = Counter(sample.target for sample in pack.rows if sample.target is not None)
    if not counted or pack.card.request != "classify":
        return {}
    estimate = EstimateId(benchmark=pack.card.name, metric="accuracy", arm="all")
    return {estimate: max(counted.values()) / len(pack.rows)}


def _denominators(pack: AuditedPack) -> dict[EstimateId, int]:
    """Rows of a group that are of a class (its hits are a share of them), and that are of another."""
    sizes: Counter[tuple[str, str, str]] = Counter()
    labels = {choice.label for choice in pack.card.choices}
    for sample in pack.rows:
        for axis, group in sample.groups.items():
            for label in labels:
                rate = "true_positive_rate" if sample.target == label else "false_positive_rate"
                sizes[f"{rate}{CLASS_MARK}{label}", axis, group] += 1
    return {
        EstimateId(benchmark=pack.card.name, metric=metric, arm="all", axis=axis, group=group): size
        for (metric, axis, group), size in sizes.items()
    }


def _audit(folder: Path, model: str, task: Task, notes: Sequence[str]) -> str:
    values = task.model_dump(mode="json", exclude_defaults=True)
    first, *others = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    lines = [
        "# An audit of your own rows. `auditkit init` in another folder documents every key.",
        f"# Run: auditkit audit --config {folder / 'audit.yaml'}",
        f"model: {json.dumps(model, ensure_ascii=False)}",
        f"policy: {json.dumps(str(folder / 'policy.yaml'), ensure_ascii=False)}",
        "packs: []",
        "tasks:",
        "  # How the columns were taken; correct what is wrong:",
        *(f"  #   {note}" for note in notes),
        f"  - {first}", *(f"    {line}" for line in others),
    ]
    return "\n".join(lines) + "\n"


def _policy(rows: str, checks: Sequence[Check], left_out: Sequence[str]) -> str:
    lines = [
        f"# Checks for {rows}. The bounds are a beginning: set them to what the deployment needs.",
        "# A check passes only if the unfavourable end of the worst-case interval clears its bound, and fails only if",
        "# the favourable end misses it. `auditkit init` in another folder documents every key of a check.",
        "# accuracy: more than the majority class reaches. gap: the largest difference between the groups of an axis,",
        "# at most .1 or what groups of this size can be shown to keep within. unscored_share: missing answers.",
        *(f"# {note}" for note in left_out),
        *policy_lines(checks),
    ]
    return "\n".join(lines) + "\n"
