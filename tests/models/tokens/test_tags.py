"""What the names of tags say."""

from __future__ import annotations

import pytest

from auditkit.models.tokens.tags import entity_type, scheme


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["O", "B-x", "I-x"], "IOB1 or IOB2"), (["O", "B-x", "I-x", "I-y"], "IOB1"), (["O", "I-x"], "IO"),
        (["O", "B-x", "I-x", "E-x", "S-x"], "BIOES"), (["O", "B-x", "I-x", "L-x", "U-x"], "BILOU"),
        (["NOUN", "VERB"], "none"), (["O", "B-x", "M-x", "E-x", "S-x"], "B E M S"),
    ],
)
def test_scheme_is_read_from_the_tags(tags: list[str], expected: str) -> None:
    assert scheme(tags) == expected


def test_types() -> None:
    assert [entity_type(tag) for tag in ("B-PER", "I-work-of-art", "O", "NOUN", "X-ray", "-")] == [
        "PER", "work-of-art", "O", "NOUN", "X-ray", "-"
    ]
