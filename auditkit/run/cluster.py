"""Workers on Ray: on this machine alone, unless `RAY_ADDRESS` names a cluster.

A cluster of its own listens on loopback only, takes a secret that lives in the environment of its processes alone, has
no dashboard, sends no usage statistics, and leaves no file behind (a killed one leaves `/tmp/auditkit-ray-*`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auditkit.errors import AuditkitError, ConfigError, MeasurementError, ModelError
from auditkit.models.adapter import Adapter
from auditkit.run.dispatch import PoolExecutor, WorkerLost
from auditkit.run.executor import Answer, Batch, LocalExecutor
from auditkit.schema import Subject

OBJECT_STORE = 100 << 20
"""Bytes of shared memory: batches and answers are small."""


def ray_executor(
    opener: Callable[[], Adapter], subject: Subject, *, workers: int, threads: int, deadline: float
) -> PoolExecutor:
    """An executor whose workers each hold the model, in processes of their own.

    Args:
        opener: opens the model, called in each worker; it must be importable there.
        subject: the model as this process opened it: a worker that opens another one is refused.
        workers: how many.
        threads: CPU threads of each.
        deadline: seconds for one batch; then its worker is replaced, and the batch asked again.

    Raises:
        ConfigError: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise ConfigError('executor: ray is not installed; add it: pip install "auditkit[ray]"')

    @contextlib.contextmanager
    def open_pool() -> Iterator[RayPool]:
        with _cluster(workers * threads):
            pool = RayPool(opener, subject, workers, threads)
            try:
                yield pool
            finally:
                pool.close()

    return PoolExecutor(open_pool, deadline=deadline)


class Worker:
    """Holds the model in a process of its own; it is opened with the first batch."""

    def __init__(self, opener: Callable[[], Adapter], subject: Subject) -> None:
        self._opener = opener
        self._subject = subject
        self._executor: LocalExecutor | None = None

    def answer(self, batch: Batch) -> list[Answer] | AuditkitError:
        """One answer a request; an error that no other worker would mend is returned, since Ray would wrap it."""
        try:
            if self._executor is None:
                adapter = self._opener()
                _refuse_other(self._subject, adapter.subject)
                self._executor = LocalExecutor(adapter)
            return list(self._executor.run([batch]))
        except AuditkitError as error:
            return error

    def process(self) -> int:
        """Its process id."""
        return os.getpid()


class RayPool:
    """See `dispatch.Pool`."""

    def __init__(self, opener: Callable[[], Adapter], subject: Subject, workers: int, threads: int) -> None:
        """Start the workers.

        Raises:
            ConfigError: the cluster has less than they need.
        """
        import ray

        there = ray.cluster_resources()
        if there.get("CPU", 0) < workers * threads:
            raise ConfigError(
                f"workers: {workers} with {threads} threads each need {workers * threads} CPUs, the Ray cluster has "
                f"{there.get('CPU', 0):g}; lower workers or threads"
            )
        gpus = min(1.0, there.get("GPU", 0) / workers) if (subject.device or "").startswith("cuda") else 0.0
        self._actor: Any = ray.remote(Worker).options(num_cpus=threads, num_gpus=gpus, max_restarts=0)
        self._given = (ray.put(opener), ray.put(subject))
        self._workers = [self._actor.remote(*self._given) for _ in range(workers)]

    @property
    def size(self) -> int:
        """How many workers."""
        return len(self._workers)

    def submit(self, worker: int, batch: Batch) -> Hashable:
        """See `Pool.submit`."""
        handle: Hashable = self._workers[worker].answer.remote(batch)
        return handle

    def wait(self, handles: Sequence[Hashable], timeout: float) -> Hashable | None:
        """See `Pool.wait`."""
        import ray

        ready, _ = ray.wait(list(handles), num_returns=1, timeout=timeout)
        return next(iter(ready), None)

    def result(self, handle: Hashable) -> list[Answer]:
        """See `Pool.result`."""
        import ray

        try:
            found: list[Answer] | AuditkitError = ray.get(handle)
        except ray.exceptions.RayTaskError as error:
            last = str(error).strip().splitlines()[-1]
            raise MeasurementError(f"a worker failed: {last[:300]}") from None
        except ray.exceptions.RayError as error:
            raise WorkerLost(type(error).__name__) from None
        if isinstance(found, AuditkitError):
            raise found
        return found

    def replace(self, worker: int) -> None:
        """See `Pool.replace`."""
        self._kill(worker)
        self._workers[worker] = self._actor.remote(*self._given)

    def close(self) -> None:
        """Stop the workers."""
        for worker in range(self.size):
            self._kill(worker)

    def _kill(self, worker: int) -> None:
        import ray

        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.kill(self._workers[worker])


def _refuse_other(asked: Subject, opened: Subject) -> None:
    if asked.fingerprint != opened.fingerprint:
        names = sorted(asked.parts.keys() | opened.parts.keys())
        other = [name for name in names if asked.parts.get(name) != opened.parts.get(name)]
        raise ModelError(
            f"a worker opened another model: its {', '.join(other) or 'fingerprint'} differs; give every machine of "
            f"the Ray cluster the same files and libraries"
        )


@contextlib.contextmanager
def _cluster(cpus: int) -> Iterator[None]:
    """Ray, as it is if it runs in this process; else the cluster of `RAY_ADDRESS`; else one of its own."""
    address = os.environ.get("RAY_ADDRESS")
    with _environment(own=not address), _folder() as folder:
        import ray

        if ray.is_initialized():
            yield
            return
        own = {
            "num_cpus": cpus, "include_dashboard": False, "object_store_memory": OBJECT_STORE,
            "_node_ip_address": "127.0.0.1", "_temp_dir": folder,
        }
        try:
            with _signals():
                ray.init(
                    address=address or "local", log_to_driver=False, configure_logging=False, logging_level="error",
                    **({} if address else own),
                )
            yield
        except (ConnectionError, ray.exceptions.RaySystemError) as error:
            where = f"Ray at {address}" if address else "Ray on this machine"
            first = str(error).strip().split("\n", 1)[0][:200]
            raise MeasurementError(f"{where}: {first}; give the same command again: it goes on") from None
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Ray's folder of sockets and logs; its paths must be short."""
    short = Path("/tmp")  # noqa: S108 (mkdtemp makes a folder that only this user may enter)
    folder = tempfile.mkdtemp(prefix="auditkit-ray-", dir=short if short.is_dir() else None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _environment(*, own: bool) -> Iterator[None]:
    """Ray's settings, read when it is imported and when it starts its processes; the user's own are kept."""
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if own:
        # The name says otherwise, but on every system: 0 is "no cluster of several machines", hence loopback only.
        settings["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if "RAY_AUTH_MODE" not in os.environ:
            settings |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@cache
def _token() -> str:
    """A secret of this process, from the environment: else Ray writes one into the home directory."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Keep this program's signal handlers: Ray puts its own in their place."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in ours.items():
            signal.signal(number, handler)
