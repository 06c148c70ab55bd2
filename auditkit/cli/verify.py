"""`auditkit verify`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--seal", help="The seal that CI kept: audit.json must still have this sha256.")
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def command(run: Path, seal: str | None, as_json: bool) -> int:
    """Recompute every number and the verdict of RUN from its journal, without the model.

    The chain of hashes shows accidents; recomputing shows what was altered and sealed again; --seal shows a whole
    run that was replaced.
    """
    import json

    from auditkit.errors import VerifyError
    from auditkit.pipeline.verify import verify

    found = verify(run)
    if seal is not None and seal != found.seal:
        raise VerifyError(f"{run}: sealed with {found.seal}, not with the given {seal}")
    verdict = found.audit.verdict
    if as_json:
        facts = {"lines": found.lines, "estimates": found.estimates, "seal": found.seal, "verdict": verdict.status}
        click.echo(json.dumps(facts))
    else:
        click.echo(
            f"Verified: {found.lines} journal lines chained, {found.estimates} estimates and the verdict "
            f"({verdict.status}) recomputed without the model.\nSeal:  {found.seal}"
        )
    return 0
