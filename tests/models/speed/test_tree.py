"""Token trees: layout, rows, headers, by hand and against a plain causal mask of each text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.models.speed.tree import FlatRow, Ids, cut_rows, lay_out


def test_layout_reads_each_shared_token_once() -> None:
    row = lay_out([(1, 2, 3), (1, 2, 4, 5), (1, 6)])
    assert row.ids == [1, 2, 3, 4, 5, 6]
    assert row.depths == [0, 1, 2, 2, 3, 1]
    assert row.mask().astype(int).tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 1, 0, 1, 1, 0],
        [1, 0, 0, 0, 0, 1],
    ]
    assert row.nodes[1, 2, 4, 5].tolist() == [0, 1, 3, 4]
    assert row.stem == 1


def test_a_row_behind_a_header_starts_where_the_header_ends() -> None:
    row = lay_out([(1, 2, 3), (1, 2, 4, 5), (1, 2, 6)], past=1)
    assert row.ids == [2, 3, 4, 5, 6]
    assert row.depths == [1, 2, 2, 3, 2]
    assert row.nodes[1, 2, 4, 5].tolist() == [0, 2, 3]
    assert row.mask().astype(int).tolist() == [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 1, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]


def test_a_text_that_begins_another_adds_nothing() -> None:
    row = lay_out([(1, 2), (1, 2, 3), (1, 2, 4)])
    assert row.ids == [1, 2, 3, 4]
    assert row.stem == 2
    assert row.nodes[1, 2].tolist() == [0, 1]


def rows(sequences: list[Ids], budget: int, first: int = 0) -> list[tuple[list[Ids], tuple[int, ...]]]:
    return [
        (cut.sequences, cut.headers)
        for cut in cut_rows(sorted(sequences), dict.fromkeys(sequences, first), budget)
    ]


def test_rows_hold_whole_subtrees_within_the_budget() -> None:
    assert rows([(1, 2, 3), (1, 2, 4), (5, 6), (7, 8)], 6) == [([(1, 2, 3), (1, 2, 4), (5, 6)], ()), ([(7, 8)], ())]


def test_a_longer_sequence_stands_alone() -> None:
    assert rows([(1, 2), (5, 6, 7, 8, 9), (7,)], 3) == [([(1, 2)], ()), ([(5, 6, 7, 8, 9)], ()), ([(7,)], ())]


HEADER = tuple(range(100, 170))


def test_a_long_beginning_becomes_a_header_at_a_round_length() -> None:
    texts = [(*HEADER, 1, 2), (*HEADER, 3, 4)]
    assert rows(texts, 1000, first=70) == [(texts, (64,))]


def test_a_header_ends_before_what_is_asked() -> None:
    texts = [(*HEADER, 1, 2), (*HEADER, 3, 4)]
    assert rows(texts, 1000, first=63) == [(texts, ())]


def test_an_oversize_subtree_gets_a_header_of_its_own() -> None:
    deep = [(*HEADER, *range(200, 240), end) for end in (1, 2, 3)]
    other = [(*HEADER, 5)]
    # 6 tokens of the stem, then 41 or more: too many for one row of 40
    assert rows([*deep, *other], 40, first=110) == [(other, (64,)), (deep, (64, 96))]


def truth(row: FlatRow, sequence: Ids, past: int) -> None:
    """What the nodes of a sequence see is the sequence up to itself, no more."""
    mask, nodes = row.mask(), row.nodes[sequence]
    assert [row.ids[node] for node in nodes] == list(sequence[past:])
    assert [row.depths[node] for node in nodes] == list(range(past, len(sequence)))
    for at, node in enumerate(nodes):
        assert mask[node, :past].all()
        assert np.flatnonzero(mask[node, past:]).tolist() == sorted(nodes[: at + 1].tolist())


TEXTS = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=40).map(tuple), min_size=1, max_size=12, unique=True
)


@given(TEXTS, st.integers(0, 200), st.integers(4, 120))
def test_every_text_is_read_once_and_sees_only_itself(texts: list[Ids], long: int, budget: int) -> None:
    stem = tuple(range(5, 5 + long))
    texts = [stem + text for text in texts]
    first = {text: len(text) - 1 for text in texts}
    found = []
    for cut in cut_rows(sorted(texts), first, budget):
        row = lay_out(cut.sequences, cut.past)
        assert len(row.ids) <= budget or len(cut.sequences) == 1
        assert list(cut.headers) == sorted(set(cut.headers))
        assert [end for block in row.blocks for end in (block.start, block.end)][1:-1:2] == (
            [block.start for block in row.blocks][1:]
        )
        for text in cut.sequences:
            assert text[: cut.past] == cut.sequences[0][: cut.past]
            assert cut.past <= first[text]
            truth(row, text, cut.past)
        found += cut.sequences
    assert sorted(found) == sorted(texts)


@pytest.mark.parametrize("past", [0, 3])
def test_blocks_cover_all_nodes_in_order(past: int) -> None:
    texts = sorted((7, 8, 9, first, *range(first)) for first in range(1, 30))
    row = lay_out(texts, past)
    assert [row.blocks[0].start, row.blocks[-1].end] == [0, len(row.ids)]
    assert len(row.blocks) > 3
    for text in texts:
        truth(row, text, past)
