"""The JSON files beside a model's weights: read within bounds, of the types that they must have, and no larger than the
weights themselves say."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.errors import ModelError, first_line

MOST_BYTES = 16 << 20
"""Bytes of a settings file; the largest lists the tensors of a model in hundreds of shards."""
_DEEPEST = 32
_FEWEST_PARTS = 256
"""Layers, experts and groups that a configuration may name whatever the weights hold: some models share theirs."""
_SPARE = 1 << 22
"""Parameters that a model may have beyond twice its weights' elements: a small head, tables of positions."""
_PARTS = re.compile(r"(layers?|experts?|groups?|blocks?|stages?|depth|adapters?)$")
"""How a configuration names what is built once for each of a number."""
_NAMED = re.compile(r"num_(labels|classes)$")
"""How it names what gets a name for each of a number, and a row of a tensor."""
_TYPES: dict[str, tuple[type, ...]] = {
    "architectures": (list,), "auto_map": (dict,), "quantization_config": (dict,), "id2label": (dict,),
    "label2id": (dict,), "model_type": (str,), "problem_type": (str,), "task_type": (str,), "peft_type": (str,),
    "base_model_name_or_path": (str,), "r": (int,), "weight_map": (dict,), "rank_pattern": (dict,),
    "layer_replication": (list,), "target_modules": (str, list),
}
"""Keys that are read here, and what they hold; null stands for none."""


@dataclass(frozen=True)
class WeightsSize:
    """What the headers of weight files say."""

    tensors: int
    elements: int
    """Numbers in all tensors; those that are packed into integers counted eight to a byte at most."""
    longest: int = 0
    """Largest side of a tensor."""


def read_settings(path: Path, again: str = "download or save the model again") -> dict[str, Any]:
    """A JSON object of settings.

    Args:
        path: the file.
        again: what to do where it cannot be read.

    Raises:
        ModelError: not JSON, no object, too large, nested too deeply, or a value of another type than is read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ModelError(f"{path}: more than {MOST_BYTES >> 20} MiB of settings; {again}")
        settings = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ModelError(f"{path}: nested too deeply; {again}") from None
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: this is not valid JSON ({first_line(error)}); {again}") from None
    if not isinstance(settings, dict):
        raise ModelError(f"{path}: this is not a JSON object; {again}")
    if _depth(settings) > _DEEPEST:
        raise ModelError(f"{path}: nested too deeply; {again}")
    for key, types in _TYPES.items():
        if settings.get(key) is not None and type(settings[key]) not in types:
            names = " or ".join({"dict": "object", "str": "text"}.get(item.__name__, item.__name__) for item in types)
            raise ModelError(f'{path}: "{key}" is of type {type(settings[key]).__name__}, not {names}; {again}')
    return settings


def refuse_kernels(path: Path, settings: Mapping[str, Any], *, trusted: bool) -> None:
    """Refuse settings that have code of the Hub run: attention kernels are named like a repository.

    Args:
        path: the file, for the message.
        settings: what it holds.
        trusted: whether the user lets a model's code run.

    Raises:
        ModelError: they name one, and the user does not.
    """
    for name, value in _walk(settings):
        key = name.rpartition(".")[2]
        kernel = "implementation" in name and isinstance(value, str) and re.search(r"[/:@]", value)
        if not trusted and (kernel or (key == "use_kernels" and value)):
            raise ModelError(
                f'{path}: "{name[:80]}" is {str(value)[:80]!r}, code that would be fetched and run; read that code, '
                f"then set trust_remote_code: true, or remove the key"
            )


def refuse_oversized(path: Path, settings: Mapping[str, Any], size: WeightsSize) -> None:
    """Refuse a configuration that names more parts than the weights have tensors, or more classes than a tensor has
    rows, before any of them is built.

    Raises:
        ModelError: names the key and both numbers.
    """
    for name, value in _walk(settings):
        counts = value if isinstance(value, list) else [value]
        key = name.rpartition(".")[2]
        most = size.tensors if _PARTS.search(key) else size.longest if _NAMED.search(key) else None
        if most is None:
            continue
        for count in counts:
            if type(count) is int and count > max(_FEWEST_PARTS, most):
                raise ModelError(
                    f'{path}: "{name[:80]}" is {count:,}, and the weights hold {size.tensors:,} tensors of at most '
                    f"{size.longest:,} rows; they do not belong together: download or save the model again"
                )


def refuse_unfilled(path: Path, elements: int, size: WeightsSize, what: str = "parameters") -> None:
    """Refuse a model with far more numbers than its weights can fill.

    Args:
        path: its configuration, for the message.
        elements: numbers that the model would have.
        size: of the weights.
        what: they are, for the message.

    Raises:
        ModelError: it would take memory that the weights do not account for.
    """
    if elements > 2 * size.elements + _SPARE:
        raise ModelError(
            f"{path}: a model of {elements:,} {what}, and the weights hold {size.elements:,} numbers; they do not "
            f"belong together: download or save the model again"
        )


def class_names(config: Any, model: str) -> tuple[str, ...]:
    """Names of the outputs of a head, in order, as `id2label` gives them.

    Args:
        config: the model's configuration.
        model: its name, for the message.

    Raises:
        ModelError: the classes are not numbered from 0 without a gap.
    """
    names = config.id2label
    if any(index not in names for index in range(config.num_labels)):
        numbers = ", ".join(str(number) for number in list(names)[:12])
        raise ModelError(
            f'{model}/config.json: "id2label" numbers its classes {numbers}; number them from 0 to '
            f"{config.num_labels - 1}, in the order of the model's outputs"
        )
    return tuple(str(names[index]) for index in range(config.num_labels))


def size_of(weights: Sequence[Path]) -> WeightsSize:
    """What the headers of safetensors files say; the files have been checked."""
    from safetensors import safe_open

    tensors, elements, longest = 0, 0, 0
    for path in weights:
        with safe_open(str(path), framework="pt") as stream:
            for name in stream.keys():  # noqa: SIM118 (it is no mapping)
                part = stream.get_slice(name)
                packed = 8 if part.get_dtype() in ("U8", "I8", "I32", "I64") else 1
                tensors, elements = tensors + 1, elements + packed * math.prod(part.get_shape())
                longest = max(longest, *part.get_shape(), 0)
    return WeightsSize(tensors, elements, longest)


def _walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested objects, with its keys joined by dots."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _depth(value: Any) -> int:
    """Objects and lists inside each other; found without recursion."""
    level, deepest = [value], 0
    while level:
        inner = [item for item in level if isinstance(item, (dict, list))]
        level = [part for item in inner for part in (item.values() if isinstance(item, dict) else item)]
        deepest += bool(inner)
    return deepest
