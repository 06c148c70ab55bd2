"""The command group: lists commands without importing them."""

from __future__ import annotations

from importlib import import_module

import click

from auditkit.registry import DISTRIBUTION

COMMANDS = {
    "audit": ("auditkit.cli.audit", "Audit a model: measure, explain, judge, and write the report."),
    "finetune": ("auditkit.cli.finetune", "Fine-tune a base model on labelled rows, for an audit."),
    "demo": ("auditkit.cli.demo", "Audit a real small model, offline."),
    "resume": ("auditkit.cli.resume", "Go on with an interrupted run."),
    "retry-errors": ("auditkit.cli.retry_errors", "Ask again what errored in a run, and seal it anew."),
    "init": ("auditkit.cli.init", "Write a commented audit.yaml and policy.yaml."),
    "render": ("auditkit.cli.render", "Write the pages of an audit again."),
    "gate": ("auditkit.cli.gate", "Judge an audit by a policy; the exit code is the verdict."),
    "verify": ("auditkit.cli.verify", "Recompute an audit from its journal, without the model."),
    "show": ("auditkit.cli.show", "Show one sample: what was asked, answered and scored."),
    "export": ("auditkit.cli.export", "Write the answers of a run as saved predictions."),
    "selftest": ("auditkit.cli.selftest", "Read every probe on planted models whose behaviour is known."),
    "list": ("auditkit.cli.list", "List packs, metrics, rules, models, policies or plugins."),
    "rule": ("auditkit.cli.rule", "Print the documentation of a rule."),
    "pack": ("auditkit.cli.pack", "Check or seal a benchmark pack."),
    "data": ("auditkit.cli.data", "List, pull or verify the published data of packs."),
    "cache": ("auditkit.cli.cache", "Show or remove the answers that audits of this user share."),
    "schema": ("auditkit.cli.schema", "Print the JSON schema of a record."),
    "doctor": ("auditkit.cli.doctor", "Show versions, device, and what is missing for each feature."),
}
"""Command to its module and its line in the help."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands' lines, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION, prog_name="auditkit")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def app(debug: bool) -> None:
    """Decide, with numbers that can be defended, whether a language model may be deployed.

    Exit codes: 0 passed, 1 gate failed, 2 usage or configuration error, 3 inconclusive, 4 measurement error or
    incomplete, 130 interrupted.
    """
