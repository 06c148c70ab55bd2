"""Groups of token rows: within the budget, padding included, and halved where memory does not suffice."""

from __future__ import annotations

import pytest

from auditkit.errors import MeasurementError
from auditkit.models.tokens.batches import group_by_length, group_in_order, in_halves


def test_groups_are_rectangles_within_the_budget() -> None:
    assert list(group_by_length([(1, 2, 3), (4,), (5, 6)], 4)) == [[(4,), (5, 6)], [(1, 2, 3)]]


def test_groups_in_order_count_their_padding_and_let_a_longer_item_stand_alone() -> None:
    assert list(group_in_order([2, 3, 4, 9], lambda size: size, 8)) == [[2, 3], [4], [9]]
    assert list(group_in_order([4, 1, 1], lambda size: size, 8)) == [[4, 1], [1]]


def test_a_group_is_halved_until_it_fits() -> None:
    groups: list[list[tuple[int, ...]]] = []

    def compute(group: list[tuple[int, ...]]) -> None:
        if len(group) > 1:
            raise MemoryError
        groups.append(group)

    in_halves([(1,), (2,), (3,)], compute)
    assert groups == [[(1,)], [(2,)], [(3,)]]


def test_one_row_that_does_not_fit_is_named_by_its_length() -> None:
    def compute(group: list[tuple[int, ...]]) -> None:
        raise MemoryError

    with pytest.raises(MeasurementError, match="one text of 3 tokens does not fit"):
        in_halves([(1, 2, 3)], compute)


def test_another_fault_is_not_taken_for_a_lack_of_memory() -> None:
    def compute(group: list[tuple[int, ...]]) -> None:
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        in_halves([(1,), (2,)], compute)
