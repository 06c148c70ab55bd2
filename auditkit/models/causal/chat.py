"""A user's turn as the model's chat template writes it: bounded in time and memory, and with all of the user's text."""

from __future__ import annotations

import atexit
import json
import signal
import subprocess
import sys
import threading
import unicodedata
from typing import Any

from auditkit.errors import ModelError

SECONDS = 5.0
"""Longest rendering of one turn; ordinary ones take less than a millisecond."""
Span = tuple[int, int]
"""Character range [start, end)."""

PROBE = "Which of “A<b> & C” is it: 1,234.5 or\n- naïve, Ünïcode; {braces}?"
"""A turn that a template which changes case, marks, lines or accents does not leave as it is."""


class TemplateProcess:
    """The process that renders templates; started at the first turn, and again after one that ended it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Nothing is started yet.

        Args:
            seconds: the longest that a turn may take.
        """
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def render(self, template: str, text: str, tokens: dict[str, Any]) -> str:
        """One user turn and the beginning of the assistant's.

        Args:
            template: the chat template.
            text: what the user says.
            tokens: the tokenizer's special tokens by name.

        Raises:
            ModelError: it fails, or takes more time or memory than a template may.
        """
        with self._lock:
            reply = self._ask(json.dumps({"template": template, "text": text, "tokens": tokens}))
        if "rendered" in reply:
            return reply["rendered"]
        raise ModelError(f"the chat template fails on a user's turn ({reply['problem']}); use chat: never")

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _ask(self, order: str) -> dict[str, str]:
        if self._process is None:
            # -P: a module that lies in the user's folder is not imported in place of ours
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "auditkit.models.causal.template_process", str(self._seconds)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(order + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        if line.endswith("\n"):
            reply: dict[str, str] = json.loads(line)
            return reply
        code = process.wait()
        self.close()
        if code == -signal.SIGALRM:
            return {"problem": f"it takes more than {self._seconds:g} s for one turn"}
        return {"problem": f"its process ended with {code}"}


_PROCESS = TemplateProcess()
atexit.register(_PROCESS.close)


def render_chat(tokenizer: Any, text: str) -> str:
    """One user turn and the beginning of the assistant's, by the tokenizer's template, its system prompt kept.

    Raises:
        ModelError: the template fails, takes too long or too much memory, or leaves the text out or changes it.
    """
    rendered = _PROCESS.render(tokenizer.get_chat_template(), text, _special_tokens(tokenizer))
    if _compact(text) not in _compact(rendered):
        raise ModelError(
            f"the chat template does not pass on what it is asked: {text[:60]!r} is not in the prompt that it makes "
            f"({rendered[:60]!r}); use chat: never, or a template for models of text"
        )
    return rendered


def authored(rendered: str, text: str) -> tuple[Span, ...]:
    """Where in a rendered turn the text stands, white space aside; empty where it is written in another Unicode form.

    The last place counts: a template may cite the text before it.
    """
    places = [place for place, character in enumerate(rendered) if not character.isspace()]
    wanted = "".join(text.split())
    start = "".join(rendered[place] for place in places).rfind(wanted) if wanted else -1
    return ((places[start], places[start + len(wanted) - 1] + 1),) if start >= 0 else ()


def _compact(text: str) -> str:
    """The text in one Unicode form, without white space."""
    return "".join(unicodedata.normalize("NFC", text).split())


def _special_tokens(tokenizer: Any) -> dict[str, Any]:
    """Names to texts, as `apply_chat_template` hands them to a template."""
    tokens: dict[str, Any] = json.loads(json.dumps(tokenizer.special_tokens_map, default=str))
    return tokens
