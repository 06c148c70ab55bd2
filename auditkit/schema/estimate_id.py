"""What an estimate is of: the one place where its name is made and read back."""

from __future__ import annotations

import re
from typing import Literal, get_args

from pydantic import Field, model_validator

from auditkit.schema.base import Record

Contrast = Literal["gap", "smallest_ratio", "difference"]
"""`gap`: largest difference, `smallest_ratio`: smallest ratio between the groups of an axis; `difference`: a variant
minus the clean samples, paired by sample."""

_CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)
_NAME = re.compile(r"([^/]*)/([^@]*)@([^~\[]*)(?:~([^\[]*))?((?:\[[^\]]*\])*)", re.DOTALL)
_BRACKET = re.compile(r"\[([^\]]*)\]")
_PART = re.compile(r"([^=:]*)([=:])(.*)", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-F]{2})")


class EstimateParts(Record):
    """The eight parts that name an estimate, for the estimate itself and for the check that bounds it."""

    benchmark: str
    """Name of the pack."""
    metric: str
    """Name of the metric."""
    arm: str
    """The arm of the pack, or `all`."""
    variant: str = ""
    """The variant of a robustness run: `typos`, `case`, `punctuation`, `format-2` …; empty for the clean samples."""
    slice: dict[str, str] = Field(default_factory=dict)
    """Metadata key to value; empty for all rows of the arm."""
    axis: str | None = None
    """The demographic axis, for a group or a contrast of groups."""
    group: str | None = None
    """The group, for an estimate of one group."""
    contrast: Contrast | None = None
    """`gap` (largest difference) or `smallest_ratio` over the axis' groups; `difference` of a variant to the clean
    samples, paired by sample."""

    @model_validator(mode="after")
    def _one_part(self) -> EstimateParts:
        if self.axis is None and self.group is not None:
            raise ValueError(f'group "{self.group}" needs the axis that it belongs to; give axis')
        if self.axis is not None and (self.group is None) == (self.contrast is None):
            raise ValueError(f'axis "{self.axis}" needs either a group or a contrast over its groups')
        return self


class EstimateId(EstimateParts):
    """The name of one estimate.

    Printed `benchmark/metric@arm`, then `~variant`, `[key=value]` for each slice key, `[axis:group]`,
    `[axis:contrast]` or `[contrast]`. A character that would be read as a mark is printed as in a URL (`%5D` for `]`).
    """

    def __str__(self) -> str:
        """As it is printed, and as `parse` reads it."""
        parts = [f"{_escaped(self.benchmark, '/')}/{_escaped(self.metric, '@')}@{_escaped(self.arm, '~[')}"]
        if self.variant:
            parts.append(f"~{_escaped(self.variant, '[')}")
        parts += [f"[{_escaped(key, '=:]')}={_escaped(value, ']')}]" for key, value in sorted(self.slice.items())]
        last = self.contrast if self.group is None else _group(self.group)
        if last is not None:
            parts.append(f"[{last}]" if self.axis is None else f"[{_escaped(self.axis, '=:]')}:{last}]")
        return "".join(parts)

    def __hash__(self) -> int:
        """Of the printed form: a mapping among the fields has no hash of its own."""
        return hash(str(self))

    @classmethod
    def parse(cls, text: str) -> EstimateId:
        """Read back what `str` printed.

        Raises:
            ValueError: the text is not the name of an estimate.
        """
        match = _NAME.fullmatch(text)
        if match is None:
            raise ValueError(f'"{text}" does not name an estimate; one is written benchmark/metric@arm')
        benchmark, metric, arm, variant = (_plain(part or "") for part in match.groups()[:4])
        slices: dict[str, str] = {}
        axis: str | None = None
        group: str | None = None
        contrast: str | None = None
        for content in _BRACKET.findall(match[5]):
            part = _PART.fullmatch(content)
            if part is None:
                contrast = content
            elif part[2] == "=":
                slices[_plain(part[1])] = _plain(part[3])
            else:
                axis = _plain(part[1])
                group, contrast = (None, part[3]) if part[3] in _CONTRASTS else (_plain(part[3]), None)
        return cls.model_validate({
            "benchmark": benchmark, "metric": metric, "arm": arm, "variant": variant, "slice": slices, "axis": axis,
            "group": group, "contrast": contrast,
        })

    @property
    def in_benchmark(self) -> str:
        """The name without its benchmark: `accuracy@disambiguated`."""
        return str(self)[len(_escaped(self.benchmark, "/")) + 1 :]

    @property
    def pooled(self) -> bool:
        """Whether it is of all rows of its arm and variant: no slice, no group, no contrast."""
        return not self.slice and self.group is None and self.contrast is None

    @property
    def over_all_rows(self) -> EstimateId:
        """The pooled estimate of the same metric on the same arm and variant."""
        return EstimateId(benchmark=self.benchmark, metric=self.metric, arm=self.arm, variant=self.variant)

    @property
    def clean(self) -> EstimateId:
        """The pooled estimate of the same metric on the clean samples of the same arm."""
        return EstimateId(benchmark=self.benchmark, metric=self.metric, arm=self.arm)


def _group(name: str) -> str:
    """A group's name; one that a contrast bears too has its first character escaped."""
    return f"%{ord(name[0]):02X}{name[1:]}" if name in _CONTRASTS else _escaped(name, "]")


def _escaped(text: str, marks: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in marks or char == "%" else char for char in text)


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
