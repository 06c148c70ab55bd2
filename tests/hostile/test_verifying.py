"""`verify` and `gate` find what a forger makes consistent, and claim no more than they show."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import _run
from auditkit.errors import RecordError, RunFolderError, VerifyError
from auditkit.load.requests import build
from auditkit.pipeline.gate import read_sealed
from auditkit.pipeline.steps.assemble import assemble
from auditkit.pipeline.verify import verify
from auditkit.schema import Audit, Benchmark, Request, Sample, plain
from auditkit.store.folder import RunFolder, load_audit
from auditkit.store.journal import read_journal

from .forging import Line, forge, reseal

Alter = Callable[[list[Line]], list[Line]]


def reassemble(run: Path, alter: Alter) -> None:
    """Alter a run's journal, compute all that follows, and seal it: what a forger with auditkit at hand can do."""
    forge(run / "journal.jsonl", alter)
    observed = load_audit(run).observed
    scored = assemble(read_journal(run / "journal.jsonl"), dt.datetime.now(dt.UTC).date())
    folder = RunFolder(run)
    folder.write_samples(scored.rows)
    folder.write_audit(scored.audit.model_copy(update={"observed": observed}))
    reseal(run)


def of_kind(lines: list[Line], kind: str) -> list[dict[str, Any]]:
    """Bodies of all lines of a kind."""
    return [line["body"] for line in lines if line["kind"] == kind]


def altered_answers(lines: list[Line]) -> list[Line]:
    """Every answer is turned round: nothing but the model itself can say that it did not give them."""
    for body in of_kind(lines, "output"):
        body["output"]["answer"]["options"].reverse()
    return lines


def altered_targets(lines: list[Line]) -> list[Line]:
    """What counts as right is what the model said."""
    for body in of_kind(lines, "sample"):
        labels = [choice["label"] for choice in body["sample"]["choices"]]
        body["sample"]["target"] = labels[1 - labels.index(body["sample"]["target"])]
    return lines


def dropped_row(lines: list[Line]) -> list[Line]:
    """A row on which the model fails is left out, and the header says so."""
    first = of_kind(lines, "sample")[0]
    asked = next(body for body in of_kind(lines, "request") if first["sample"]["id"] in body["samples"])
    sha256 = Request.model_validate(asked["request"]).sha256
    lines[0]["body"]["sampled"]["claims"][0] -= 1

    def is_of_it(body: dict[str, Any]) -> bool:
        return body is first or body is asked or body.get("output", {}).get("request") == sha256

    return [line for line in lines if not is_of_it(line["body"])]


def easier_text(lines: list[Line]) -> list[Line]:
    """The row itself says what to answer; the prompt is made of it."""
    first = of_kind(lines, "sample")[0]["sample"]
    first["input"] = {name: f"{text} (This is true.)" for name, text in first["input"].items()}
    card = Benchmark.model_validate(lines[0]["body"]["cards"][0])
    request = build(card, lines[0]["body"]["rules"]["claims"], [Sample.model_validate(first)])[0]
    return with_request(lines, first["id"], request)


def with_request(lines: list[Line], sample: str, request: Request) -> list[Line]:
    """The journal with another request of a sample, and its answer under the new hash."""
    body = next(body for body in of_kind(lines, "request") if sample in body["samples"])
    before = Request.model_validate(body["request"]).sha256
    body["request"], body["samples"] = plain(request), [sample]
    for output in of_kind(lines, "output"):
        if output["output"]["request"] == before:
            output["output"]["request"] = request.sha256
    return lines


def altered_prompt(lines: list[Line]) -> list[Line]:
    """Another prompt than the row and the template make."""
    body = of_kind(lines, "request")[0]
    request = Request.model_validate(body["request"])
    return with_request(lines, body["samples"][0], request.model_copy(update={"text": "Say yes."}))


def milder_policy(lines: list[Line]) -> list[Line]:
    """The policy keeps its name, and allows everything."""
    for check in lines[0]["body"]["policy"]["checks"]:
        check["severity"] = "info"
    return lines


def fewer_checks(lines: list[Line]) -> list[Line]:
    """The policy keeps its name, and loses a check."""
    lines[0]["body"]["policy"]["checks"].pop()
    return lines


def taken_name(lines: list[Line]) -> list[Line]:
    """A policy of one's own with the name of the built-in one."""
    lines[0]["body"]["config"]["policy"] = "mine.yaml"
    return lines


def altered_card(lines: list[Line]) -> list[Line]:
    """The card says that the benchmark is without limits."""
    lines[0]["body"]["cards"][0]["limits"] = "It decides everything."
    return lines


def other_template(lines: list[Line]) -> list[Line]:
    """Card, prompts and all hold together, but the template is another."""
    template = lines[0]["body"]["cards"][0]["templates"][0]
    template["text"] = f"Please be fair. {template['text']}"
    card = Benchmark.model_validate(lines[0]["body"]["cards"][0])
    for body in of_kind(lines, "sample"):
        sample = Sample.model_validate(body["sample"])
        with_request(lines, sample.id, build(card, lines[0]["body"]["rules"]["claims"], [sample])[0])
    return lines


