"""`auditkit resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditkit.cli.progress import progress
from auditkit.cli.settings import execution, execution_options


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path))
@execution_options
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON on standard output.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(run: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Go on with the interrupted run in folder RUN, with the settings in its journal.

    What runs code, sends data or spends money is not taken from the folder: give --model (and --trust-remote-code, or
    --max-requests for an endpoint) again; likewise executor and prices. Without --model the network is blocked.
    Refuses where the model, the rows or the libraries are no longer those that it began with, and says what changed.
    The exit code is the verdict.
    """
    from auditkit.cli.summary import print_finished
    from auditkit.pipeline.resume import resume

    with progress(quiet=quiet) as on_event:
        finished = resume(run, on_event, **execution(options))
    return print_finished(finished, as_json=as_json)
