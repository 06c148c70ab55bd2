"""The scheme of answered tags is found apart from that of the right ones."""

import pytest

from auditkit.measure.scorers.entities import read_scheme, strict_spans

SENTENCES = {
    "IOB2": [["B-x", "I-x", "O", "B-y"], ["O", "B-x", "B-x", "O"]],
    "IOB1": [["I-x", "I-x", "O", "I-y"], ["O", "I-x", "B-x", "O"]],
    "IOBES": [["B-x", "E-x", "O", "S-y"], ["O", "S-x", "S-x", "O"]],
    "BILOU": [["B-x", "L-x", "O", "U-y"], ["O", "U-x", "U-x", "O"]],
}


@pytest.mark.parametrize("scheme", list(SENTENCES))
def test_each_scheme_says_the_same_entities(scheme: str) -> None:
    assert read_scheme(SENTENCES[scheme]) == scheme
    assert [strict_spans(tags, scheme) for tags in SENTENCES[scheme]] == [
        {("x", 0, 2), ("y", 3, 4)}, {("x", 1, 2), ("x", 2, 3)}]


def test_a_slip_makes_no_scheme() -> None:
    corpus = SENTENCES["IOB2"] * 20
    assert read_scheme([*corpus, ["I-x", "O"]]) == "IOB2"
    assert read_scheme([*corpus, ["S-x", "O"]]) == "IOB2"
