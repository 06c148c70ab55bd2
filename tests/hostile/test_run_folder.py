"""A run folder is a stranger's file: it runs no code, sends nothing, spends nothing, and leads nowhere else."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import _run
from auditkit.errors import AuditkitError, ConfigError, ModelError, RunFolderError
from auditkit.pipeline.export import export_predictions
from auditkit.pipeline.resume import resume, retry_errors
from auditkit.pipeline.show import show
from auditkit.pipeline.verify import verify
from auditkit.schema.event import Event
from auditkit.store.folder import load_audit

from .forging import audit, forge_config

GOING_ON = [resume, retry_errors]
FILES = ["journal.jsonl", "audit.json", "samples.parquet", "index.html", "report.md", "junit.xml", "results.sarif"]


# --- what runs code, sends data or spends money is asked for again ---


@pytest.mark.parametrize("going_on", GOING_ON)
def test_an_endpoint_in_the_journal_is_not_asked(toy: Any, going_on: Callable[..., Any], run: Path) -> None:
    model = f"openai:toy@{toy.url}"
    forge_config(run, model=model)
    for said in ({}, {"model": model}, {"api": {"max_requests": 9}}):
        with pytest.raises(RunFolderError, match=r"its journal alone does not decide .* --max-requests N"):
            going_on(run, **said)
    assert toy.asked == []
    assert toy.headers == []


def test_another_endpoint_than_the_one_said_again_is_refused(toy: Any, run: Path) -> None:
    forge_config(run, model=f"openai:toy@{toy.url}")
    with pytest.raises(RunFolderError, match="its journal is of the model"):
        resume(run, model="openai:toy@https://mine.example/v1", api={"max_requests": 9})
    assert toy.asked == []


@pytest.fixture
def remote_code(tmp_path: Path) -> Path:
    """A model folder whose code leaves a mark when it is imported."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({
        "model_type": "mark", "architectures": ["MarkForCausalLM"],
        "auto_map": {"AutoConfig": "code.MarkConfig", "AutoModelForCausalLM": "code.MarkForCausalLM"},
    }), encoding="utf-8")
    (folder / "code.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w').close()\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("said", [
    {}, {"trust_remote_code": True}, {"model": "MODEL"}, {"model": "other", "trust_remote_code": True},
], ids=["nothing", "trust-alone", "model-alone", "another-model"])
def test_code_of_a_model_runs_only_where_both_are_said_again(
    said: dict[str, Any], remote_code: Path, run: Path
) -> None:
    forge_config(run, model=str(remote_code), trust_remote_code=True)
    if said.get("model") == "MODEL":
        said = {**said, "model": str(remote_code)}
    with pytest.raises(RunFolderError):
        resume(run, **said)
    assert not remote_code.with_name("mark").exists()


def test_code_of_a_model_is_not_run_by_a_journal_that_did_not_ask_for_it(remote_code: Path, run: Path) -> None:
    forge_config(run, model=str(remote_code), trust_remote_code=False)
    with pytest.raises(AuditkitError):
        resume(run)
    assert not remote_code.with_name("mark").exists()


