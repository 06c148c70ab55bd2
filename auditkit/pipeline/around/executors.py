"""Who computes the answers: this process, workers on Ray, or an endpoint."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from auditkit import registry
from auditkit.errors import ConfigError
from auditkit.models.adapter import Adapter
from auditkit.models.families import answers_by_sample, family_of_scheme
from auditkit.models.open import open_model
from auditkit.pipeline.around.offline import prepare
from auditkit.run.executor import Executor, executor_for
from auditkit.schema import Config


def check_executor(config: Config) -> None:
    """Refuse, before anything is loaded, an executor that cannot work with the model, or here.

    Raises:
        ConfigError: what, and what to do.
    """
    endpoint = _is_remote(config)
    if config.executor == "api" and not endpoint:
        raise ConfigError(f"executor: api needs an endpoint (openai:MODEL@BASE_URL), not {config.model}")
    if config.executor == "ray" and endpoint:
        raise ConfigError("executor: ray holds models itself; an endpoint is asked by executor: api (api.concurrency)")
    if config.executor == "ray" and (reason := registry.missing("ray")):
        raise ConfigError(f"executor: {reason}")
    if config.executor == "ray" and config.offline and os.environ.get("RAY_ADDRESS"):
        raise ConfigError("executor: --offline reaches no cluster; unset RAY_ADDRESS, and Ray stays on this machine")


def threads_each(config: Config) -> int:
    """CPU threads of one worker."""
    return config.threads or max(1, (os.cpu_count() or 1) // config.workers)


def describe_executor(config: Config) -> str:
    """Who answers, in words."""
    if config.executor == "ray":
        return f"ray, {config.workers} workers with {threads_each(config)} threads each"
    return "api" if _is_remote(config) else "local"


def choose_executor(config: Config, adapter: Adapter) -> Executor:
    """The executor that a configuration names.

    Args:
        config: its `executor`, `workers`, `threads` and `worker_deadline`.
        adapter: the model as opened here. One that answers from samples goes to the workers as it is; any other is
            opened there anew.
    """
    if config.executor != "ray":
        return executor_for(adapter)
    from auditkit.run.cluster import RayExecutor

    threads = threads_each(config)
    by_sample = answers_by_sample(adapter.subject.kind)
    opener = partial(_as_it_is, adapter) if by_sample else partial(_open, _for_workers(config, adapter, threads))
    return RayExecutor(opener, adapter.subject, config.workers, threads, config.worker_deadline)


def _is_remote(config: Config) -> bool:
    family = family_of_scheme(config.model)
    return family is not None and family.remote


def _for_workers(config: Config, adapter: Adapter, threads: int) -> Config:
    """The same model on any machine: device and number format are those that `auto` chose here."""
    update: dict[str, Any] = {"threads": threads, "device": (adapter.subject.device or config.device).partition(":")[0]}
    if Path(config.model).exists():
        update["model"] = str(Path(config.model).resolve())
    if adapter.subject.dtype in ("float32", "bfloat16", "float16"):
        update["dtype"] = adapter.subject.dtype
    return config.model_copy(update=update)


def _as_it_is(adapter: Adapter) -> Adapter:
    return adapter


def _open(config: Config) -> Adapter:
    """Open the model in a worker."""
    prepare(offline=config.offline, loopback=True)
    return open_model(config)
