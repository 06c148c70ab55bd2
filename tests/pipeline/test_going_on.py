"""`resume` and `retry-errors`: from the journal alone, and never with something that moved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.errors import MeasurementError, RecordError, RunFolderError
from auditkit.models.adapter import Encoded
from auditkit.models.scripted import planted
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.pipeline import resume as resuming
from auditkit.pipeline.verify import verify
from auditkit.schema import Output
from auditkit.store.journal import read_journal

from .conftest import facts

pytestmark = pytest.mark.slow

PACKS = ["stereotype-pairs", "claims"]
POLICY = """name: mine
checks:
  - {rule: AK102, benchmark: stereotype-pairs, metric: stereotype_score, arm: pair, bound: 0.3}
"""


class Flaky(PlantedAdapter):
    """Answers as planted, but crashes at some requests while it is ill, or is interrupted at a certain one."""

    ill = True
    interrupts = False
    asked: list[str]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        for each in batch:
            Flaky.asked.append(each.request.sha256)
            if Flaky.interrupts and len(Flaky.asked) > 300:
                raise KeyboardInterrupt
            if Flaky.ill and each.request.sha256[0] in "07":
                raise MeasurementError("the device fell asleep")
            yield from super().execute([each])


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> type[Flaky]:
    Flaky.ill, Flaky.interrupts, Flaky.asked = True, False, []
    monkeypatch.setattr(planted, "PlantedAdapter", Flaky)
    return Flaky


def run(out: Path, **settings: Any) -> None:
    auditkit.audit("planted:random", packs=PACKS, limit=250, seed=3, out=str(out), **settings)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("healthy") / "run"
    run(out)
    return out


@pytest.fixture
def interrupted(flaky: type[Flaky], tmp_path: Path) -> Path:
    flaky.ill, flaky.interrupts = False, True
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(out)
    assert 0 < len(read_journal(out / "journal.jsonl").outputs) < 400
    flaky.interrupts = False
    return out


def test_resume_needs_no_options(interrupted: Path, healthy: Path, flaky: type[Flaky]) -> None:
    answered = set(read_journal(interrupted / "journal.jsonl").outputs)
    flaky.asked.clear()
    finished = resuming.resume(interrupted)
    assert facts(interrupted) == facts(healthy)
    again = answered & set(flaky.asked)
    assert len(again) < len(answered) / 4, "what was answered is not asked again, but for its own batch"
    assert set(read_journal(interrupted / "journal.jsonl").outputs) == answered | set(flaky.asked)
    assert verify(interrupted).seal == finished.seal


def test_resume_of_a_finished_run_only_renders(healthy: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(healthy, tmp_path / "run"))
    (out / "index.html").unlink()
    journal, events = (out / "journal.jsonl").read_bytes(), []
    resuming.resume(out, events.append)
    assert (out / "journal.jsonl").read_bytes() == journal
    assert (out / "index.html").exists()
    assert "finished and sealed" in events[0].message


def test_retry_errors_asks_only_what_errored_and_ends_as_if_nothing_had(
    flaky: type[Flaky], healthy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(out)
    ill = read_journal(out / "journal.jsonl")
    errored = {sha for sha, output in ill.outputs.items() if output.error}
    assert 20 < len(errored) < 200
    assert facts(out)["errored"] == len(errored)
    assert all("fell asleep" in text for text in facts(out)["errors"].values())
    flaky.asked.clear()
    resuming.resume(out)
    assert flaky.asked == [], "a resume counts errors as answered"
    flaky.ill = False
    finished = resuming.retry_errors(out)
    assert set(flaky.asked) == errored
    assert len(flaky.asked) == len(errored)
    assert facts(out) == facts(healthy)
    assert finished.audit.errored == 0
    assert verify(out).seal == finished.seal
    added = [json.loads(line) for line in (out / "journal.jsonl").read_bytes().splitlines()[ill.lines :]]
    assert [line["kind"] for line in added].count("output") == len(errored)
    assert [line["body"]["retry"] for line in added if line["kind"] == "plan"] == [True]
    assert added[-1]["kind"] == "seal"


def test_what_fails_again_stays_errored(flaky: type[Flaky], tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out)
    before = facts(out)
    resuming.retry_errors(out)
    assert facts(out) == before
    verify(out)


def test_retry_errors_without_errors_changes_nothing(healthy: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(healthy, tmp_path / "run"))
    journal, events = (out / "journal.jsonl").read_bytes(), []
    resuming.retry_errors(out, events.append)
    assert (out / "journal.jsonl").read_bytes() == journal
    assert "no errored answer" in events[0].message


def test_retry_errors_finishes_an_interrupted_run_first(interrupted: Path, healthy: Path) -> None:
    resuming.retry_errors(interrupted)
    assert facts(interrupted) == facts(healthy)


def test_the_policy_is_the_one_it_began_with(flaky: type[Flaky], tmp_path: Path) -> None:
    policy, out = tmp_path / "policy.yaml", tmp_path / "run"
    policy.write_text(POLICY, encoding="utf-8")
    flaky.ill, flaky.interrupts = False, True
    with pytest.raises(KeyboardInterrupt):
        run(out, policy=str(policy))
    policy.unlink()
    flaky.interrupts = False
    assert resuming.resume(out).audit.policy.name == "mine"


def test_moved_libraries_are_refused_before_the_model_is_opened(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch, flaky: type[Flaky]
) -> None:
    flaky.asked.clear()
    now = {**resuming.environment(), "transformers": "9.9.9"}
    monkeypatch.setattr(resuming, "environment", lambda: now)
    before = (interrupted / "journal.jsonl").read_bytes()
    with pytest.raises(RunFolderError, match=r"transformers \S+ -> 9\.9\.9") as caught:
        resuming.resume(interrupted)
    assert "\n" not in str(caught.value)
    assert flaky.asked == []
    assert (interrupted / "journal.jsonl").read_bytes() == before


def test_another_model_is_refused_and_its_parts_named(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch, flaky: type[Flaky]
) -> None:
    monkeypatch.setattr("auditkit.models.scripted.planted.source_sha256", lambda: "another source")
    for command in (resuming.resume, resuming.retry_errors):
        with pytest.raises(RunFolderError, match=r"model source .* -> another source") as caught:
            command(interrupted)
        assert "behaviour" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_changed_rows_are_refused(tmp_path: Path, flaky: type[Flaky]) -> None:
    from auditkit.load.packs import seal

    source = Path(__file__).parents[2] / "benchmarks" / "claims"
    pack, out = Path(shutil.copytree(source, tmp_path / "mine")), tmp_path / "run"
    (pack / "checks.yaml").unlink()
    card = (pack / "card.yaml").read_text(encoding="utf-8")
    (pack / "card.yaml").write_text(card.replace("name: claims", "name: my-claims", 1), encoding="utf-8")
    seal(pack)
    flaky.ill, flaky.interrupts = False, True
    with pytest.raises(KeyboardInterrupt):
        auditkit.audit("planted:random", packs=[str(pack)], out=str(out))
    flaky.interrupts = False
    rows = (pack / "rows.jsonl").read_text(encoding="utf-8").split("\n")
    (pack / "rows.jsonl").write_text("\n".join(rows[2:]), encoding="utf-8")
    seal(pack)
    with pytest.raises(RunFolderError, match="pack my-claims"):
        resuming.resume(out)


def test_no_run_and_a_damaged_header(interrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no such journal"):
        resuming.resume(tmp_path / "absent")
    path = interrupted / "journal.jsonl"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"seed":3', b'"seed":4', 1))
    with pytest.raises(RecordError, match="header"):
        resuming.resume(interrupted)
