"""Answers that outlive a run, in SQLite: model fingerprint and request hash to output.

A cache may fail without harm: whatever goes wrong is one event, and the run goes on without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from auditkit.schema import Output, canonical
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.store.paths import cache_home

T = TypeVar("T")

Row = tuple[str, Output | None]
"""A request's sha256 and its answer; no answer where the row is damaged."""
AnswerRow = tuple[str, str, bytes, str, str, int]
"""Fingerprint, request, answer, hash of the three, name of the model, and when it came in seconds since 1970."""

_VERSION = 3
"""3 is the first that knows when an answer came, and of which model."""
_BUSY_SECONDS = 30.0
_CHUNK = 500
"""Placeholders a query; old builds of SQLite take 999."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    fingerprint TEXT NOT NULL, request TEXT NOT NULL, output BLOB NOT NULL, digest TEXT NOT NULL,
    model TEXT NOT NULL, added INTEGER NOT NULL, PRIMARY KEY (fingerprint, request)) WITHOUT ROWID"""
_DAY = 86_400
"""Seconds."""


class AnswerCache:
    """Answers of all models; two processes may use it at once. Mode 0600."""

    def __init__(self, path: Path, on_event: OnEvent, *, reading: bool = True) -> None:
        """Internal: use `AnswerCache.open`."""
        self.path = path
        self._reading = reading
        self._on_event = on_event
        self._connection: sqlite3.Connection | None = None

    @classmethod
    def open(
        cls, path: Path | None = None, *, enabled: bool = True, reading: bool = True, on_event: OnEvent = ignore
    ) -> AnswerCache:
        """Open or create the cache.

        Args:
            path: the database; default `answers.sqlite` in `cache_home()`.
            enabled: `False` gives a cache that holds no answers, and touches no file.
            reading: `False` gives one that only takes answers: those of earlier runs are not believed.
            on_event: called at damage, and for a cache that cannot be used.
        """
        cache = cls(cache_home() / "answers.sqlite" if path is None else path, on_event, reading=reading)
        if enabled:
            cache._connect_or_report()
        return cache

    def __enter__(self) -> AnswerCache:
        """The cache itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()

    @property
    def usable(self) -> bool:
        """Whether the cache is still used; `False` after a failure, which was an event."""
        return self._connection is not None

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def get_many(self, fingerprint: str, shas: Iterable[str]) -> dict[str, Output]:
        """The answers that it holds, by request sha256; a damaged row is named, deleted and not among them."""
        wanted = list(shas) if self._reading else []
        answers: dict[str, Output] = {}
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            rows = self._guard(partial(_select, fingerprint=fingerprint, shas=chunk), list[Row]())
            damaged = [sha for sha, output in rows if output is None]
            answers.update((sha, output) for sha, output in rows if output is not None)
            if damaged:
                self._delete(fingerprint, damaged)
        return answers

    def put_many(self, fingerprint: str, outputs: Iterable[Output], model: str = "") -> None:
        """Store answers; errored ones are left out, and an answer that is already there stays.

        Args:
            fingerprint: of the model.
            outputs: its answers.
            model: its name, for who removes its answers.
        """
        rows: list[AnswerRow] = []
        now = int(time.time())
        for output in outputs:
            if output.error is None:
                data = canonical(output)
                rows.append((fingerprint, output.request, data, _digest(fingerprint, output.request, data), model, now))
        if rows:
            self._guard(partial(_insert, rows=rows), None)

    def usage(self) -> dict[str, tuple[int, int]]:
        """Name of a model to the number of its answers and their bytes."""
        query = "SELECT model, COUNT(*), SUM(LENGTH(output)) FROM answers GROUP BY model ORDER BY model"
        rows: list[tuple[bytes, int, int]] = self._guard(lambda connection: connection.execute(query).fetchall(), [])
        return {name.decode("utf-8", "replace"): (count, size) for name, count, size in rows}

    def purge(self, model: str | None = None, older_than: float | None = None) -> int:
        """Remove answers, and overwrite what they were.

        Args:
            model: of the model of this name alone; of all where `None`.
            older_than: those alone that came more days ago than this.

        Returns:
            How many were removed.
        """
        return self._guard(partial(_purge, model=model, older_than=older_than), 0)

    def _delete(self, fingerprint: str, shas: Sequence[str]) -> None:
        names = ", ".join(sha[:12] for sha in shas[:5]) + (" …" if len(shas) > 5 else "")
        self._report(f"{len(shas)} damaged answer(s) deleted (request {names}); the model is asked again")
        self._guard(partial(_remove, keys=[(fingerprint, sha) for sha in shas]), None)

    def _guard(self, action: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Run `action`; where the database fails, say so and return `default`."""
        if self._connection is None:
            return default
        try:
            return action(self._connection)
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise  # a bug, not a failing disk
        except sqlite3.DatabaseError as error:
            self.close()
            if _damaged(error):
                self._set_aside(error)
                self._connect_or_report()
            else:
                self._report(f"{error}; this run goes on without it")
            return default

    def _connect_or_report(self) -> None:
        """Connect; a damaged file is moved aside once."""
        for _ in range(2):
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if _damaged(error):
                    self._set_aside(error)
                    continue
                self._report(f"{error}; this run goes on without it")
            except OSError as error:
                self._report(f"{error.strerror or error}; this run goes on without it")
            return

    def _connect(self) -> sqlite3.Connection | None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # SQLite gives its -wal and -shm files the same mode
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.text_factory = bytes  # a damaged string is a damaged row, not an exception
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > _VERSION:
                self._report(f"is of a newer auditkit (version {version}); this run goes on without it")
                connection.close()
                return None
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            _make_table(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.broken-{number}")).exists():
            number += 1
        with contextlib.suppress(OSError):
            os.replace(self.path, aside)
        for suffix in ("-wal", "-shm"):  # they belong to the damaged file
            with contextlib.suppress(OSError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        self._report(f"{error}; moved to {aside.name}, and a new one was begun")

    def _report(self, what: str) -> None:
        self._on_event(Event("run", f"answer cache {self.path}: {what}"))


def _make_table(connection: sqlite3.Connection) -> None:
    """Make the table where it is not there; answers of an older form go, so that each is asked again."""
    connection.execute("BEGIN IMMEDIATE")  # another process may do the same now
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if 0 < version < _VERSION:
            connection.execute("DROP TABLE IF EXISTS answers")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _select(connection: sqlite3.Connection, fingerprint: str, shas: Sequence[str]) -> list[Row]:
    marks = ", ".join("?" * len(shas))
    query = f"SELECT request, output, digest FROM answers WHERE fingerprint = ? AND request IN ({marks})"  # noqa: S608
    rows = connection.execute(query, (fingerprint, *shas)).fetchall()
    return [(request.decode(), _read(fingerprint, request.decode(), data, value)) for request, data, value in rows]


def _read(fingerprint: str, request: str, data: object, value: object) -> Output | None:
    if not isinstance(data, bytes) or value != _digest(fingerprint, request, data).encode():
        return None
    try:
        output = Output.model_validate_json(data)
    except ValueError:
        return None
    return output if output.request == request and output.error is None else None


def _purge(connection: sqlite3.Connection, model: str | None, older_than: float | None) -> int:
    before = None if older_than is None else int(time.time() - older_than * _DAY)
    connection.execute("PRAGMA secure_delete = ON")
    removed = connection.execute(
        "DELETE FROM answers WHERE (?1 IS NULL OR model = ?1) AND (?2 IS NULL OR added < ?2)", (model, before)
    ).rowcount
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds them too
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return removed


def _insert(connection: sqlite3.Connection, rows: Sequence[AnswerRow]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _remove(connection: sqlite3.Connection, keys: Sequence[tuple[str, str]]) -> None:
    connection.executemany("DELETE FROM answers WHERE fingerprint = ? AND request = ?", keys)


def _digest(fingerprint: str, request: str, data: bytes) -> str:
    """Over the key too: a row under another model's key is damaged."""
    return hashlib.sha256(f"{fingerprint}\n{request}\n".encode() + data).hexdigest()


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait for a second process that switches too."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
