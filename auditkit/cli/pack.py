"""`auditkit pack`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("pack")
def command() -> None:
    """Check or seal a benchmark pack."""


@command.command("check")
@click.argument("name")
def check(name: str) -> int:
    """Read pack NAME (a built-in name or a folder) and report the first fault, or its size."""
    from auditkit.load.pack_names import refuse_unknown_names
    from auditkit.load.packs import open_pack
    from auditkit.load.requests import build
    from auditkit.load.samples import read_samples

    refuse_unknown_names(name)
    pack = open_pack(name)
    samples = read_samples(pack)
    for rule in pack.card.rules:
        build(pack.card, rule, samples)
    clusters = {sample.clusters[pack.card.clusters[0]] for sample in samples}
    click.echo(f"{pack.card.name}: {len(samples)} rows in {len(clusters)} clusters; no fault found")
    return 0


@command.command("seal")
@click.argument("folder", type=click.Path(path_type=Path))
def seal(folder: Path) -> int:
    """Write the row count and hash of FOLDER's rows into its card.yaml."""
    from auditkit.load.packs import seal as write

    write(folder)
    click.echo(f"{folder}/card.yaml: rows and sha256 are those of the row files now; raise its version if they changed")
    return 0
