"""Variants of samples: the same question in another prompt format, or with typing errors, capitals, punctuation.

A variant is a sample of its own: same origin, arm, groups and clusters. It is measured beside the
clean one and never mixed with it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from auditkit.load.perturbations import case, names, punctuation, typos, words
from auditkit.schema import FORMAT, Benchmark, Config, Sample, variant_name


def variants(card: Benchmark, samples: Iterable[Sample], config: Config, rows: Sequence[Sample]) -> list[Sample]:
    """Every variant of samples that the configuration asks for, in the order asked; none of packs without a prompt.

    A sample that a perturbation leaves as it is (a script without capitals, nothing but names) has no such variant:
    equal answers to equal texts would read as robustness.

    Args:
        card: the pack's card; `formats` are its other prompt formats.
        samples: what is varied.
        config: `robustness`, `typo_rate` and `seed`.
        rows: all rows of the pack: no typing error makes a word that one of them holds.
    """
    if not config.robustness or not card.templates:
        return []
    samples = list(samples)
    vocabulary = frozenset(word for row in rows for text in _texts(row) for word in words(text))
    twins: list[Sample] = []
    for kind in config.robustness:
        if kind == "formats":
            names = [f"{FORMAT}{number}" for number in range(2, len(card.formats) + 2)]
            twins += [twin(sample, name, sample.input) for name in names for sample in samples]
        else:
            changed = ((sample, _perturbed(sample, kind, config, vocabulary)) for sample in samples)
            twins += [twin(sample, kind, fields) for sample, fields in changed if fields != sample.input]
    return twins


def twin(sample: Sample, variant: str, fields: dict[str, str]) -> Sample:
    """The variant of a sample: another id, the same origin and arm.

    Args:
        sample: the clean sample.
        variant: `typos`, `format-2` …
        fields: its input.
    """
    return sample.model_copy(
        update={"id": variant_name(sample.id, variant), "variant": variant, "input": fields}
    )


def protected(sample: Sample) -> frozenset[str]:
    """Words that no perturbation touches, in lower case: of options, right answers, groups, metadata, and names."""
    facts = [value for value in sample.metadata.values() if isinstance(value, str)]
    groups = [choice.group for choice in sample.choices if choice.group]
    texts = (
        *(choice.text for choice in sample.choices), *(choice.label for choice in sample.choices), *groups,
        sample.target or "", *sample.references, *sample.groups.values(), *facts,
    )
    named = frozenset(word for text in texts for word in words(text))
    return named.union(*(names(text) for text in sample.input.values()))


def _texts(sample: Sample) -> Iterator[str]:
    yield from sample.input.values()
    yield from (choice.text for choice in sample.choices)


def _perturbed(sample: Sample, kind: str, config: Config, vocabulary: frozenset[str]) -> dict[str, str]:
    safe = protected(sample)
    if kind == "case":
        return {name: case(text, protected=safe) for name, text in sample.input.items()}
    if kind == "punctuation":
        return {name: punctuation(text) for name, text in sample.input.items()}
    settings: dict[str, Any] = {"rate": config.typo_rate, "protected": safe, "vocabulary": vocabulary}
    return {
        name: typos(text, chance=_chance(config.seed, sample, name), **settings) for name, text in sample.input.items()
    }


def _chance(seed: int, sample: Sample, field: str) -> random.Random:
    """Chance that depends on nothing but seed, sample and field."""
    key = hashlib.sha256(f"{seed}\0typos\0{sample.id}\0{field}".encode()).hexdigest()
    return random.Random(int(key, 16))  # noqa: S311 (not for secrets)
