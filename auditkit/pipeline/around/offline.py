"""No network when it is not wanted, and no telemetry ever."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from auditkit.errors import UsageError

_blocked = False
_loopback = False
_hooked = False
_before: dict[str, str | None] = {}
"""What the variables were before the first offline call; empty while the network is open."""

DEFAULTS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Threads that wait sleep instead of spinning: as fast on an idle machine, twice as fast on a busy one.
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Environment of the libraries, where the user has not set it."""
OFFLINE = {
    "HF_HUB_OFFLINE": ("huggingface_hub.constants", "datasets.config"),
    "HF_DATASETS_OFFLINE": ("datasets.config",),
    "HF_EVALUATE_OFFLINE": ("evaluate.config",),
}
"""Environment variables that keep the libraries from the network, with the modules that remember them."""
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
"""Hosts that loopback connections name."""


def prepare(*, offline: bool, loopback: bool = False) -> None:
    """Set the environment of libraries before they are first imported; block sockets where asked.

    Args:
        offline: refuse every connection but to local (AF_UNIX) sockets, for the rest of the process or until
            `prepare(offline=False)`.
        loopback: let connections within this machine pass: worker processes need them.
    """
    global _blocked, _hooked, _loopback
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    (_close_libraries if offline else _open_libraries)()
    for name in ("NO_PROXY", "no_proxy"):
        # libraries that read the environment by themselves send nothing for this machine through a proxy
        hosts = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, *_THIS_MACHINE]))
    _blocked, _loopback = offline, loopback
    if offline and not _hooked:
        # An audit hook sees every connection, also those of libraries that kept their own reference to `connect`.
        sys.addaudithook(_refuse)
        _hooked = True


def _close_libraries() -> None:
    for name in OFFLINE:
        _before.setdefault(name, os.environ.get(name))
        os.environ[name] = "1"


def _open_libraries() -> None:
    """Undo `_close_libraries`, also in the libraries that were imported meanwhile and remember it."""
    for name, value in _before.items():
        if value is not None:
            os.environ[name] = value
            continue
        os.environ.pop(name, None)
        for module in OFFLINE[name]:
            if module in sys.modules:
                setattr(sys.modules[module], name, False)
    _before.clear()


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _blocked or event not in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        return
    if event == "socket.getaddrinfo":
        if _loopback and arguments[0] in _THIS_MACHINE:
            return
        raise UsageError(f"offline: refused to look up {arguments[0]!r}; run without --offline to allow the network")
    if _loopback and isinstance(arguments[1], tuple) and arguments[1][0] in _THIS_MACHINE:
        return
    if getattr(arguments[0], "family", None) != socket.AF_UNIX:
        raise UsageError(f"offline: refused to connect to {arguments[1]!r}; run without --offline to allow the network")
