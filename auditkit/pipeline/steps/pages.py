"""Everything that is written for people and CI: one file an exporter, each a pure function of the audit."""

from __future__ import annotations

import warnings

from auditkit import registry
from auditkit.errors import PluginWarning
from auditkit.render.write.exporter import Exporter
from auditkit.schema import Audit
from auditkit.schema.event import Event, OnEvent, ignore
from auditkit.store.folder import RunFolder


def write_pages(folder: RunFolder, audit: Audit, on_event: OnEvent = ignore) -> None:
    """Write what the registered exporters make of the audit: index.html, report.md, junit.xml, results.sarif and more.

    A plugin's exporter, or its section of the page, that fails is reported as an event and breaks nothing else.

    Raises:
        RegistryError: a built-in exporter cannot be used, or a plugin claims its name.
    """
    loaded, broken = registry.load_all("exporter", Exporter)
    problems = [str(plugin.problem) for plugin in broken]
    # What the run folder itself holds, and what the built-in exporters write first, is never written over.
    claimed = {folder.journal.name, folder.samples.name, folder.audit.name}
    for plugin, exporter in sorted(loaded, key=lambda item: not item[0].built_in):
        if exporter.file in claimed:
            problems.append(f'the exporter "{plugin.name}" is left out: the run folder holds {exporter.file} already')
            continue
        claimed.add(exporter.file)
        try:
            data, warned = _export(exporter, audit)
        except (Exception, SystemExit) as error:
            if plugin.built_in:
                raise
            problems.append(f'the exporter "{plugin.name}" failed: {type(error).__name__}: {error}')
        else:
            problems += warned
            folder.write(folder.path / exporter.file, data)
    for problem in problems:
        on_event(Event("render", problem))


def _export(exporter: Exporter, audit: Audit) -> tuple[bytes, list[str]]:
    """The file's bytes, and what was warned of plugins' parts in it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PluginWarning)
        data = exporter(audit)
    for item in caught:
        if not issubclass(item.category, PluginWarning):
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
    return data, [str(item.message) for item in caught if issubclass(item.category, PluginWarning)]
