"""The process in which chat templates are rendered: `python -m auditkit.models.causal.template_process SECONDS`.

A template is a program that came with the model. The sandbox of transformers keeps it from files and sockets, but not
from running for ever or filling memory, and a single step of it (a power, a repetition, a width) can do either: no
count of steps stops that. Here the system does: an alarm ends the process, and a limit on its memory fails the step.

Reads a JSON object a line (`template`, `text`, `tokens`) and answers with one (`rendered` or `problem`).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

MEMORY = 256 << 20
"""Bytes that a rendering may take beyond what the process has when it begins."""
LONGEST = 1 << 20
"""Most characters of a rendered turn, beyond twice those of its text."""


def rendered_turn(template: str, text: str, tokens: dict[str, Any]) -> str:
    """One user turn and the beginning of the assistant's, as `apply_chat_template` gives it."""
    from transformers.utils.chat_template_utils import render_jinja_template

    conversation = [{"role": "user", "content": text}]
    rendered, _ = render_jinja_template(
        conversations=[conversation], chat_template=template, add_generation_prompt=True, **tokens
    )
    return str(rendered[0])


def answer(order: dict[str, Any]) -> dict[str, str]:
    """What is said to one order."""
    try:
        rendered = rendered_turn(order["template"], order["text"], order["tokens"])
    except MemoryError:
        return {"problem": f"it needs more than {MEMORY >> 20} MiB for one turn"}
    except RecursionError:
        return {"problem": "it is nested too deeply"}
    except Exception as error:  # noqa: BLE001 - jinja2's errors and whatever the template raises
        return {"problem": (" ".join(f"{error}".split()) or type(error).__name__)[:300]}
    if len(rendered) > LONGEST + 2 * len(order["text"]):
        return {"problem": f"it made {len(rendered):,} characters of a turn of {len(order['text']):,}"}
    return {"rendered": rendered}


def _limit_memory() -> None:
    """Hold the process to what it has now and `MEMORY` more; macOS knows no such limit, and there the alarm is left."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    except (OSError, ValueError):
        return


def main() -> None:
    """Answer orders until there are no more; one that takes longer than the argument says ends the process."""
    seconds = float(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's interrupt goes to the audit, which closes the pipe
    rendered_turn("{{ messages[0].content }}", "x", {})  # everything is imported before memory is limited
    _limit_memory()
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        reply = answer(json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
