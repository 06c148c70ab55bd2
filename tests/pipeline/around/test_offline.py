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


AND_BACK = """
import os
from auditkit.pipeline.around.offline import prepare
os.environ.pop("HF_HUB_OFFLINE", None)
os.environ["HF_DATASETS_OFFLINE"] = "1"
prepare(offline=True)
prepare(offline=True)
from huggingface_hub import constants
print(constants.is_offline_mode(), os.environ["HF_HUB_OFFLINE"])
prepare(offline=False)
print(constants.is_offline_mode(), "HF_HUB_OFFLINE" in os.environ, os.environ["HF_DATASETS_OFFLINE"])
"""


def test_the_network_opens_again_for_the_libraries_but_for_what_the_user_closed() -> None:
    ended = subprocess.run([sys.executable, "-c", AND_BACK], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["True 1", "False False 1"]
