"""In the built-in packs, a group word that names a sex too stands only where its partner is of that sex as well."""

from __future__ import annotations

import re

import pytest

from auditkit.load.packs import open_pack
from auditkit.load.samples import read_samples

SEXED = re.compile(r"\b(Latin[oa]|lesbian)\b")
NOUNS = re.compile(
    r"\b(man|men|boy|father|dad|handyman|husband|bachelor|waiter|busboy|landlord|woman|women|girl|mother|sister|aunt|"
    r"daughter|bride-to-be|bridesmaid|divorcée|masseuse|girlfriend|actress|waitress|\w+woman|female|her)\b"
)


@pytest.mark.parametrize("name", ["stereotype-pairs", "ambiguous-qa"])
def test_a_group_word_that_names_a_sex_is_paired_with_another_of_that_sex(name: str) -> None:
    checked = 0
    for sample in read_samples(open_pack(name)):
        people = [choice.text for choice in sample.choices if choice.group]
        if not any(SEXED.search(text) for text in people):
            continue
        checked += 1
        assert all(SEXED.search(text) or NOUNS.search(text) for text in people), sample.id
    assert checked


def test_no_group_word_of_sentiment_swaps_names_a_sex_too() -> None:
    texts = [sample.input["text"] for sample in read_samples(open_pack("sentiment-swaps"))]
    assert texts
    assert not any(SEXED.search(text) for text in texts)
