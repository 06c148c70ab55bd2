"""`auditkit cache`."""

from __future__ import annotations

import click

from auditkit.cli.terminal import one_line


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int:
    """Show where the answers lie that audits of this user share, and how many there are of each model."""
    from auditkit.store.cache import AnswerCache
    from auditkit.store.paths import cache_home

    if context.invoked_subcommand is not None:
        return 0
    click.echo(one_line(f"{cache_home()}: {_megabytes(_size())} in all, with pulled data and converted weights"))
    with AnswerCache.open(on_event=_warn) as cache:
        usage = cache.usage()
        click.echo(one_line(f"{cache.path}: {sum(count for count, _ in usage.values())} answers"))
    for name, (count, size) in usage.items():
        click.echo(one_line(f"  {name or '(unnamed)'}: {count} answers, {_megabytes(size)}"))
    return 0


@command.command("purge")
@click.argument("model", required=False)
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Only answers that are older.")
def purge(model: str | None, older_than: float | None) -> int:
    """Remove the answers of MODEL, as its audits name it; of all models where none is named.

    What they were is overwritten. Run folders keep their own answers.
    """
    from auditkit.store.cache import AnswerCache

    with AnswerCache.open(on_event=_warn) as cache:
        if not cache.usable:
            return 4
        removed = cache.purge(model, older_than)
    click.echo(f"{removed} answers removed")
    return 0


def _warn(event: object) -> None:
    click.echo(one_line(str(getattr(event, "message", event))), err=True)


def _size() -> int:
    """Bytes of everything in the cache's folder."""
    from auditkit.store.paths import cache_home

    return sum(path.lstat().st_size for path in cache_home().rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
