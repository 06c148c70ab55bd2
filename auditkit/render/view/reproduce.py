"""The section with the command that makes the audit again."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from auditkit.render.view.index import AuditIndex
from auditkit.render.view.section import Section
from auditkit.schema import Api, Audit, Config, Explain, Record
from auditkit.schema.config import LIMITS_AND_PRICES
from auditkit.schema.spelling import option_name


@dataclass(frozen=True)
class Reproduce:
    """The command, and the id that the audit must bear again."""

    command: str
    audit: str


def reproduce(index: AuditIndex) -> Reproduce:
    """The section's data."""
    return Reproduce(command(index.audit), index.audit.id)


section = Section("reproduce", 900, reproduce, "reproduce.html.j2")


def command(audit: Audit) -> str:
    """The shell command that makes the audit again, quoted for POSIX shells."""
    config = audit.config
    words = ["auditkit", "audit", config.model]
    for pack in config.packs:
        words += [option_name("packs"), pack]
    if option_name("seed") not in (flags := _flags(config)):
        flags += [option_name("seed"), str(config.seed)]
    settings = _unflagged(config)
    if not settings:
        return shlex.join([*words, *flags])
    written = shlex.join(["printf", "%s\\n", *settings]) + " > settings.yaml"
    return f"{written}\n{shlex.join([*words, *flags, '--config', 'settings.yaml'])}"


def _flags(config: Config) -> list[str]:
    """One flag for each setting that is not at its default."""
    flags: list[str] = []
    for name, field in Config.model_fields.items():
        value = getattr(config, name)
        usual = None if field.is_required() else field.get_default(call_default_factory=True)
        if name in ("model", "schema_version", "packs", "tasks", "explain", "api", "rules") or value == usual:
            continue
        flag = option_name(name)
        flags += [flag] if value is True else [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
    for pack, rule in config.rules.items():
        flags += [option_name("rules"), f"{pack}={rule}"]
    if config.explain.samples != Explain().samples:
        flags += [option_name("explain", "samples"), str(config.explain.samples)]
    for name in LIMITS_AND_PRICES:
        value = getattr(config.api, name)
        flags += [] if value is None else [option_name("api", name), str(value)]
    return flags


def _unflagged(config: Config) -> list[str]:
    """Lines of an audit.yaml for the settings that no flag sets."""
    tasks = [task.model_dump(mode="json", exclude_defaults=True) for task in config.tasks]
    return [
        *([] if config.packs else ["packs: []"]),
        # JSON is YAML on one line
        *([f"tasks: {json.dumps(tasks, ensure_ascii=False)}"] if tasks else []),
        *_changed("explain", config.explain, Explain(), ("samples",)),
        *_changed("api", config.api, Api(), LIMITS_AND_PRICES),
    ]


def _changed(key: str, record: Record, usual: Record, flagged: tuple[str, ...]) -> list[str]:
    lines = [
        f"  {name}: {getattr(record, name)}"
        for name in type(record).model_fields
        if name not in flagged and getattr(record, name) != getattr(usual, name)
    ]
    return [f"{key}:", *lines] if lines else []
