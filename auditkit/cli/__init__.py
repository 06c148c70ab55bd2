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
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run(sys.argv[1:]))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    import click

    from auditkit.cli.app import app
    from auditkit.errors import AuditkitError

    debug = "--debug" in arguments
    try:
        code = app.main(args=arguments, prog_name="auditkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("auditkit: interrupted; everything answered so far is kept: run the same command again", err=True)
        return 130
    except click.ClickException as error:
        if debug:
            raise
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        click.echo(f"auditkit: {error.format_message()}{hint}", err=True)
        return 2
    except AuditkitError as error:
        if debug:
            raise
        click.echo(f"auditkit: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return 4
    except Exception as error:  # the last resort: an unknown error is 4, never 1
        if debug:
            raise
        click.echo(f"auditkit: {type(error).__name__}: {error} (--debug shows the traceback)", err=True)
        return 4
    return code if isinstance(code, int) else 0
