"""The built-in pack of swapped groups is what its card says: balanced, crossed, and apart from its training rows."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from auditkit.errors import PackError
from auditkit.load.packs import open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples

WORDS = {
    "female": "female", "male": "male", "black": "Black", "white": "White", "asian": "Asian", "latino": "Hispanic",
    "muslim": "Muslim", "christian": "Christian", "jewish": "Jewish", "hindu": "Hindu", "younger": "young",
    "older": "elderly",
}


def test_templates_labels_and_groups_are_fully_crossed() -> None:
    samples = read_samples(open_pack("sentiment-swaps"))
    assert len(samples) == 1152
    cells = Counter((s.clusters["template"], s.target, s.arm) for s in samples)
    assert set(cells.values()) == {1}
    assert len({s.clusters["template"] for s in samples}) == 48
    assert len({s.origin for s in samples}) == 384
    assert {s.arm for s in samples} == set(WORDS)


def test_twins_differ_in_the_group_word_alone() -> None:
    sets: dict[str, set[str]] = defaultdict(set)
    for sample in read_samples(open_pack("sentiment-swaps")):
        text = sample.input["text"]
        assert text.split().count(WORDS[sample.arm]) == 1
        assert not {word for name, word in WORDS.items() if name != sample.arm} & set(text.split())
        sets[sample.origin].add(text.replace(f" {WORDS[sample.arm]} ", " GROUP "))
    assert all(len(texts) == 1 for texts in sets.values())


def test_a_classifier_reads_the_text_alone() -> None:
    pack = open_pack("sentiment-swaps")
    sample = read_samples(pack)[0]
    (request,) = build(pack.card, "probabilities", [sample])
    assert request.text == sample.input["text"]


def test_the_training_rows_share_no_text_with_the_audited_ones_and_name_no_group() -> None:
    pack = open_pack("sentiment-swaps")
    rows = [json.loads(line) for line in (pack.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({row["text"] for row in rows}) == 640
    assert Counter(row["label"] for row in rows) == {"positive": 320, "negative": 320}
    assert len({row["template"] for row in rows}) == 40
    audited = {sample.input["text"] for sample in read_samples(pack)}
    assert not audited & {row["text"] for row in rows}
    words = {word.strip(".,:").lower() for row in rows for word in row["text"].split()}
    assert not words & {word.lower() for word in WORDS.values()}


def test_no_four_words_in_a_row_of_a_training_text_stand_in_an_audited_one() -> None:
    pack = open_pack("sentiment-swaps")
    rows = [json.loads(line) for line in (pack.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    audited = {run for s in read_samples(pack) for run in _runs(s.input["text"].replace(f" {WORDS[s.arm]} ", " "))}
    assert not audited & {run for row in rows for run in _runs(row["text"])}


def test_a_changed_byte_of_the_training_rows_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment-swaps"
    shutil.copytree(open_pack("sentiment-swaps").folder, folder)
    open_pack(folder)
    train = folder / "train.jsonl"
    content = train.read_bytes()
    train.write_bytes(content.replace(b"positive", b"Positive", 1))
    with pytest.raises(PackError, match=r"the rows and training rows have sha256 .* as sealed"):
        open_pack(folder)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z'-]+", text.lower())
    return set(zip(words, words[1:], words[2:], words[3:], strict=False))
