"""`auditkit data`."""

from __future__ import annotations

from pathlib import Path

import click

from auditkit.cli.progress import progress

MIRROR = click.option(
    "--mirror", type=click.Path(path_type=Path), help="Folder with a manifest.json; default $AUDITKIT_MIRROR.",
)


@click.group("data")
def command() -> None:
    """List, pull or verify the published data of packs."""


@command.command("list")
@MIRROR
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_packs(mirror: Path | None, as_json: bool) -> int:
    """List the packs of published data, with licence, size and where their files are."""
    import json

    from auditkit.load.published import holdings

    rows = [
        {
            "name": holding.card.name, "files": holding.place, "rows": holding.card.rows, "bytes": holding.bytes,
            "license": holding.card.license, "edition": holding.card.edition, "title": holding.card.title,
        }
        for holding in holdings(mirror)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        size = f"{int(str(row['bytes'])) / 1e6:.1f} MB"
        click.echo(
            f"{row['name']:{width}}  {row['files']:8}  {row['rows']:>6} rows  {size:>8}  {row['license']:15}  "
            f"{row['edition']:13}  {row['title']}"
        )
    return 0


@command.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@MIRROR
@click.option("--offline", is_flag=True, help="Do not download; take files from the mirror.")
@click.option("--quiet", is_flag=True, help="No progress.")
def pull(names: tuple[str, ...], mirror: Path | None, offline: bool, quiet: bool) -> int:
    """Bring the files of packs into the data cache; `all` is every pack.

    A file is taken from the mirror if it is there, else downloaded from its pinned commit; one with another hash is
    refused.
    """
    from auditkit.load.packs import open_pack, published_names
    from auditkit.load.published import pull as pull_pack

    with progress(quiet=quiet) as on_event:
        for name in published_names() if "all" in names else names:
            pull_pack(name, on_event, mirror=mirror, offline=offline)
            pack = open_pack(name)
            click.echo(f"{name}: {pack.card.rows} rows, as its card says")
    return 0


@command.command("verify")
def verify() -> int:
    """Hash every pulled file; exit 4 where one is not what was pulled."""
    from auditkit.store.data import pulled_files

    files = list(pulled_files())
    broken = [file for file in files if not file.intact]
    for file in broken:
        click.echo(f"{file.path}: has sha256 {file.actual}, not {file.sha256}; remove it and pull its pack again")
    click.echo(f"{len(files)} files, {len(broken)} of them damaged")
    return 4 if broken else 0
