"""Options are made from the records: each setting has one, with the record's choices, bounds and words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from auditkit.cli.audit import command as audit
from auditkit.cli.finetune import command as finetune
from auditkit.cli.options import plain_fields
from auditkit.cli.resume import command as resume
from auditkit.cli.retry_errors import command as retry_errors
from auditkit.cli.settings import read_config
from auditkit.config import make_record
from auditkit.errors import ConfigError
from auditkit.schema import Config, Recipe
from auditkit.schema.annotations import bare, choices_of
from auditkit.schema.config import GOING_ON, LIMITS_AND_PRICES, NOT_KEPT
from auditkit.schema.spelling import COMMAND_LINE, option_name


def options(command: click.Command) -> dict[str, click.Option]:
    return {param.opts[0]: param for param in command.params if isinstance(param, click.Option)}


def read(*words: str) -> Config:
    values = audit.make_context("audit", list(words)).params
    model, file = values.pop("model"), values.pop("config_file")
    return read_config(model, file, {name: value for name, value in values.items() if name not in ("as_json", "quiet")})


@pytest.mark.parametrize("name", [name for name in plain_fields(Config) if name != "model"])
def test_every_setting_has_an_option_with_the_records_words(name: str) -> None:
    made = options(audit)[option_name(name)]
    field = Config.model_fields[name]
    assert made.help is not None
    assert " ".join((field.description or "").split()) in made.help
    choices = choices_of(bare(field.annotation))
    if isinstance(made.type, click.Choice):
        assert tuple(made.type.choices) == choices


def test_what_a_run_folder_does_not_keep_is_given_again() -> None:
    api = {option_name("api", name) for name in (*LIMITS_AND_PRICES, *NOT_KEPT)}
    expected = {option_name(name) for name in GOING_ON} | api
    assert "--allow-http" in expected
    said_again = {"--model", "--base", "--trust-remote-code"}
    for command in (resume, retry_errors):
        assert set(options(command)) - {"--json", "--quiet"} == expected | said_again
    assert expected | {"--fresh"} <= set(options(audit))


def test_every_hyper_parameter_and_column_has_an_option() -> None:
    names = options(finetune)
    assert {option_name(name) for name in Recipe.model_fields} <= set(names)
    assert {"--columns", "--clusters", "--separator"} <= set(names)
    assert names["--task"].required
    assert "[default: 3]" in str(names["--epochs"].help)
    assert "20" in str(names["--epochs"].help)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--typo-rate", "9"], "--typo-rate"),
        (["--limit", "0"], "--limit"),
        (["--explain", "-1"], "--explain"),
        (["--columns", "text"], "--columns"),
        (["--robustness", "typos,cases"], "--robustness"),
        (["--dtype", "float8"], "--dtype"),
    ],
)
def test_a_wrong_value_names_an_option_that_there_is(words: list[str], name: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        read("planted:random", *words)
    assert f"'{name}'" in caught.value.format_message()
    assert name in options(audit)


@pytest.mark.parametrize(
    ("location", "name"),
    [
        (("typo_rate",), "--typo-rate"),
        (("api", "max_requests"), "--max-requests"),
        (("rules", "claims"), "--rule"),
        (("explain", "samples"), "--explain"),
        (("packs",), "--pack"),
    ],
)
def test_what_the_record_refuses_names_the_option_too(location: tuple[str, ...], name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: "):
        make_record(Config, {("model",): "m", location: object()}, COMMAND_LINE)
    assert name in options(audit)


@pytest.mark.parametrize(
    ("key", "value", "name"), [("task", 1, "--task"), ("columns", {"a": 1}, "--columns"), ("name", "!", "--data")]
)
def test_a_fault_of_a_task_names_the_option_that_made_it(key: str, value: Any, name: str) -> None:
    task = {"name": "t", "task": "tagging", "data": "x", key: value}
    with pytest.raises(ConfigError, match=f"^{name}: "):
        make_record(Config, {("model",): "m", ("tasks",): [task]}, COMMAND_LINE)


def test_an_option_overrides_the_file_and_a_fault_says_which_of_the_two_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "audit.yaml"
    file.write_text("model: m\nseed: 1\nexplain: {samples: 1, max_steps: 64}\n", encoding="utf-8")
    config = read("--config", str(file), "--explain", "3", "--seed", "2")
    assert (config.seed, config.explain.samples, config.explain.max_steps) == (2, 3, 64)
    file.write_text("model: m\nexplain:\n  max_steps: 0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r'audit\.yaml:3: "explain\.max_steps": '):
        read("--config", str(file), "--explain", "3")


def test_a_size_takes_the_place_of_a_limit_and_both_are_refused(tmp_path: Path) -> None:
    assert [read("m", "--size", size).most for size in ("small", "medium", "full")] == [288, 1600, None]
    assert read("m", "--limit", "7").most == 7
    file = tmp_path / "audit.yaml"
    file.write_text("model: m\nlimit: 40\n", encoding="utf-8")
    assert read("--config", str(file), "--size", "full").most is None
    file.write_text("model: m\nsize: small\n", encoding="utf-8")
    assert read("--config", str(file), "--limit", "12").most == 12
    with pytest.raises(ConfigError, match=r"^--size: size and limit both"):
        read("m", "--size", "small", "--limit", "12")
    file.write_text("model: m\nlimit: 40\nsize: small\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r'audit\.yaml:3: "size": size and limit both'):
        read("--config", str(file))


def test_one_task_is_made_of_its_options() -> None:
    config = read("m", "--task", "classification", "--data", "My Reviews.csv", "--columns", "text=a=b, label=stars")
    assert config.packs == ()
    assert [task.name for task in config.tasks] == ["my-reviews"]
    assert config.tasks[0].columns == {"text": "a=b", "label": "stars"}


@pytest.mark.parametrize("words", [["--task", "tagging"], ["--data", "x"], ["--columns", "a=b"], ["--split", "s"]])
def test_half_a_task_is_refused(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="--task and --data"):
        read("m", *words)


def test_a_call_in_python_speaks_of_arguments() -> None:
    import auditkit

    def refused(**settings: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            auditkit.audit("planted:random", **settings)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert refused(limitt=3) == 'audit: unknown argument "limitt"; did you mean "limit"?'
    assert refused(typo_rate=9).startswith('audit: "typo_rate": ')
