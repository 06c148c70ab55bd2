"""Packs are found, opened only with the rows they were sealed with, and sealed without touching other lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from auditkit.errors import ConfigError, PackError
from auditkit.load.packs import Pack, built_in_names, open_pack, packs_root, seal
from auditkit.load.requests import build
from auditkit.load.samples import read_samples

from .conftest import CARD, row

Make = Callable[..., Pack]
BUILT_IN = ("ambiguous-qa", "claims", "sentiment-swaps", "stereotype-pairs")


def test_seal_rewrites_exactly_two_lines(make: Make) -> None:
    pack = make([row(0), row(1)])
    before, after = CARD.split("\n"), (pack.folder / "card.yaml").read_text(encoding="utf-8").split("\n")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    sha256 = hashlib.sha256((pack.folder / "rows.jsonl").read_bytes()).hexdigest()
    assert changed == [("rows: 0", "rows: 2"), ('sha256: ""', f"sha256: {sha256}")]
    assert "  rows: not a key" in after
    assert sorted(path.name for path in pack.folder.iterdir()) == ["card.yaml", "rows.jsonl"]


def test_seal_adds_missing_lines_and_keeps_line_ends(make: Make) -> None:
    folder = make([row(0)]).folder
    bare = CARD.replace('rows: 0\nsha256: ""\n', "").replace("\n", "\r\n")
    (folder / "card.yaml").write_bytes(bare.encode())
    rows, sha256 = seal(folder)
    assert (folder / "card.yaml").read_bytes().decode() == f"{bare}rows: {rows}\r\nsha256: {sha256}\r\n"


def test_changed_rows_are_refused_and_the_command_named(make: Make) -> None:
    folder = make([row(0)]).folder
    with (folder / "rows.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(PackError, match=r"have sha256 .* as sealed; .*`auditkit pack seal benchmarks/small`"):
        open_pack(folder)


def test_training_rows_are_sealed_but_not_audited(make: Make) -> None:
    folder = make([row(0)]).folder
    (folder / "train.jsonl").write_bytes(b'{"text": "a"}\n')
    card = (folder / "card.yaml").read_text(encoding="utf-8")
    (folder / "card.yaml").write_text(card.replace("groups:", "training: [train.jsonl]\ngroups:"), encoding="utf-8")
    rows, sha256 = seal(folder)
    both = (folder / "rows.jsonl").read_bytes() + (folder / "train.jsonl").read_bytes()
    assert (rows, sha256) == (1, hashlib.sha256(both).hexdigest())
    pack = open_pack(folder)
    assert [file.name for file in pack.files] == ["rows.jsonl"]
    assert [sample.id for sample in read_samples(pack)] == ["small/r-0"]
    (folder / "train.jsonl").unlink()
    with pytest.raises(PackError, match=r"train\.jsonl: no such file"):
        open_pack(folder)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("../train.jsonl", "lies outside the pack"), ("rows.jsonl", "is audited"), ("./rows.jsonl", "is audited")],
)
def test_training_rows_lie_beside_the_card_and_apart_from_the_audited(make: Make, name: str, fault: str) -> None:
    folder = make([row(0)]).folder
    card = (folder / "card.yaml").read_text(encoding="utf-8")
    (folder / "card.yaml").write_text(card.replace("groups:", f"training: [{name}]\ngroups:"), encoding="utf-8")
    with pytest.raises(ConfigError, match=f'"training": {re.escape(name)} {fault}'):
        open_pack(folder)


def test_a_wrong_row_count_is_refused(make: Make) -> None:
    folder = make([row(0)]).folder
    card = folder / "card.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("rows: 1", "rows: 7"), encoding="utf-8")
    with pytest.raises(PackError, match="the pack has 1 rows, not 7 as sealed"):
        open_pack(folder)


def test_a_format_that_shows_other_fields_is_refused(make: Make) -> None:
    folder = make([row(0)]).folder
    card = folder / "card.yaml"
    text = card.read_text(encoding="utf-8")
    other = 'formats:\n  - text: "{question} {context}\\n{option_2}, {option_1}?"\nfiles:'
    card.write_text(text.replace("files:", other), encoding="utf-8")
    assert len(open_pack(folder).card.formats) == 1
    card.write_text(text.replace("files:", other.replace("{context}", "")), encoding="utf-8")
    with pytest.raises(ConfigError, match=r'"formats\.0": it fills options, question, the template context'):
        open_pack(folder)


def test_an_unknown_pack_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(PackError, match='no benchmark pack is called "claim"; did you mean "claims"\\?'):
        open_pack("claim")
    with pytest.raises(PackError, match=r"the folder holds no card\.yaml"):
        open_pack(tmp_path)


def test_built_in_packs_are_there() -> None:
    assert set(BUILT_IN) <= set(built_in_names())
    assert packs_root().name == "benchmarks"


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_packs_open_and_can_be_asked(name: str) -> None:
    pack = open_pack(name)
    samples = read_samples(pack)
    assert len(samples) == pack.card.rows
    for rule in pack.card.rules:
        requests = build(pack.card, rule, samples)
        assert len({request.sha256 for request in requests}) == len(samples)


def test_sizes_that_the_design_asks_for() -> None:
    ambiguous = [sample for sample in read_samples(open_pack("ambiguous-qa")) if sample.arm == "ambiguous"]
    assert len(ambiguous) >= 4 * 32 * 17
    assert len({sample.clusters["template"] for sample in ambiguous}) >= 32 * 17
    pairs = read_samples(open_pack("stereotype-pairs"))
    assert len(pairs) >= 400
    assert len({sample.clusters["template"] for sample in pairs}) >= 80
