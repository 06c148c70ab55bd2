"""Pulling published data: pinned by hash, resumed after a cut, never from elsewhere; a real server on loopback."""

from __future__ import annotations

import bz2
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import MeasurementError, PackError, UsageError
from auditkit.load import download
from auditkit.load.published import holdings, pull
from auditkit.schema import Upstream, UpstreamFile
from auditkit.schema.event import Event, ignore
from auditkit.store.data import pulled_files, pulled_path

CONTENT = b"".join(b'{"row": %d}\n' % i for i in range(5000))


class Server(ThreadingHTTPServer):
    """Serves one content under every path; `cut` bytes a connection, `ranges` or whole files."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.cut: int | None = None
        self.ranges = True
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        if asked and self.server.ranges and start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if asked and self.server.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setattr(download, "RAW", f"http://127.0.0.1:{running.server_address[1]}")
        monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("AUDITKIT_MIRROR", raising=False)
        yield running
        running.shutdown()
        thread.join()


def pinned(content: bytes = CONTENT, path: str = "data/rows of it.jsonl") -> tuple[Upstream, UpstreamFile]:
    file = UpstreamFile(
        file="rows.jsonl", path=path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)
    )
    return Upstream(repository="owner/name", commit="a" * 40, files=(file,)), file


def test_a_file_comes_from_its_pinned_commit_once(server: Server) -> None:
    upstream, file = pinned()
    events: list[Event] = []
    path = download.download(upstream, file, events.append)
    assert path == pulled_path(file.sha256, "rows.jsonl")
    assert path.read_bytes() == CONTENT
    assert server.asked == [(f"/owner/name/{'a' * 40}/data/rows%20of%20it.jsonl", None)]
    assert events[-1].done == events[-1].total == len(CONTENT)
    download.download(upstream, file, ignore)
    assert len(server.asked) == 1
    assert [one.intact for one in pulled_files()] == [True]


def test_the_address_is_githubs_over_https() -> None:
    upstream, file = pinned()
    assert download.raw_url(upstream, file).startswith("https://raw.githubusercontent.com/owner/name/aaaa")


def test_a_cut_download_goes_on_where_it_stopped(server: Server) -> None:
    server.cut = 30_000
    upstream, file = pinned()
    assert download.download(upstream, file, ignore).read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=30000-", "bytes=60000-"]


def test_a_server_without_ranges_sends_all_again(server: Server) -> None:
    upstream, file = pinned()
    path = pulled_path(file.sha256, "rows.jsonl")
    path.parent.mkdir(parents=True)
    (path.parent / ".rows.jsonl.part").write_bytes(b"half of another file")
    server.ranges = False
    assert download.download(upstream, file, ignore).read_bytes() == CONTENT
    assert [one.name for one in path.parent.iterdir()] == ["rows.jsonl"]


def test_what_is_cut_too_often_is_kept_for_the_next_call(server: Server) -> None:
    server.cut = 1000
    upstream, file = pinned()
    with pytest.raises(MeasurementError, match="the same command goes on where it stopped, or give --mirror DIR"):
        download.download(upstream, file, ignore)
    server.cut = None
    assert download.download(upstream, file, ignore).read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=4000-"


@pytest.mark.parametrize("other", [CONTENT.replace(b"17", b"71", 1), CONTENT + b"more\n", CONTENT[:-1], b""])
def test_another_file_is_refused_and_both_hashes_named(server: Server, other: bytes) -> None:
    server.content = other
    upstream, file = pinned()
    with pytest.raises(PackError) as caught:
        download.download(upstream, file, ignore)
    message = str(caught.value)
    assert file.sha256 in message
    assert hashlib.sha256(other).hexdigest() in message
    assert "\n" not in message
    assert list(pulled_files()) == []
    assert list(pulled_path(file.sha256, "rows.jsonl").parent.iterdir()) == []


def test_what_upstream_compresses_is_kept_unpacked(server: Server) -> None:
    server.content = bz2.compress(CONTENT)
    upstream, file = pinned(path="rows.jsonl.bz2")
    path = pulled_path(file.sha256, "rows.jsonl")
    path.parent.mkdir(parents=True)
    (path.parent / ".rows.jsonl.part").write_bytes(server.content)  # killed before it was checked
    assert download.download(upstream, file, ignore).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_refuses_is_named(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(MeasurementError, match=f"the server answered {status}"):
        download.download(*pinned(), ignore)


def test_a_pack_is_pulled_from_a_mirror_and_then_needs_none(
    server: Server, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditkit.load.packs import open_pack

    assert {held.card.name: held.place for held in holdings()}["boolq"] == "missing"
    assert {held.card.name: held.place for held in holdings(mirror)}["boolq"] == "mirror"
    (path,) = pull("boolq", ignore, mirror=mirror, offline=True)
    assert path.name == "dev.jsonl"
    assert server.asked == []
    assert {held.card.name: held.place for held in holdings()}["boolq"] == "cache"
    assert open_pack("boolq").every_file[0].path == path


def test_offline_says_what_is_missing(server: Server) -> None:
    with pytest.raises(UsageError, match=r"gsm8k: test\.jsonl is not in the cache and no mirror is named; run without"):
        pull("gsm8k", ignore, offline=True)
    with pytest.raises(PackError, match=r"bbq-race-x-ses: Race_x_SES\.jsonl can be found in a mirror only"):
        pull("bbq-race-x-ses", ignore)
    with pytest.raises(PackError, match="claims: its rows lie beside its card; there is nothing to pull"):
        pull("claims", ignore)
    assert server.asked == []


def test_a_damaged_file_is_found(server: Server) -> None:
    upstream, file = pinned()
    path = download.download(upstream, file, ignore)
    path.write_bytes(CONTENT[:-2])
    (one,) = pulled_files()
    found = hashlib.sha256(CONTENT[:-2]).hexdigest()
    assert (one.path, one.sha256, one.actual, one.intact) == (path, file.sha256, found, False)
