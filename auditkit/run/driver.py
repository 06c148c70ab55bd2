"""The process that talks to Ray: `python -m auditkit.run.driver`, started and fed by `cluster`.

A cluster of its own listens on loopback only, takes a secret that lives in the environment of its processes alone, has
no dashboard, sends no usage statistics, and leaves no file behind. `RAY_ADDRESS` names another cluster to use.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import sys
import threading
from collections.abc import Hashable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, BinaryIO

import ray

from auditkit.errors import AuditkitError, ConfigError, MeasurementError, ModelError
from auditkit.models.adapter import Adapter
from auditkit.run.dispatch import PoolExecutor, WorkerLost
from auditkit.run.executor import Batch, LocalExecutor, TimedOutput
from auditkit.run.pipes import read_frame, write_frame
from auditkit.schema import Subject

OBJECT_STORE = 100 << 20
"""Bytes of shared memory: batches and answers are small."""


def main() -> None:
    """Answer the batches that come in on standard input; answers go out where standard output was."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not stand between frames
    settings = read_frame(source)
    folder = settings["folder"]
    incoming: SimpleQueue[Any] = SimpleQueue()
    finished = threading.Event()
    threading.Thread(target=_listen, args=(source, incoming, folder, finished), daemon=True).start()
    try:
        _answer(settings, incoming, sink, folder)
    except AuditkitError as error:
        write_frame(sink, error)
    except (ConnectionError, ray.exceptions.RayError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        write_frame(sink, MeasurementError(f"Ray: {first}; give the same command again: it goes on"))
    finally:
        finished.set()
    os._exit(0)  # the listener waits for input


def _answer(settings: dict[str, Any], incoming: SimpleQueue[Any], sink: BinaryIO, folder: str) -> None:
    """Ask for batches, and send their answers, until there are none."""

    def batches() -> Iterator[Batch]:
        """One at a time, each asked for."""
        while True:
            write_frame(sink, "next")
            batch = incoming.get()
            if batch is None:
                return
            yield batch

    @contextlib.contextmanager
    def open_pool() -> Iterator[RayPool]:
        """Workers for as long as the context is open."""
        with _connected(settings["workers"] * settings["threads"], folder):
            pool = RayPool(settings["opener"], settings["subject"], settings["workers"], settings["threads"])
            try:
                yield pool
            finally:
                pool.close()

    for answer in PoolExecutor(open_pool, deadline=settings["deadline"]).run(batches()):
        write_frame(sink, answer)
    write_frame(sink, "end")


def _listen(source: BinaryIO, incoming: SimpleQueue[Any], folder: str, finished: threading.Event) -> None:
    """Receive batches; when the other end is gone, whatever the reason, end too."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            incoming.put(read_frame(source))
    if finished.is_set():
        return
    node = ray._private.worker._global_node
    if node is not None:
        node.kill_all_processes(check_alive=False, allow_graceful=False)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


@contextlib.contextmanager
def _connected(cpus: int, folder: str) -> Iterator[None]:
    """A Ray cluster: that of `RAY_ADDRESS`, else one of its own."""
    address = os.environ.get("RAY_ADDRESS")
    settings = {
        "num_cpus": cpus, "include_dashboard": False, "object_store_memory": OBJECT_STORE,
        "_node_ip_address": "127.0.0.1", "_temp_dir": folder,
    }
    ray.init(
        address=address or "local", log_to_driver=False, configure_logging=False, logging_level="error",
        **({} if address else settings),
    )
    try:
        yield
    finally:
        ray.shutdown()


class Worker:
    """Holds the model in a process of its own; it is opened with the first batch."""

    def __init__(self, opener: bytes, subject: Subject) -> None:
        """Keep what the model is opened with.

        Args:
            opener: pickled function that opens the adapter.
            subject: the model that it must turn out to be.
        """
        self._opener = opener
        self._subject = subject
        self._executor: LocalExecutor | None = None

    def answer(self, batch: Batch) -> list[TimedOutput] | AuditkitError:
        """One answer a request; an error that every worker would raise is returned, since Ray would wrap it."""
        try:
            if self._executor is None:
                adapter: Adapter = pickle.loads(self._opener)()  # noqa: S301 (it comes from the driver)
                _refuse_other(self._subject, adapter.subject)
                self._executor = LocalExecutor(adapter)
            return list(self._executor.run([batch]))
        except AuditkitError as error:
            return error


class RayPool:
    """See `dispatch.Pool`."""

    def __init__(self, opener: bytes, subject: Subject, workers: int, threads: int) -> None:
        """Start the workers.

        Raises:
            ConfigError: the cluster has less than they need.
        """
        resources = ray.cluster_resources()
        if resources.get("CPU", 0) < workers * threads:
            raise ConfigError(
                f"workers: {workers} with {threads} threads each need {workers * threads} CPUs, the Ray cluster has "
                f"{resources.get('CPU', 0):g}; lower workers or threads"
            )
        gpus = min(1.0, resources.get("GPU", 0) / workers) if (subject.device or "").startswith("cuda") else 0.0
        self._actor: Any = ray.remote(Worker).options(num_cpus=threads, num_gpus=gpus, max_restarts=0)
        self._arguments = (ray.put(opener), ray.put(subject))
        self._workers = [self._actor.remote(*self._arguments) for _ in range(workers)]

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
        ready, _ = ray.wait(list(handles), num_returns=1, timeout=timeout)
        return next(iter(ready), None)

    def result(self, handle: Hashable) -> list[TimedOutput]:
        """See `Pool.result`."""
        try:
            answers: list[TimedOutput] | AuditkitError = ray.get(handle)
        except ray.exceptions.RayTaskError as error:
            last = str(error).strip().splitlines()[-1]
            raise MeasurementError(f"a worker failed: {last[:300]}") from None
        except ray.exceptions.RayError as error:
            raise WorkerLost(" ".join(str(error).split())[:200]) from None
        if isinstance(answers, AuditkitError):
            raise answers
        return answers

    def replace(self, worker: int) -> None:
        """See `Pool.replace`."""
        self._kill(worker)
        self._workers[worker] = self._actor.remote(*self._arguments)

    def close(self) -> None:
        """Stop the workers."""
        for worker in range(self.size):
            self._kill(worker)

    def _kill(self, worker: int) -> None:
        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.kill(self._workers[worker])


def _refuse_other(expected: Subject, opened: Subject) -> None:
    if expected.fingerprint != opened.fingerprint:
        names = sorted(expected.parts.keys() | opened.parts.keys())
        differing = [name for name in names if expected.parts.get(name) != opened.parts.get(name)]
        raise ModelError(
            f"a worker opened another model: its {', '.join(differing) or 'fingerprint'} differs; give every machine "
            f"of the Ray cluster the same files and libraries"
        )


if __name__ == "__main__":
    main()
