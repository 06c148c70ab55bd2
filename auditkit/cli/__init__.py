"""The command line: one module a command; nothing heavy is imported before a command runs."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

_FIRST = (130, 2, 1, 4, 3, 0)
"""Where several exit codes hold, the first of these wins."""
_received: list[int] = []
"""Signals that asked the command to stop."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code.

    0 passed, 1 gate failed, 2 usage or configuration error, 3 inconclusive, 4 measurement error or incomplete,
    130 interrupted. Python and click both exit 1 on an unknown error, which would read as 'gate failed': here it is 4.
    """
    if reason := _unfit():
        print(f"auditkit: {reason}", file=sys.stderr)
        sys.exit(2)
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and shells set it for what runs behind
            signal.signal(number, _interrupt)
    _refuse_sudden_exit()
    try:
        code = _run(sys.argv[1:])
    except BaseException:  # noqa: BLE001 - a second signal, while the first was answered
        code = 130 if _received else 4
    sys.exit(130 if _received else code)


def _refuse_sudden_exit() -> None:
    """Let nobody end this process with 0 in the middle of a command: a plugin's `os._exit` is an error here."""
    process, leave = os.getpid(), os._exit

    def refuse(status: int) -> NoReturn:
        """Leave in a child, as libraries do; raise here."""
        if os.getpid() != process:
            leave(status)
        raise SystemExit(status)

    os._exit = refuse


def _unfit() -> str | None:
    """Why the command cannot work in this environment at all."""
    from auditkit.registry import conflict

    if sys.platform == "win32":
        return "it runs on Linux and macOS, whose file locks and memory readings it uses; on Windows run it in WSL"
    return conflict()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    _received.append(signum)
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    """The exit code of a command; whatever it prints is escaped."""
    from auditkit.cli.terminal import escaped_output

    with escaped_output() as out:
        code = _code(arguments)
    # A verdict that could not be written down (a full disk) is not handed on; a reader that has gone wanted no more.
    return min(code, 4, key=_FIRST.index) if out.lost else code


def _code(arguments: list[str]) -> int:
    import click

    from auditkit.cli.app import app
    from auditkit.cli.terminal import one_line
    from auditkit.errors import AuditkitError

    try:
        code = app.main(args=arguments, prog_name="auditkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("auditkit: interrupted; everything answered so far is kept: run the same command again", err=True)
        return 130
    except SystemExit as stop:
        click.echo(f"auditkit: a library or plugin ended the command (exit {one_line(str(stop.code))})", err=True)
        return 4
    except Exception as error:  # noqa: BLE001 - whatever it is, its exit code is 4 and never 1
        if "--debug" in arguments:
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        message, code = (str(error), error.exit_code) if isinstance(error, AuditkitError) else _message(error)
        click.echo(f"auditkit: {one_line(message)}", err=True)
    return code if isinstance(code, int) and code in _FIRST else 4


def _message(error: Exception) -> tuple[str, int]:
    """One line for an error that auditkit did not raise itself, and the exit code."""
    import click

    from auditkit.registry import lacking

    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        return f"{error.format_message()}{hint}", 2
    if isinstance(error, ModuleNotFoundError) and (reason := lacking(error)):
        return reason, 2
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{str(error.filename)[:60]}…: longer than the name of a file can be; give a shorter path", 2
    # The last resort: an unknown error is 4, never 1.
    return f"{type(error).__name__}: {error} (--debug shows the traceback)", 4
