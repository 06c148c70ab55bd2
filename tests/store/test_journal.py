"""The journal: chain, repair, promises to `verify`."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
import rfc8785

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Api, Config
from auditkit.schema.journal import OutputEntry, RequestEntry
from auditkit.store.journal import Journal, read_journal


def lines_of(path):
    return path.read_bytes().split(b"\n")[:-1]


def rewrite(path, lines):
    """Chain lines anew, as a forger or another implementation would: RFC 8785 of a library, and sha256."""
    prev, out = "0" * 64, []
    for line in lines:
        data = {**line, "prev": prev}
        data.pop("hash", None)
        prev = hashlib.sha256(rfc8785.dumps(data)).hexdigest()
        data["hash"] = prev
        out.append(rfc8785.dumps(data) + b"\n")
    path.write_bytes(b"".join(out))


def test_everything_comes_back(filled, make_sample, make_request, make_output, attribution, header):
    records = read_journal(filled)
    requests = [make_request(n) for n in range(4)]
    assert records.header == header
    assert records.samples == tuple(make_sample(n) for n in range(4))
    assert records.requests == {one.sha256: one for one in requests}
    assert records.askers == {one.sha256: (f"pack/row-{n:03d}",) for n, one in enumerate(requests)}
    assert records.outputs == {one.sha256: make_output(one) for one in requests}
    assert records.from_cache == {requests[0].sha256}
    assert records.cached == 1
    assert records.attributions == (attribution,)
    assert records.not_explained == {"pack/row-001": "the budget is spent"}
    assert (records.seal, records.after_seal, records.lines, records.seconds) == ("d" * 64, 0, 17, 1.5)
    plan = records.plan_of(0)
    assert plan is not None
    assert (plan.plan.sha256, plan.line) == ("c" * 64, 10)
    assert records.plan_of(1) is None


def test_chain_as_the_design_words_it(filled):
    """`hash` is the sha256 of the canonical line without it; checked with a library's RFC 8785 and hashlib alone."""
    prev = "0" * 64
    for number, raw in enumerate(lines_of(filled), 1):
        data = json.loads(raw)
        assert set(data) == {"v", "seq", "prev", "kind", "body", "hash"}
        value = data.pop("hash")
        assert hashlib.sha256(rfc8785.dumps(data)).hexdigest() == value
        assert (data["prev"], data["seq"]) == (prev, number)
        prev = value


def test_one_line_a_line_whatever_the_text(filled):
    assert len(lines_of(filled)) == 17
    assert b"\x00" not in filled.read_bytes()


def test_mode_0600(path, header):
    old = os.umask(0)
    try:
        Journal.open(path, header).close()
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    Journal.open(path, header).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_batch_is_one_write_and_one_fsync(path, make_request, monkeypatch, header):
    calls = []
    write, fsync = os.write, os.fsync
    with Journal.open(path, header) as journal:
        monkeypatch.setattr(os, "write", lambda *a: calls.append("write") or write(*a))
        monkeypatch.setattr(os, "fsync", lambda *a: calls.append("fsync") or fsync(*a))
        journal.append([RequestEntry(request=make_request(n), samples=()) for n in range(50)])
    assert calls == ["write", "fsync"]


def test_resume_goes_on_with_the_chain(filled, make_request, make_output, header):
    with Journal.open(filled, header) as journal:
        assert not journal.recovered
        assert journal.records.seal == "d" * 64
        assert read_journal(filled).after_seal == 0
        journal.append([OutputEntry(output=make_output(make_request(0), -9.0), seconds=0, cached=False)])
        assert read_journal(filled).after_seal == 1
        journal.seal("e" * 64)
    records = read_journal(filled)
    assert (records.seal, records.lines) == ("e" * 64, 19)
    assert records.outputs[make_request(0).sha256].answer.options[0].sum == -9.0, "the last output of a request counts"
    assert records.from_cache == frozenset()


def test_samples_are_written_once(filled, make_sample, header):
    with Journal.open(filled, header) as journal:
        journal.samples(make_sample(n) for n in range(5))
        with pytest.raises(MeasurementError, match="row-001 is journalled with other content"):
            journal.samples([make_sample(1, target="anti")])
        with pytest.raises(MeasurementError, match="row-009"):
            journal.samples([make_sample(9), make_sample(9, target="anti")])
    assert len(read_journal(filled).samples) == 5


