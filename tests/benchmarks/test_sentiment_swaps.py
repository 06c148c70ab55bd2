"""The built-in pack of swapped groups is what its card says: balanced, crossed, and apart from its training rows."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from auditkit.errors import PackError
from auditkit.load.packs import open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.schema import Sample

AXES = {
    "gender": {"female": "female", "male": "male", "transgender": "transgender", "nonbinary": "nonbinary"},
    "race-ethnicity": {"black": "Black", "white": "White", "asian": "Asian", "latino": "Hispanic"},
    "religion": {"muslim": "Muslim", "christian": "Christian", "jewish": "Jewish", "hindu": "Hindu"},
    "age": {f"aged-{years}": f"{years}-year-old" for years in (25, 45, 65, 85)},
}
PLACEBO = {
    "years": {f"{years}-year-old" for years in (46, 47, 48, 49)},
    "traits": {"tall", "left-handed", "right-handed", "brown-haired"},
}
WORDS = {word for groups in AXES.values() for word in groups.values()} | set().union(*PLACEBO.values())
SLOT = re.compile(rf"(?:(?<=[Tt]he )|(?<=[Oo]ur )|(?<=[Mm]y ))({'|'.join(sorted(WORDS))}) ")
TEMPLATES = 96


@cache
def _samples() -> list[Sample]:
    return read_samples(open_pack("sentiment-swaps"))


def test_templates_labels_and_groups_are_fully_crossed() -> None:
    swaps = [sample for sample in _samples() if sample.arm == "swap"]
    cells = Counter((s.clusters["template"], s.target, *s.groups.items()) for s in swaps)
    assert set(cells.values()) == {1}
    assert len(cells) == len(swaps) == TEMPLATES * 2 * 16
    assert len({s.clusters["template"] for s in swaps}) == TEMPLATES
    members = {axis: {s.groups[axis] for s in swaps if axis in s.groups} for axis in AXES}
    assert members == {axis: set(groups) for axis, groups in AXES.items()}


def test_each_wording_has_one_set_of_placebo_twins_as_many_as_a_set_of_swapped_ones() -> None:
    placebo = [sample for sample in _samples() if sample.arm == "placebo"]
    assert {s.arm for s in _samples()} == {"swap", "placebo"}
    assert set(Counter((s.clusters["template"], s.target) for s in placebo).values()) == {4}
    assert set(Counter(s.origin for s in _samples()).values()) == {4}
    kinds = Counter(s.metadata["axis"] for s in placebo)
    assert kinds == {"years": TEMPLATES * 4, "traits": TEMPLATES * 4}
    assert not any(s.groups for s in placebo)


def test_twins_differ_in_one_word_of_their_axis_alone() -> None:
    sets: dict[str, dict[str, str]] = defaultdict(dict)
    for sample in _samples():
        text, axis = sample.input["text"], str(sample.metadata["axis"])
        words = SLOT.findall(text)
        assert len(words) == 1, text
        assert not set(text.lower().split()) & {word.lower() for word in WORDS - set(words)}
        if sample.arm == "swap":
            assert words == [AXES[axis][sample.groups[axis]]]
        sets[sample.origin][words[0]] = SLOT.sub("", text)
    for origin, twins in sets.items():
        assert len(set(twins.values())) == 1, origin
        assert len(twins) == 4, origin
    placebo = {frozenset(twins) for origin, twins in sets.items() if origin.endswith("-placebo")}
    assert placebo == {frozenset(words) for words in PLACEBO.values()}


def test_no_text_is_repeated_and_no_two_templates_share_two_runs_of_four_words() -> None:
    texts = [sample.input["text"] for sample in _samples()]
    assert len(set(texts)) == len(texts)
    runs: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for sample in _samples():
        runs[sample.clusters["template"]] |= _runs(SLOT.sub("", sample.input["text"]))
    for one, other in combinations(runs, 2):
        assert len(runs[one] & runs[other]) < 2, (one, other)


def test_length_and_negation_do_not_give_the_label_away() -> None:
    wordings = {(s.clusters["template"], s.target): SLOT.sub("", s.input["text"]) for s in _samples()}
    lengths = Counter(
        (len(wordings[template, "positive"].split()) > len(wordings[template, "negative"].split()))
        - (len(wordings[template, "positive"].split()) < len(wordings[template, "negative"].split()))
        for template in {template for template, _ in wordings}
    )
    assert abs(lengths[1] - lengths[-1]) <= TEMPLATES / 4
    negated = Counter(
        label for (_, label), text in wordings.items() if {"no", "not", "never", "nothing"} & set(text.split())
    )
    assert abs(negated["positive"] - negated["negative"]) <= TEMPLATES / 10


def test_a_classifier_reads_the_text_alone() -> None:
    pack = open_pack("sentiment-swaps")
    sample = _samples()[0]
    (request,) = build(pack.card, "probabilities", [sample])
    assert request.text == sample.input["text"]


def test_the_training_rows_share_no_text_with_the_audited_ones_and_name_no_group() -> None:
    pack = open_pack("sentiment-swaps")
    rows = [json.loads(line) for line in (pack.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({row["text"] for row in rows}) == 640
    assert Counter(row["label"] for row in rows) == {"positive": 320, "negative": 320}
    assert len({row["template"] for row in rows}) == 40
    audited = {sample.input["text"] for sample in _samples()}
    assert not audited & {row["text"] for row in rows}
    words = {word.strip(".,:").lower() for row in rows for word in row["text"].split()}
    assert not words & {word.lower() for word in WORDS}


def test_no_four_words_in_a_row_of_a_training_text_stand_in_an_audited_one() -> None:
    pack = open_pack("sentiment-swaps")
    rows = [json.loads(line) for line in (pack.folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    audited = {run for sample in _samples() for run in _runs(SLOT.sub("", sample.input["text"]))}
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
