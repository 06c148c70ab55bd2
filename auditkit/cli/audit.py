"""`auditkit audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditkit.cli.progress import progress
from auditkit.cli.settings import audit_options, read_config


@click.command("audit")
@click.argument("model", required=False)
@audit_options
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON on standard output.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(model: str | None, config_file: Path | None, as_json: bool, quiet: bool, **options: Any) -> int:
    """Audit MODEL: a Hub id, a directory, a GGUF file, `smollm2`, `openai:MODEL@BASE_URL`, `python:MODULE:FUNCTION`,
    `predictions:FILE` or `planted:NAME`.

    An interrupted audit goes on when the same command is given again. The exit code is the verdict.
    """
    from auditkit.cli.summary import print_finished
    from auditkit.pipeline.audit import run_audit

    config = read_config(model, config_file, options)
    with progress(quiet=quiet) as on_event:
        finished = run_audit(config, on_event)
    return print_finished(finished, as_json=as_json)
