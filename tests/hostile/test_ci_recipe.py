"""The recipe of the guide for CI, run as it stands there on forged folders of each sort."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditkit.cli import _run
from auditkit.pipeline.verify import verify

from .forging import forge
from .test_prefilled import swapped
from .test_verifying import (
    CAUGHT,
    Alter,
    altered_answers,
    altered_prompt,
    altered_targets,
    edited,
    gone_on,
    hidden_seal,
    milder_policy,
    reassemble,
    respaced,
    unsealed,
)

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "ci.md"
COMMANDS = re.findall(r"^- run: auditkit (.*)$", GUIDE.read_text(encoding="utf-8"), re.M)
AUDITING, DEPLOYING = COMMANDS[:2], COMMANDS[2:]


def renamed(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """The run says that it is of another model."""
    header = lines[0]["body"]
    assert isinstance(header, dict)
    header["subject"]["name"] = header["config"]["model"] = "planted:never-stereotyped"
    return lines


def recomputed(alter: Alter) -> Callable[[Path], None]:
    """The forgery with all that follows from it."""
    return lambda run: reassemble(run, alter)


FORGED: dict[str, Callable[[Path], None]] = {
    "answers": recomputed(altered_answers), "targets": recomputed(altered_targets),
    "prompt": recomputed(altered_prompt), "policy": recomputed(milder_policy), "subject": recomputed(renamed),
    "an edited audit": edited, "a respaced audit": respaced, "no seal": unsealed, "lines behind the seal": gone_on,
    "a seal in a row": hidden_seal,
    "prefilled answers": lambda run: forge(run / "journal.jsonl", swapped),
}


def words(command: str, seal: str = "") -> list[str]:
    """The words of a command of the guide, on a model and a folder that are here."""
    stand_ins = {"./my-model": "planted:random", "$SEAL": seal}
    return [stand_ins.get(word, word) for word in shlex.split(command)]


@pytest.fixture
def ci(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in CI that holds an audit's configuration; gives where the recipe expects the run folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    Path("audit.yaml").write_text("packs: [claims]\nlimit: 20\n", encoding="utf-8")
    Path("reports").mkdir()
    return Path(shutil.move(run, "reports/candidate"))


def test_the_guide_still_says_what_is_tried_here() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["audit", "verify", "verify", "gate"]


@pytest.mark.parametrize("sort", FORGED)
def test_a_forged_folder_fails_the_job_that_audits(sort: str, ci: Path) -> None:
    FORGED[sort](ci)
    assert _run(words(AUDITING[0])) == 2


@pytest.mark.parametrize("sort", FORGED)
def test_a_forged_folder_fails_the_job_that_deploys(sort: str, ci: Path) -> None:
    seal = verify(ci).seal
    assert _run(words(DEPLOYING[0], seal)) == 0
    FORGED[sort](ci)
    assert _run(words(DEPLOYING[0], seal)) == 4


def test_an_honest_run_goes_through(ci: Path) -> None:
    shutil.rmtree(ci)
    assert _run(words(AUDITING[0])) in (0, 3)
    assert _run(words(AUDITING[1])) == 0
    assert _run(words(DEPLOYING[0], verify(ci).seal)) == 0
    assert _run(words(DEPLOYING[1])) in (0, 3)


def test_every_sort_that_verify_knows_is_caught_by_the_seal_too(ci: Path) -> None:
    seal = verify(ci).seal
    kept = ci.with_name("kept")
    shutil.copytree(ci, kept)
    for alter, _ in list(CAUGHT.values())[:3]:
        shutil.rmtree(ci)
        shutil.copytree(kept, ci)
        reassemble(ci, alter)
        assert _run(words(DEPLOYING[0], seal)) == 4