def test_without_the_model_said_again_the_network_is_blocked(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    forge_config(run, model="stranger/weights", offline=False)
    events: list[Event] = []
    with pytest.raises(ModelError, match="the network is switched off"):
        resume(run, events.append)
    assert "--model MODEL allows it" in events[0].message


@pytest.mark.parametrize(
    "claim", [
        {"executor": "ray", "workers": 64}, {"out": "elsewhere"}, {"shared": True}, {"fresh": True},
        {"api": {"max_requests": 10**9, "max_tokens": 10**12}},
    ], ids=lambda claim: next(iter(claim)),
)
def test_what_a_journal_never_keeps_is_not_obeyed_where_it_stands_in_one(
    claim: dict[str, Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forge_config(run, **claim)
    with pytest.raises(RunFolderError, match="config"):
        resume(run)
    assert not (tmp_path / "elsewhere").exists()
    assert (run / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_adapter_weights_need_their_base_said_again(run: Path) -> None:
    forge_config(run, model="mine", base="stranger/base")
    with pytest.raises(RunFolderError, match="--base stranger/base"):
        resume(run, model="mine")
    with pytest.raises(RunFolderError, match='of the base "stranger/base"'):
        resume(run, model="mine", base="another")


@pytest.mark.parametrize("where", ["model", "packs", "predictions"])
def test_a_pipe_or_device_that_the_journal_names_is_not_read(where: str, run: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    values = {
        "model": {"model": str(pipe)}, "packs": {"packs": ["/dev/zero"]},
        "predictions": {"model": f"predictions:{pipe}"},
    }
    forge_config(run, **values[where])
    with pytest.raises(RunFolderError, match="a pipe or a device"):
        resume(run)


@pytest.mark.parametrize("command", ["resume", "retry-errors"])
def test_the_commands_have_the_options_and_exit_2(
    command: str, toy: Any, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge_config(run, model=f"openai:toy@{toy.url}")
    assert _run([command, str(run), "--offline"]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert f"--model 'openai:toy@{toy.url}'" in text or f"--model openai:toy@{toy.url}" in text
    assert _run([command, str(run), "--offline", "--model", f"openai:toy@{toy.url}", "--max-requests", "3"]) == 2
    assert "--offline lets no endpoint be asked" in capsys.readouterr().err
    assert toy.asked == []


# --- nothing in it leads to another file ---


def readers(run: Path) -> dict[str, Callable[[], Any]]:
    """Everything that reads a run folder."""
    return {
        "resume": lambda: resume(run), "retry-errors": lambda: retry_errors(run), "verify": lambda: verify(run),
        "show": lambda: show(run, "claims/x"), "gate": lambda: load_audit(run), "audit": lambda: audit(run),
        "export": lambda: export_predictions(run, run.parent / "out.jsonl"),
        "audit.json": lambda: load_audit(run / "audit.json"),
    }


READS = {
    "journal.jsonl": ["resume", "retry-errors", "verify", "show", "audit", "export"],
    "audit.json": ["verify", "gate", "audit.json"],
    "samples.parquet": ["verify"],
}


@pytest.mark.parametrize(("file", "reader"), [(file, name) for file, names in READS.items() for name in names])
@pytest.mark.parametrize("sort", ["link", "dangling", "pipe", "socket", "folder"])
def test_no_link_pipe_or_folder_is_read_in_the_place_of_a_file(
    file: str, reader: str, sort: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, victim = run / file, tmp_path / "victim"
    victim.write_bytes(path.read_bytes())
    path.unlink()
    if sort == "link":
        path.symlink_to(victim)
    elif sort == "dangling":
        path.symlink_to(tmp_path / "absent")
    elif sort == "pipe":
        os.mkfifo(path)
    elif sort == "socket":
        monkeypatch.chdir(run)  # names of sockets must be short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(file)
    else:
        path.mkdir()
    before = victim.read_bytes()
    with pytest.raises(RunFolderError):
        readers(run)[reader]()
    assert victim.read_bytes() == before
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("name", ["journal.lock", "journal.broken"])
def test_files_beside_the_journal_are_not_written_through(name: str, run: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (run / name).symlink_to(victim)
    with (run / "journal.jsonl").open("ab") as journal:
        journal.write(b"damaged\n")
    if name == "journal.broken":
        with pytest.raises(RunFolderError, match="symbolic link"):
            audit(run)
    else:
        audit(run)
    assert victim.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("file", FILES[1:])
def test_a_link_in_the_place_of_a_page_is_replaced_and_its_target_is_not(file: str, run: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (run / file).unlink()
    (run / file).symlink_to(victim)
    if file == "audit.json":
        (run / "journal.jsonl").write_bytes(b"".join((run / "journal.jsonl").read_bytes().splitlines(True)[:-1]))
    audit(run, limit=20)
    assert victim.read_text(encoding="utf-8") == "precious"


def test_a_journal_with_a_second_name_is_not_written_to(run: Path, tmp_path: Path) -> None:
    os.link(run / "journal.jsonl", tmp_path / "other")
    with pytest.raises(RunFolderError, match="hard link"):
        audit(run)


def test_a_journal_that_is_another_file_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for text in ("precious notes\n", '{"some": "log"}\n'):
        (tmp_path / "run" / "journal.jsonl").write_text(text, encoding="utf-8")
        with pytest.raises(RunFolderError, match="no run of auditkit"):
            audit(tmp_path / "run")
        assert (tmp_path / "run" / "journal.jsonl").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("names", [
    ["index.html"], ["audit.json"], ["journal.jsonl/x"], [".git/config"], ["journal.lock", "README.md"],
    ["journal.jsonl", "index.html"],
])
def test_a_folder_that_is_no_run_is_refused(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).touch()
    with pytest.raises(RunFolderError, match=r"no run of auditkit|which auditkit does not follow"):
        audit(tmp_path / "site")
    files = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert files == set(names)


def test_a_run_may_begin_in_an_empty_folder_and_beside_a_gitignore(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".gitignore").write_text("*\n", encoding="utf-8")
    audit(tmp_path / "run")
    assert (tmp_path / "run" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_folder_that_is_a_link_is_not_written_to(run: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(RunFolderError, match="is a symbolic link"):
        audit(tmp_path / "link")
    assert list((tmp_path / "target").iterdir()) == []
    (tmp_path / "latest").symlink_to(run)
    before = (run / "index.html").stat().st_mtime_ns
    assert _run(["render", str(tmp_path / "latest")]) == 2
    assert (run / "index.html").stat().st_mtime_ns == before


def test_a_starter_file_is_not_written_through_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "audit.yaml").symlink_to(tmp_path / "absent")
    assert _run(["init", str(tmp_path)]) == 2
    assert _run(["init", str(tmp_path), "--force"]) == 0
    assert not (tmp_path / "absent").exists()


def test_the_folder_of_a_training_is_not_written_through(tmp_path: Path) -> None:
    from auditkit.pipeline.around.training_folder import training_folder

    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    (tmp_path / ".model.part").symlink_to(victim)
    with pytest.raises(RunFolderError, match="symbolic link"), training_folder(tmp_path / "model", "o", resume=False):
        pass
    assert [path.name for path in victim.iterdir()] == ["precious"]
    (tmp_path / ".model.part").unlink()
    for inner in ("model", "checkpoints"):
        (tmp_path / ".model.part").mkdir(exist_ok=True)
        (tmp_path / ".model.part" / inner).symlink_to(victim)
        with pytest.raises(RunFolderError), training_folder(tmp_path / "model", "o", resume=False):
            pass
        assert [path.name for path in victim.iterdir()] == ["precious"]


def test_a_family_that_the_journal_names_is_looked_up_and_not_imported_by_its_path(run: Path) -> None:
    forge_config(run, model="x", kind="os:system")
    with pytest.raises((ConfigError, ModelError)):
        resume(run)
