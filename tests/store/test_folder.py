"""The run folder: names, atomic writes, audit.json and its versions."""

from __future__ import annotations

import errno
import hashlib
import json
import os

import pytest

from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.schema import Audit, Check, Config, Evidence, FreeText, Output, Policy, Subject, Verdict
from auditkit.store.files import write_atomically
from auditkit.store.folder import RunFolder, default_name, load_audit
from auditkit.store.upgrades import upgrade


@pytest.fixture
def audit(make_sample, hostile):
    check = Check(rule="AK101", benchmark="pack", metric="accuracy", arm="all", bound=1)
    output = Output(request="a" * 64, rule="text", answer=FreeText(text=hostile))
    return Audit(
        subject=Subject(name="m", kind="causal", fingerprint="f" * 64), environment={"python": "3.11"},
        config=Config(model="m"), policy=Policy(name="p", checks=(check,)), benchmarks=(), estimates=(), findings=(),
        evidence={"pack/row-000": Evidence(sample=make_sample(0), output=output)},
        verdict=Verdict(status="pass", exit_code=0, reasons=(), policy="p", counts={}),
    ).sealed()


def test_names_of_the_files(tmp_path):
    folder = RunFolder(tmp_path / "run")
    paths = [folder.journal, folder.samples, folder.audit, folder.page]
    assert [path.name for path in paths] == ["journal.jsonl", "samples.parquet", "audit.json", "index.html"]
    assert {path.parent for path in paths} == {tmp_path / "run"}
    assert not folder.path.exists()


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        ("HuggingFaceTB/SmolLM2-135M", "smollm2-135m"), ("planted:always-anti", "planted-always-anti"),
        ("/home/x/My Model/", "my-model"), ("C:\\models\\a.gguf", "a.gguf"), ("..", "model"), ("模型", "model"),
        ("x" * 200, "x" * 60), ("../../etc", "etc"), ("", "model"),
    ],
)
def test_default_name(model, slug):
    value = hashlib.sha256(b'{"a":1}').hexdigest()
    assert default_name(model, {"a": 1}) == f"{slug}-{value[:8]}"


def test_other_weights_get_another_folder():
    names = {default_name("m", {"seed": 0, "fingerprint": print_}) for print_ in ("a", "b")}
    assert len(names) == 2
    assert default_name("m", {"b": 1, "a": 2}) == default_name("m", {"a": 2, "b": 1})


def test_audit_json_comes_back(tmp_path, audit):
    folder = RunFolder(tmp_path / "run")
    seal = folder.write_audit(audit)
    raw = folder.audit.read_bytes()
    assert hashlib.sha256(raw).hexdigest() == seal == folder.audit_sha256()
    assert folder.read_audit() == load_audit(folder.path) == load_audit(str(folder.audit)) == audit
    assert raw.endswith(b"}\n")
    assert raw == (json.dumps(json.loads(raw), sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()
    assert folder.write_audit(folder.read_audit()) == seal
    assert sorted(path.name for path in folder.path.iterdir()) == ["audit.json"]


def test_nan_is_not_written(tmp_path, audit):
    folder = RunFolder(tmp_path)
    subject = audit.policy.checks[0].model_copy(update={"bound": float("nan")})
    bad = audit.model_copy(update={"policy": audit.policy.model_copy(update={"checks": (subject,)})})
    with pytest.raises(MeasurementError, match=r"audit\.json"):
        folder.write_audit(bad)
    assert not folder.audit.exists()


def test_no_audit(tmp_path):
    for path in (tmp_path, tmp_path / "audit.json", tmp_path / "no" / "such"):
        with pytest.raises(RunFolderError, match="no such file; run"):
            load_audit(path)
    with pytest.raises(RunFolderError):
        RunFolder(tmp_path).audit_sha256()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated(tmp_path, audit, share):
    folder = RunFolder(tmp_path)
    folder.write_audit(audit)
    raw = folder.audit.read_bytes()
    folder.audit.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(RecordError, match=r"audit\.json:\d+: truncated or not JSON.*give the audit command again"):
        folder.read_audit()


@pytest.mark.parametrize(
    ("old", "new", "pattern"),
    [
        ('"reasons": []', '"reasons": ["AK101 p/m@a"]', "id: is not the hash"),
        ('"reasons": []', '"reasons": 3', "verdict.reasons"),
        ('"bound": 1.0', '"bound": NaN', "NaN"),
        ('"bound": 1.0', '"bound": 1e999', "policy.checks.0.bound"),
        ('"schema_version": 2,\n  "selftest"', '"schema_version": 99,\n  "selftest"', "version 99 is newer"),
        ('"schema_version": 2,\n  "selftest"', '"schema_version": "1",\n  "selftest"', "whole number"),
        ('"schema_version": 2,\n  "selftest"', '"schema_version": 0,\n  "selftest"', "whole number"),
        ('"estimates": []', '"estimates": [], "extra": 1', "extra"),
    ],
)
def test_damaged_or_edited(tmp_path, audit, old, new, pattern):
    folder = RunFolder(tmp_path)
    folder.write_audit(audit)
    text = folder.audit.read_text(encoding="utf-8")
    assert text.count(old) == 1
    folder.audit.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RecordError, match=pattern) as caught:
        folder.read_audit()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"[]", b"\xff\xfe", b"[" * 100_000], ids=["list", "utf8", "deep"])
def test_not_an_audit(tmp_path, raw):
    (tmp_path / "audit.json").write_bytes(raw)
    with pytest.raises(RecordError):
        load_audit(tmp_path)


def test_upgrades_run_in_order_on_plain_dicts():
    steps = {1: lambda data: {**data, "b": data["a"] + 1}, 2: lambda data: {**data, "c": data["b"] * 10}}
    old = {"schema_version": 1, "a": 1}
    assert upgrade(old, "x", current=3, steps=steps) == {"schema_version": 3, "a": 1, "b": 2, "c": 20}
    assert old == {"schema_version": 1, "a": 1}
    assert upgrade({"schema_version": 3}, "x", current=3, steps=steps) == {"schema_version": 3}
    with pytest.raises(RecordError, match="schema_version 4 is newer than this auditkit reads"):
        upgrade({"schema_version": 4}, "x", current=3, steps=steps)
    with pytest.raises(RecordError, match="schema_version 2 cannot be upgraded"):
        upgrade({"schema_version": 1}, "x", current=3, steps={1: dict})


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "index.html"
    write_atomically(path, b"old")
    write = os.write

    def full(descriptor, data):
        monkeypatch.setattr(os, "write", none)
        return write(descriptor, data[:1])

    def none(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MeasurementError, match=r"index\.html: the disk .* is full"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(MeasurementError, match="cannot be written"):
        RunFolder(tmp_path / "run").write(tmp_path / "run" / "index.html", b"")


@pytest.mark.parametrize(("shared", "mode"), [(False, 0o600), (True, 0o644)])
def test_pages_are_read_by_others_only_where_that_is_asked_for(tmp_path, shared, mode):
    old = os.umask(0o022)
    try:
        folder = RunFolder(tmp_path, shared)
        folder.write(folder.page, b"")
    finally:
        os.umask(old)
    assert folder.page.stat().st_mode & 0o777 == mode


def test_sweep_takes_only_what_a_killed_write_left(tmp_path):
    kept = [".hidden.tmp", ".index.html.12345678.txt", "index.html", "notes.12345678.tmp"]
    for name in [".index.html.1a2b3c4d.tmp", *kept]:
        (tmp_path / name).write_text("x")
    RunFolder(tmp_path).sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    RunFolder(tmp_path / "absent").sweep()
