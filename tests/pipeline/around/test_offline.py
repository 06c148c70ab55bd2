"""Offline: no name is looked up and no connection is made."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import socket
from auditkit.errors import UsageError
from auditkit.pipeline.around.offline import prepare
prepare(offline=True)
for act in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: socket.getaddrinfo("example.org", 80)):
    try:
        act()
    except UsageError as error:
        print("refused:", error)
"""


def test_offline_blocks_sockets() -> None:
    # An audit hook stays for the rest of a process: so another one.
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert ended.stdout.count("refused:") == 2
