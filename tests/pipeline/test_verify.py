"""`verify` recomputes: hashes alone would let a forger alter, re-chain and re-seal."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.errors import RecordError, RunFolderError, VerifyError
from auditkit.pipeline.verify import verify
from auditkit.schema import Audit, canonical
from auditkit.store.folder import RunFolder

SEALED = ["journal.jsonl", "audit.json"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "run"
    auditkit.audit("planted:half-and-half", limit=60, out=str(path))
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def test_an_untouched_run_verifies(run: Path) -> None:
    found = verify(run)
    assert found.estimates == len(found.audit.estimates) > 0
    assert found.seal == hashlib.sha256((run / "audit.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", SEALED)
@pytest.mark.parametrize("place", [0.02, 0.35, 0.5, 0.77, 0.99])
def test_one_changed_byte_fails(run: Path, name: str, place: float) -> None:
    data = bytearray((run / name).read_bytes())
    at = int(place * len(data))
    data[at] = ord("x") if data[at] != ord("x") else ord("y")
    (run / name).write_bytes(bytes(data))
    with pytest.raises(RecordError) as caught:
        verify(run)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", SEALED)
def test_a_removed_last_byte_or_file_fails(run: Path, name: str) -> None:
    data = (run / name).read_bytes()
    (run / name).write_bytes(data[:-2])
    with pytest.raises(RecordError):
        verify(run)
    (run / name).unlink()
    with pytest.raises(RunFolderError, match="no such"):
        verify(run)


def rechain(path: Path, alter: Callable[[dict[str, Any]], bool]) -> None:
    """Alter the first line that `alter` takes, and chain every line anew, as a forger would."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    altered, previous = False, lines[0]["prev"]
    for line in lines:
        if not altered:
            altered = alter(line)
        line["prev"] = previous
        line.pop("hash")
        line["hash"] = previous = hashlib.sha256(canonical(line)).hexdigest()
    assert altered
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def swap_answer(line: dict[str, Any]) -> bool:
    """Make the model's answer the other option's."""
    options = line["body"]["output"]["answer"].get("options") if line["kind"] == "output" else None
    if not options or options[0]["sum"] == options[1]["sum"]:
        return False
    options[0], options[1] = options[1], options[0]
    return True


def test_an_altered_answer_is_found_even_when_everything_is_chained_and_sealed_anew(run: Path) -> None:
    rechain(run / "journal.jsonl", swap_answer)
    with pytest.raises(VerifyError, match=r"is .* but the journal gives"):
        verify(run)


def test_an_altered_number_is_found_even_when_sealed_anew(run: Path) -> None:
    audit = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    estimate = next(e for e in audit["estimates"] if e["value"] is not None)
    estimate["value"] += 1e-6
    forged = Audit.model_validate(audit).sealed()
    RunFolder(run).write_audit(forged)
    seal = hashlib.sha256((run / "audit.json").read_bytes()).hexdigest()

    def reseal(line: dict[str, Any]) -> bool:
        if line["kind"] != "seal":
            return False
        line["body"] = dict.fromkeys(line["body"], seal)
        return True

    rechain(run / "journal.jsonl", reseal)
    with pytest.raises(VerifyError, match="but the journal gives"):
        verify(run)


def test_an_altered_table_of_samples_is_found(run: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(run / "samples.parquet")
    column = table.column_names.index("value")
    values = [None if value is None else 1.0 - value for value in table["value"].to_pylist()]
    pq.write_table(table.set_column(column, "value", pa.array(values, pa.float64())), run / "samples.parquet")
    with pytest.raises(RecordError, match=r"samples\.parquet"):
        verify(run)


def test_an_unfinished_run_does_not_verify(run: Path) -> None:
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (run / "journal.jsonl").write_bytes(b"".join(lines[:-1]))
    with pytest.raises(VerifyError, match="holds no seal"):
        verify(run)
