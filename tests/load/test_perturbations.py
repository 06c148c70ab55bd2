"""Perturbed copies mean the same: what an answer hangs on is never touched, and the rest only as stated."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.load.packs import Pack, open_pack
from auditkit.load.perturbations import NEGATIONS, case, punctuation, typos
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.load.variants import protected, variants
from auditkit.schema import Config, Sample

WORD = re.compile(r"\w+(?:['’\-]\w+)*")
ALL = ("formats", "typos", "case", "punctuation")
TEXT = "Two clerks waited at gate 12. Maria did not answer; Dr. Stone couldn't help them, and nobody paid $3.50."


def made(pack: Pack, **settings: object) -> list[tuple[Sample, Sample]]:
    """Variants of all rows beside their clean samples."""
    rows = read_samples(pack)
    clean = {sample.id: sample for sample in rows}
    config = Config(model="m", **{"robustness": ALL, **settings})  # type: ignore[arg-type]
    found = variants(pack.card, rows, config, rows)
    return [(clean[one.clean_id], one) for one in found]


@pytest.mark.parametrize("name", ["ambiguous-qa", "claims"])
def test_every_row_keeps_what_its_answer_hangs_on(name: str) -> None:
    for clean, varied in made(open_pack(name)):
        same = {"id", "variant", "input"}
        assert clean.model_dump(exclude=same) == varied.model_dump(exclude=same)
        assert varied.id == f"{clean.id}~{varied.variant}"
        safe = protected(clean)
        for field, text in clean.input.items():
            old, new = WORD.findall(text), WORD.findall(varied.input[field])
            assert len(old) == len(new)
            for before, after in zip(old, new, strict=True):
                kept = (
                    before.lower() in safe or before.lower() in NEGATIONS or "n't" in before
                    or any(letter.isdigit() for letter in before)
                )
                if kept or varied.variant.startswith("format"):
                    assert after == before
                elif varied.variant == "case":
                    assert after in (before, before.upper())
                elif varied.variant == "punctuation":
                    assert after == before
                else:
                    assert (after[0], after[-1]) == (before[0], before[-1])
                    assert one_slip(before, after)


def one_slip(before: str, after: str) -> bool:
    """At most one letter swapped with the next, doubled, left out, or replaced."""
    if before == after:
        return True
    edits = {before[:at] + before[at + 1 :] for at in range(len(before))}
    edits |= {before[: at + 1] + before[at:] for at in range(len(before))}
    edits |= {before[:at] + before[at + 1] + before[at] + before[at + 2 :] for at in range(len(before) - 1)}
    edits |= {f"{before[:at]}{key}{before[at + 1 :]}" for at in range(len(before)) for key in ascii_lowercase}
    return after in edits


def test_slips_come_at_the_stated_rate() -> None:
    changed = letters = 0
    for clean, varied in made(open_pack("ambiguous-qa"), robustness=("typos",), typo_rate=0.02):
        text, after = clean.input["context"], varied.input["context"]
        letters += sum(letter.isalpha() for letter in text)
        changed += sum(a != b for a, b in zip(WORD.findall(text), WORD.findall(after), strict=True))
    assert changed / letters == pytest.approx(0.02, abs=0.002)


def test_chance_is_the_seed_s_and_the_sample_s_alone() -> None:
    pack = open_pack("claims")
    rows = read_samples(pack)
    config = Config(model="m", robustness=("typos",))
    whole = variants(pack.card, rows, config, rows)
    assert variants(pack.card, rows[7:9], config, rows) == whole[7:9]
    other = variants(pack.card, rows, config.model_copy(update={"seed": 1}), rows)
    assert sum(a.input != b.input for a, b in zip(whole, other, strict=True)) > 300


def test_a_text_by_hand() -> None:
    assert punctuation(TEXT) == (
        "Two clerks waited at gate 12 . Maria did not answer ; Dr. Stone couldn't help them , and nobody paid $3.50"
    )
    assert case(TEXT, protected={"clerks", "maria"}) == (
        "TWO clerks WAITED AT GATE 12. Maria DID not ANSWER; Dr. Stone couldn't HELP THEM, AND nobody PAID $3.50."
    )
    assert case("Tell us. It did: who had Aids?") == "TELL us. IT DID: who HAD Aids?"
    assert punctuation("Is it so?") == "Is it so"
    assert punctuation("He met Mr. X.") == "He met Mr. X."


def test_a_slip_makes_no_word_of_the_pack() -> None:
    known = frozenset(typos("form", rate=0.2, chance=random.Random(seed)) for seed in range(200))
    assert {"from", "foorm", "frm"} <= known, "swapped, doubled, left out"
    less = known - {"frm"}
    slips = {typos("form", rate=0.2, chance=random.Random(seed), vocabulary=less) for seed in range(200)}
    assert slips <= {"form", "frm"}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(0, 2**32))
def test_any_text_keeps_its_digits_and_capitals_of_names(text: str, seed: int) -> None:
    changes: list[Callable[[str], str]] = [
        lambda text: typos(text, rate=0.1, chance=random.Random(seed)), case, punctuation,
    ]
    for change in changes:
        after = change(text)
        assert [c for c in after if c.isdigit()] == [c for c in text if c.isdigit()]
    assert punctuation(text).replace(" ", "") in (text.replace(" ", ""), text.replace(" ", "")[:-1])
    assert case(text).casefold() == text.casefold()


def test_scripts_without_capitals_are_left_alone() -> None:
    text = "男は女よりも運転が上手だ。 من هو الطبيب"
    assert typos(text, rate=0.2, chance=random.Random(0)) == text
    assert case(text) == text


def test_formats_fill_the_same_fields() -> None:
    pack = open_pack("ambiguous-qa")
    rows = read_samples(pack)[:2]
    config = Config(model="m", robustness=("formats",))
    asked = build(pack.card, "letter", [*rows, *variants(pack.card, rows, config, rows)])
    assert len({request.text for request in asked}) == 2 * (1 + len(pack.card.formats)) == 8
    for at, request in enumerate(asked):
        choices = rows[at % 2].choices
        for text in (*rows[at % 2].input.values(), *(f"{c}. {o.text}" for c, o in zip("ABC", choices, strict=True))):
            assert text in request.text
    assert {request.options for request in asked} == {asked[0].options, asked[1].options}


def test_packs_without_a_prompt_have_no_variants() -> None:
    pack = open_pack("stereotype-pairs")
    rows = read_samples(pack)
    assert variants(pack.card, rows, Config(model="m", robustness=ALL), rows) == []
    assert variants(open_pack("claims").card, rows, Config(model="m"), rows) == []


def test_a_text_that_a_perturbation_leaves_alone_has_no_such_variant() -> None:
    pack = open_pack("claims")
    rows = read_samples(pack)[:2]
    chinese = rows[0].model_copy(update={"input": {"claim": "水在海平面上一百摄氏度沸腾"}})
    config = Config(model="m", robustness=("case", "typos", "punctuation"), typo_rate=0.2)
    assert variants(pack.card, [chinese], config, rows) == []
    assert {one.variant for one in variants(pack.card, [rows[1]], config, rows)} >= {"case"}
