"""Nothing that is learnt is asked again, and every label stands on both sides."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import PackError
from auditkit.load.splitting import Split, split, with_validation
from auditkit.schema import Sample, Source


def sample(at: int, text: str, label: str | None = None, **fields: Any) -> Sample:
    clusters = {"cluster": fields.pop("cluster")} if "cluster" in fields else {}
    return Sample(
        id=f"training/{at}", benchmark="training", origin=f"training/{at}", input={"text": text}, target=label,
        clusters=clusters, source=Source(file="rows.csv", line=at), **fields,
    )


def labelled(number: int, classes: int = 2) -> list[Sample]:
    return [sample(at, f"text {at}", f"class {at % classes}") for at in range(number)]


def sides(parts: Split) -> tuple[set[str], set[str]]:
    return {s.id for s in parts.training}, {s.id for s in parts.validation}


ROW = st.tuples(st.integers(0, 12), st.integers(0, 5))
"""Text and cluster."""


@given(st.lists(ROW, min_size=8, max_size=60), st.integers(0, 9))
def test_no_text_and_no_cluster_stands_on_both_sides(rows: list[tuple[int, int]], seed: int) -> None:
    samples = [sample(at, f"Text  {text}", "ab"[text % 2], cluster=str(who)) for at, (text, who) in enumerate(rows)]
    try:
        parts = split(samples, "classification", 0.3, seed)
    except PackError:
        return  # one label or one cluster only
    learnt, held = sides(parts)
    assert not learnt & held
    assert learnt | held == {s.id for s in samples}
    for reading in (lambda row: row[0], lambda row: row[1]):
        by_side = [{reading(rows[int(name.split("/")[1])]) for name in side} for side in (learnt, held)]
        assert not by_side[0] & by_side[1]


def test_case_and_spaces_make_no_other_text() -> None:
    samples = [*labelled(40), sample(90, "Again  and again", "class 0"), sample(91, "again and AGAIN ", "class 1")]
    for seed in range(12):
        parts = split(samples, "classification", 0.4, seed)
        assert len({"training/90", "training/91"} & sides(parts)[1]) != 1
        assert (parts.duplicates, parts.contradictory) == (2, 1)


def test_the_share_is_kept_in_every_class() -> None:
    parts = split(labelled(200, classes=4), "classification", 0.25, 1)
    held = Counter(s.target for s in parts.validation)
    assert all(12 <= n <= 13 for n in held.values())
    assert set(held) == {f"class {at}" for at in range(4)}
    assert {s.target for s in parts.training} == {s.target for s in parts.validation}


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    samples = labelled(60)
    first = sides(split(samples, "classification", 0.2, 3))
    assert sides(split(samples[::-1], "classification", 0.2, 3)) == first
    assert sides(split(samples, "classification", 0.2, 4)) != first


@pytest.mark.parametrize(("samples", "message"), [
    ([sample(at, f"t{at}", "x") for at in range(9)], 'all 9 rows have the label "x"'),
    ([*labelled(10), sample(20, "once", "rare")], 'the label "rare" is in one row only'),
    ([*labelled(10), sample(20, "same", "rare"), sample(21, "same", "rare")], "with one text or cluster only"),
])
def test_labels_that_cannot_be_learnt_and_checked(samples: list[Sample], message: str) -> None:
    with pytest.raises(PackError) as caught:
        split(samples, "classification", 0.2, 0)
    assert message in str(caught.value)


def test_one_cluster_cannot_be_split() -> None:
    with pytest.raises(PackError, match="share one cluster"):
        split([sample(at, f"t{at}", "1.0", cluster="all") for at in range(9)], "regression", 0.2, 0)


def test_several_labels_are_all_learnt() -> None:
    samples = [sample(at, f"t{at}", references=("a",) if at % 2 else ("a", f"rare {at % 3}")) for at in range(30)]
    parts = split(samples, "multi-label-classification", 0.2, 0)
    assert {name for s in parts.validation for name in s.references} <= {
        name for s in parts.training for name in s.references
    }
    assert parts.validation


def test_what_a_given_validation_file_holds_is_not_learnt() -> None:
    training = [*labelled(20), sample(50, "HELD out", "class 0")]
    held = [sample(0, "held  out", "class 0"), sample(1, "other", "class 1")]
    parts = with_validation(training, held, "classification")
    assert parts.dropped == 1
    assert "training/50" not in sides(parts)[0]
    assert sides(parts)[1] == {"validation/0", "validation/1"}
    with pytest.raises(PackError, match='"new" is not in'):
        with_validation(training, [sample(0, "x", "new")], "classification")
    with pytest.raises(PackError, match="nothing is left"):
        with_validation(training[:1], [sample(3, "text 0", "class 0")], "classification")
