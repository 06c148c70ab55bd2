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

    verified = verify(run)
    if seal is not None and seal != verified.seal:
        raise VerifyError(f"{run}: sealed with {verified.seal}, not with the given {seal}")
    verdict = verified.audit.verdict
    if as_json:
        counts = {"lines": verified.lines, "estimates": verified.estimates}
        click.echo(json.dumps({**counts, "seal": verified.seal, "verdict": verdict.status}))
    else:
        click.echo(
            f"Verified: {verified.lines} journal lines chained, {verified.estimates} estimates and the verdict "
            f"({verdict.status}) recomputed without the model.\nSeal:  {verified.seal}"
        )
    return 0
