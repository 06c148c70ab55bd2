"""`auditkit retry-errors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditkit.cli.progress import progress
from auditkit.cli.settings import execution, execution_options


@click.command("retry-errors")
@click.argument("run", type=click.Path(path_type=Path))
@execution_options
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON on standard output.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(run: Path, as_json: bool, quiet: bool, **options: Any) -> int:
    """Ask again what is journalled as errored in folder RUN, and nothing else; then seal the run anew.

    What fails again stays errored. What runs code, sends data or spends money is not taken from the folder: see
    `auditkit resume --help`. The exit code is the verdict.
    """
    from auditkit.cli.summary import print_finished
    from auditkit.pipeline.resume import retry_errors

    with progress(quiet=quiet) as on_event:
        finished = retry_errors(run, on_event, **execution(options))
    return print_finished(finished, as_json=as_json)
