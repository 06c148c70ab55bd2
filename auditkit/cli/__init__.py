"""The command line: one module a command; nothing heavy is imported before a command runs."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit code.

    0 passed, 1 gate failed, 2 usage or configuration error, 3 inconclusive, 4 measurement error or incomplete,
    130 interrupted. Python and click both exit 1 on an unknown error, which would read as 'gate failed': here it is 4.
    """
    if reason := _unfit():
        print(f"auditkit: {reason}", file=sys.stderr)
        sys.exit(2)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run(sys.argv[1:]))


def _unfit() -> str | None:
    """Why the command cannot work in this environment at all."""
    from auditkit.registry import conflict

    if sys.platform == "win32":
        return "it runs on Linux and macOS, whose file locks and memory readings it uses; on Windows run it in WSL"
    return conflict()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    import click

    from auditkit.cli.app import app
    from auditkit.errors import AuditkitError

    try:
        code = app.main(args=arguments, prog_name="auditkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("auditkit: interrupted; everything answered so far is kept: run the same command again", err=True)
        return 130
    except BrokenPipeError:
        return 4
    except Exception as error:
        if "--debug" in arguments:
            raise
        message, code = (str(error), error.exit_code) if isinstance(error, AuditkitError) else _message(error)
        click.echo(f"auditkit: {message}", err=True)
    return code if isinstance(code, int) else 0


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
    # The last resort: an unknown error is 4, never 1.
    return f"{type(error).__name__}: {error} (--debug shows the traceback)", 4
