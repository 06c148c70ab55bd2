"""Groups of token rows for one forward pass, and their padding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, TypeVar

from auditkit.errors import MeasurementError
from auditkit.models.device import out_of_memory, to_device
from auditkit.models.weights.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

Ids = tuple[int, ...]
"""Token ids of one row."""
Item = TypeVar("Item")
Row = TypeVar("Row", bound=Sized)
"""Whatever has a length in tokens."""


def group_in_order(items: Iterable[Item], size: Callable[[Item], int], budget: int) -> Iterator[list[Item]]:
    """Cut items into groups of at most `budget` tokens, padding to the group's longest included.

    Args:
        items: in the order in which they are to be read.
        size: tokens of an item.
        budget: most tokens of a group; an item that is longer stands alone.
    """
    group: list[Item] = []
    longest = 0
    for item in items:
        longest = max(longest, size(item))
        if group and longest * (len(group) + 1) > budget:
            yield group
            group, longest = [], size(item)
        group.append(item)
    if group:
        yield group


def group_by_length(rows: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    """The same for rows sorted by length, so that little is padded."""
    return group_in_order(sorted(rows, key=len), len, budget)


def in_halves(group: list[Row], compute: Callable[[list[Row]], None]) -> None:
    """Compute a group of rows; halve it where memory does not suffice.

    Raises:
        MeasurementError: not even one row fits into memory.
    """
    try:
        compute(group)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        if len(group) == 1:
            raise MeasurementError(
                f"one text of {len(group[0])} tokens does not fit into memory; use a smaller dtype or model"
            ) from error
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            in_halves(half, compute)


def right_padded(group: Sequence[Ids], checkpoint: Checkpoint, *, positions: bool) -> dict[str, torch.Tensor]:
    """Ids, attention mask and, if wanted, position ids, each (B, L), padded on the right."""
    import torch

    length = max(len(ids) for ids in group)
    rows = [[*ids, *[checkpoint.pad] * (length - len(ids))] for ids in group]
    lengths = to_device([len(ids) for ids in group], checkpoint.device)
    columns = torch.arange(length, device=checkpoint.device)
    inputs = {
        "input_ids": to_device(rows, checkpoint.device),
        "attention_mask": (columns[None] < lengths[:, None]).long(),
    }
    if positions:
        inputs["position_ids"] = torch.minimum(columns[None], lengths[:, None] - 1)
    return inputs