def test_other_header_names_the_keys(filled, header):
    changed = header.model_copy(update={
        "config": Config(model="m", seed=1, packs=("a", "c")),
        "subject": header.subject.model_copy(update={"fingerprint": "0" * 64, "parts": {"new": "x"}}),
    })
    with pytest.raises(RunFolderError) as caught:
        Journal.open(filled, changed)
    text = str(caught.value)
    assert "config.seed 0 -> 1" in text
    assert 'config.packs.1 "b" -> "c"' in text
    assert "subject.fingerprint" in text
    assert 'subject.parts.new (absent) -> "x"' in text
    assert "config.model" not in text
    assert "--out" in text
    assert caught.value.exit_code == 2
    assert len(lines_of(filled)) == 17


def test_other_header_does_not_cut_a_torn_line(filled, header):
    with filled.open("ab") as file:
        file.write(b'{"torn')
    before = filled.read_bytes()
    with pytest.raises(RunFolderError):
        Journal.open(filled, header.model_copy(update={"rules": {"a": "letter"}}))
    assert filled.read_bytes() == before


def test_a_header_with_floats_of_any_size_is_the_same_header(path, header):
    """RFC 8785 writes 1e20 as an integer, and 2.0 as 2."""
    api = Api(deadline=1e20, timeout=2.0, backoff=1e-7)
    header = header.model_copy(update={"config": header.config.model_copy(update={"api": api})})
    Journal.open(path, header).close()
    Journal.open(path, header).close()
    assert read_journal(path).header == header


def test_a_header_of_other_fields_is_refused_and_nothing_is_moved(filled, header):
    lines = [json.loads(raw) for raw in lines_of(filled)]
    lines[0]["body"]["moon"] = "full"
    rewrite(filled, lines)
    before = filled.read_bytes()
    for attempt in (lambda: read_journal(filled), lambda: read_journal(filled, strict=False),
                    lambda: Journal.open(filled, header)):
        with pytest.raises(RecordError, match=r":1: header: .*moon.* written by auditkit 0\.1\.0: use that one"):
            attempt()
    assert filled.read_bytes() == before
    assert not filled.with_name("journal.broken").exists()


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_torn_last_line(filled, kept, header):
    raw = filled.read_bytes()
    last = raw.rindex(b"\n", 0, -1) + 1
    cut = len(raw) - 1 if kept == -1 else last + kept
    filled.write_bytes(raw[:cut])
    if kept:
        with pytest.raises(RecordError, match=r"journal\.jsonl:17: torn last line"):
            read_journal(filled)
    assert read_journal(filled, strict=False).lines == 16
    events = []
    with Journal.open(filled, header, events.append) as journal:
        assert not journal.recovered
        journal.seal("d" * 64)
    assert filled.read_bytes() == raw
    assert [event.stage for event in events] == (["run"] if kept else [])
    assert all("journal.jsonl:17" in event.message and "cut off" in event.message for event in events)
    assert not filled.with_name("journal.broken").exists()


def test_torn_header(path, header):
    path.parent.mkdir()
    path.write_bytes(b'{"body":{"config"')
    Journal.open(path, header).close()
    assert read_journal(path).header == header


@pytest.mark.parametrize("seed", range(12))
def test_corrupt_byte(filled, seed, header):
    """Any one altered byte is found, the lines before it stay, the rest is kept aside."""
    random_ = random.Random(seed)
    raw = bytearray(filled.read_bytes())
    first = raw.index(b"\n") + 1
    place = random_.randrange(first, raw.rindex(b"\n", 0, len(raw) - 1))
    raw[place] ^= random_.choice([1, 2, 4, 32, 128])
    filled.write_bytes(raw)
    number = bytes(raw[:place]).count(b"\n") + 1
    with pytest.raises(RecordError, match=rf"journal\.jsonl:{number}: "):
        read_journal(filled)
    events = []
    with Journal.open(filled, header, events.append) as journal:
        assert journal.recovered
        assert journal.records.lines == number - 1
        journal.seal("e" * 64)
    assert f"journal.jsonl:{number}:" in events[0].message
    assert "journal.broken" in events[0].message
    assert read_journal(filled).lines == number
    broken = filled.with_name("journal.broken")
    assert lines_of(broken) == bytes(raw).split(b"\n")[number - 1 : -1]
    assert broken.stat().st_mode & 0o777 == 0o600


def test_a_second_damage_does_not_overwrite_the_first(filled, header):
    for _ in range(2):
        with Journal.open(filled, header) as journal:
            journal.seal("e" * 64)
        filled.write_bytes(filled.read_bytes().replace(b"e" * 64, b"f" * 64))
        Journal.open(filled, header).close()
    assert filled.with_name("journal.broken").read_bytes().count(b"f" * 64) == 2


