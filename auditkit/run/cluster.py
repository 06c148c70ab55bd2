"""Workers on Ray: on this machine alone, unless `RAY_ADDRESS` names a cluster.

Ray ends the process that talks to it when its node goes down, with exit code 1. Hence that is another process, the
driver: when it ends, another one is started and gets the batches that were still to be answered.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from auditkit import registry
from auditkit.errors import ConfigError, MeasurementError
from auditkit.models.adapter import Adapter
from auditkit.run.executor import Batch, TimedOutput
from auditkit.run.pipes import read_frame, write_frame
from auditkit.schema import Subject

STARTS = 4
"""Drivers started in a row without an answer in between, before the run is given up."""


@dataclass
class RayExecutor:
    """Answers batches on workers that each hold the model, in processes of their own."""

    opener: Callable[[], Adapter]
    """Opens the model, called in each worker; it must be importable there."""
    subject: Subject
    """The model as this process opened it: a worker that opens another one is refused."""
    workers: int
    threads: int
    """CPU threads of each worker."""
    deadline: float
    """Seconds for one batch; then its worker is replaced, and the batch asked again."""
    _open: dict[int, Batch] = field(default_factory=dict)
    """Batches that a driver has and has not answered."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` where Ray is not installed."""
        if reason := registry.missing("ray"):
            raise ConfigError(f"executor: {reason}")

    def run(self, batches: Iterable[Batch]) -> Iterator[TimedOutput]:
        """See `Executor.run`.

        Raises:
            ConfigError: the cluster has fewer CPUs than the workers need.
            ModelError: a worker opened another model.
            MeasurementError: Ray cannot be started, or goes down again and again.
        """
        source, starts = iter(batches), 0
        while True:
            starts += 1
            with _Driver(self) as driver:
                unanswered = iter(list(self._open.values()))
                for answer in driver.answers(self._feed(unanswered, source)):
                    starts = 0
                    self._settle(answer)
                    yield answer
                if driver.finished:
                    return
                if starts >= STARTS:
                    raise MeasurementError(f"Ray went down {starts} times: {driver.last_words()}; {_GO_ON}")

    def _feed(self, unanswered: Iterator[Batch], source: Iterator[Batch]) -> Iterator[Batch]:
        yield from unanswered
        for batch in source:
            self._open[batch.number] = batch
            yield batch

    def _settle(self, answer: TimedOutput) -> None:
        """Note which requests of a batch are left."""
        batch = self._open[answer.batch]
        left = [place for place, request in enumerate(batch.requests) if request.sha256 != answer.output.request]
        if not left:
            del self._open[answer.batch]
            return
        encoded = tuple(batch.encoded[place] for place in left) if batch.encoded else ()
        self._open[answer.batch] = Batch(batch.number, tuple(batch.requests[place] for place in left), encoded)


_GO_ON = "every answer so far is kept: give the same command again"


class _Driver:
    """The process that talks to Ray."""

    def __init__(self, executor: RayExecutor) -> None:
        self.finished = False
        self._folder = tempfile.mkdtemp(prefix="auditkit-ray-", dir=_socket_home())
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "auditkit.run.driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, env=_environment(), start_new_session=True,
        )
        self._to = cast(BinaryIO, self._process.stdin)
        self._from = cast(BinaryIO, self._process.stdout)
        self._settings = {
            "opener": pickle.dumps(executor.opener), "subject": executor.subject, "workers": executor.workers,
            "threads": executor.threads, "deadline": executor.deadline, "folder": self._folder,
        }

    def __enter__(self) -> _Driver:
        return self

    def __exit__(self, *_: object) -> None:
        """Closing its input ends it, unless it is ending already; Ray's processes end with it."""
        if not self.finished:
            with contextlib.suppress(OSError):
                self._to.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._to, self._from, self._log):
            with contextlib.suppress(OSError):
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def answers(self, batches: Iterator[Batch]) -> Iterator[TimedOutput]:
        """What it answers, until it has finished or has died."""
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            write_frame(self._to, self._settings)
            while True:
                message: Any = read_frame(self._from)
                if isinstance(message, TimedOutput):
                    yield message
                elif isinstance(message, Exception):
                    raise message
                elif message == "next":
                    write_frame(self._to, next(batches, None))
                else:
                    self.finished = True
                    return

    def last_words(self) -> str:
        """The last line that it wrote as an error."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return " ".join(lines[-1].split())[:300] if lines else "it wrote no error"


def _socket_home() -> str | None:
    """Where the folder of Ray's sockets is made: their paths must be short."""
    home = Path("/tmp")  # noqa: S108 (mkdtemp makes a folder in it that only this user may enter)
    return str(home) if home.is_dir() else None


def _environment() -> dict[str, str]:
    """The driver's environment: Ray's settings, where the user has not set them."""
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if not os.environ.get("RAY_ADDRESS"):
        # The name says otherwise, but on every system: 0 is "no cluster of several machines", hence loopback only.
        settings |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_gcs_rpc_server_reconnect_timeout_s": "15"}
        if "RAY_AUTH_MODE" not in os.environ:
            settings |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}
    checkout = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([checkout, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**settings, **os.environ, "PYTHONPATH": path}


@cache
def _token() -> str:
    """A secret of this process, passed on in the environment: otherwise Ray writes one into the home directory."""
    return secrets.token_hex(32)