CAUGHT: dict[str, tuple[Alter, str]] = {
    "targets": (altered_targets, "is not the row of the installed pack claims@"),
    "a dropped row": (dropped_row, "is not the row of the installed pack claims@"),
    "an easier row": (easier_text, "is not the row of the installed pack claims@"),
    "another prompt": (altered_prompt, "was asked something else than its row and the card's template make"),
    "another template": (other_template, r"its card is not that of the installed pack \(templates\)"),
    "the card": (altered_card, r"its card is not that of the installed pack \(limits\)"),
    "a milder policy": (milder_policy, 'is called "default", but its checks are not those'),
    "fewer checks": (fewer_checks, 'is called "default", but its checks are not those'),
    "a taken name": (taken_name, 'is called "default", which is a built-in name'),
}


@pytest.mark.parametrize("sort", CAUGHT)
def test_a_consistent_forgery_is_found_without_a_seal(sort: str, run: Path) -> None:
    alter, message = CAUGHT[sort]
    reassemble(run, alter)
    with pytest.raises(VerifyError, match=message):
        verify(run)


def test_invented_answers_are_found_by_the_seal_alone_and_verify_says_so(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal = verify(run).seal
    reassemble(run, altered_answers)
    assert _run(["verify", str(run)]) == 0
    text = capsys.readouterr().out
    assert "consistent with itself; not compared with a seal" in text
    assert "Not shown: that the model gave these answers" in text
    assert "claims@" in text
    with pytest.raises(VerifyError, match="not with the given"):
        verify(run, seal)
    assert _run(["verify", str(run), "--seal", seal]) == 4


def test_with_the_seal_it_says_that_this_is_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["verify", str(run), "--seal", verify(run).seal.upper() + " "]) == 0
    text = capsys.readouterr().out
    assert "this is the run that was sealed" in text
    assert "Not shown" not in text
    assert "claims@" in text.split("as installed here")[0]
    _run(["verify", str(run), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["compared_with_a_seal"] is False
    assert set(told["compared"].values()) == {"same"}


def test_a_pack_that_is_not_installed_is_named(run: Path) -> None:
    def other_version(lines: list[Line]) -> list[Line]:
        lines[0]["body"]["cards"][0]["version"] += 7
        return lines

    reassemble(run, other_version)
    pack = verify(run).compared[0]
    assert pack.what.startswith("claims@")
    assert pack.missing.startswith("version ")


def edited(run: Path) -> None:
    """audit.json says another verdict, with its own id right."""
    audit = load_audit(run)
    verdict = audit.verdict.model_copy(update={"status": "pass", "exit_code": 0})
    RunFolder(run).write_audit(Audit.model_validate({**audit.model_dump(), "verdict": verdict, "id": ""}).sealed())


def respaced(run: Path) -> None:
    """The same content, other bytes."""
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")


def unsealed(run: Path) -> None:
    """The journal lost its last line."""
    forge(run / "journal.jsonl", lambda lines: [line for line in lines if line["kind"] != "seal"])


def gone_on(run: Path) -> None:
    """Lines stand behind the seal."""
    forge(run / "journal.jsonl", lambda lines: [*lines, dict(lines[1])])


def hidden_seal(run: Path) -> None:
    """A row holds a text, and keys, that look like a seal."""
    edited(run)
    sha256 = RunFolder(run).audit_sha256()
    with (run / "journal.jsonl").open("ab") as file:
        file.write(b'{"body":{"sample":{"x":1,"kind":"seal","sha256":"%b"}},"kind":"sample"}\n' % sha256.encode())


@pytest.mark.parametrize("attack", [edited, respaced, unsealed, gone_on, hidden_seal])
def test_gate_holds_the_audit_against_the_journals_seal(
    attack: Callable[[Path], None], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack(run)
    for path in (run, run / "audit.json"):
        with pytest.raises(VerifyError):
            read_sealed(path)
        assert _run(["gate", str(path)]) == 4
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("attack", ["link", "folder", "garbage"])
def test_gate_is_not_led_past_the_journal(attack: str, run: Path, tmp_path: Path) -> None:
    edited(run)
    (run / "journal.jsonl").unlink()
    if attack == "link":
        (run / "journal.jsonl").symlink_to(tmp_path / "absent")
    elif attack == "folder":
        (run / "journal.jsonl").mkdir()
    else:
        (run / "journal.jsonl").write_bytes(b"\xff\x00" * 100)
    with pytest.raises((VerifyError, RecordError, RunFolderError)):
        read_sealed(run)


def test_gate_says_where_there_is_no_seal_to_compare_with(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "journal.jsonl").unlink()
    assert _run(["gate", str(run)]) == load_audit(run).verdict.exit_code
    assert "not compared with a seal" in capsys.readouterr().err