def fault_of(path, lines, pattern):
    rewrite(path, lines)
    with pytest.raises(RecordError, match=pattern):
        read_journal(path)


def test_faults_of_well_chained_lines(filled, make_request, make_output, header):
    lines = [json.loads(raw) for raw in lines_of(filled)]
    rewrite(filled, lines)
    assert read_journal(filled).lines == 17, "the re-chaining of this test is right"
    fault_of(filled, lines[:5] + lines[6:], r":6: expected seq 6, found 7")
    fault_of(filled, lines[1:], r":1: expected seq 1, found 2")
    fault_of(filled, [{**lines[1], "seq": 1}], r":1: the first line, and no other, must be the header")
    fault_of(filled, [*lines, {**lines[0], "seq": 18}], r":18: the first line, and no other")
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "kind": "gossip"}], r":18: unknown kind 'gossip'")
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "v": 1}], r":18: unknown version 1")
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "extra": 1}], r":18: not a journal line")
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "body": {"sample": {"id": 3}}}], r":18: sample: ")
    twin = {"sample": {**lines[3]["body"]["sample"], "target": "anti"}}
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "body": twin}], r":18: sample pack/row-002 stands twice")
    other = make_output(make_request(77)).model_dump(mode="json")
    body = {"output": other, "seconds": 0, "cached": False}
    fault_of(filled, [*lines, {**lines[3], "seq": 18, "kind": "output", "body": body}], r":18: output: answers request")


def test_swapped_lines_break_the_chain(filled):
    lines = lines_of(filled)
    lines[5], lines[6] = lines[6], lines[5]
    filled.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(RecordError, match=r":6: expected seq 6"):
        read_journal(filled)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"seq":3', b'"seq":3,"seq":3'), (b'"seq":3', b'"seq": 3'), (b'"seq":3', b'"seq":3.0')]
)
def test_same_content_in_other_bytes_is_damage(filled, old, new):
    filled.write_bytes(filled.read_bytes().replace(old, new))
    with pytest.raises(RecordError, match=r":3: "):
        read_journal(filled)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_nan_in_a_file_is_refused(filled, value):
    filled.write_bytes(filled.read_bytes().replace(b'"seconds":0.5', f'"seconds":{value}'.encode(), 1))
    with pytest.raises(RecordError, match=r":11: "):
        read_journal(filled)


def test_newer_version_is_one_clear_error(filled, header):
    lines = [{**json.loads(raw), "v": 3} for raw in lines_of(filled)]
    rewrite(filled, lines)
    before = filled.read_bytes()
    for attempt in (lambda: read_journal(filled), lambda: Journal.open(filled, header)):
        with pytest.raises(RecordError, match=r":1: journal version 3 is newer .* upgrade auditkit"):
            attempt()
    assert filled.read_bytes() == before, "a newer journal is not damaged: nothing is moved"


def test_no_journal_and_an_empty_one(path):
    with pytest.raises(RunFolderError, match="no such journal"):
        read_journal(path)
    path.parent.mkdir()
    path.touch()
    for strict in (True, False):
        with pytest.raises(RecordError, match=r":1: the header is damaged or missing"):
            read_journal(path, strict=strict)


def test_nan_is_not_written(path, make_request, make_output, header):
    with Journal.open(path, header) as journal:
        before = path.read_bytes()
        output = make_output(make_request(0))
        bad = output.answer.options[0].model_copy(update={"sum": float("nan")})
        broken = output.model_copy(update={"answer": output.answer.model_copy(update={"options": (bad,)})})
        with pytest.raises(MeasurementError, match=r":2: output: cannot be journalled"):
            journal.append([OutputEntry(output=broken, seconds=0, cached=False)])
        entry = OutputEntry(output=output, seconds=1.0, cached=False)
        with pytest.raises(MeasurementError, match="cannot be journalled"):
            journal.append([entry.model_copy(update={"seconds": float("inf")})])
        assert path.read_bytes() == before
        journal.seal("a" * 64)
    assert read_journal(path).seal == "a" * 64


def test_no_second_header_is_written(path, header):
    with Journal.open(path, header) as journal, pytest.raises(MeasurementError, match="and no other, must be the head"):
        journal.append([header])
    assert read_journal(path).lines == 1


def test_closed_journal_refuses(path, header):
    journal = Journal.open(path, header)
    journal.close()
    journal.close()
    with pytest.raises(MeasurementError, match="closed"):
        journal.seal("a" * 64)


def test_reading_holds_no_more_than_a_line(filled, monkeypatch):
    """The file is never read whole."""
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read whole"))
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read whole"))
    assert read_journal(filled).lines == 17
