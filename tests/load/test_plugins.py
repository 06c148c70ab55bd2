"""A package of its own brings a reader and a kind of task: nothing of auditkit is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditkit import registry
from auditkit.errors import ConfigError
from auditkit.load.own_data import open_task
from auditkit.load.packs import open_pack, seal
from auditkit.load.samples import read_samples
from auditkit.load.training_data import read_training_rows
from auditkit.schema import Task

from .conftest import CARD

MODULE = '''
from auditkit.load.files import Row
from auditkit.load.tasks.kind import BARE, TaskKind

def read(file, beside):
    """Rows of `question|answer` lines."""
    for number, line in enumerate(file.lines(), start=1):
        question, _, answer = line.partition("|")
        yield Row(number, {
            "id": f"{number}", "input": {"context": "", "question": question}, "target": answer,
            "choices": [{"text": "yes", "label": "yes"}, {"text": "no", "label": "no"}],
            "clusters": {"template": question}, "arm": "ambiguous", "metadata": {"axis": "x"},
        })

shouting = TaskKind(
    inputs=("text",), truths=("loud",), truth=lambda row, classes: {"target": row.text("loud")},
    request="classify", rules=("number",), template=BARE, metrics=("pearson_correlation",),
    learnt_metrics=("pearson_correlation",),
)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed distribution with one module and its entry points."""
    site = tmp_path / "site"
    facts = site / "bars-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "bars.py").write_text(MODULE)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bars\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[auditkit]\nreader.bars = bars:read\ntask.shouting = bars:shouting\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    registry._entries.cache_clear()
    registry.get.cache_clear()
    yield
    registry._entries.cache_clear()
    registry.get.cache_clear()


def pack(reader: str) -> Path:
    folder = Path("small")
    folder.mkdir()
    (folder / "card.yaml").write_text(CARD.replace("[rows.jsonl]", f"[rows.bars]\nreader: {reader}"))
    (folder / "rows.bars").write_text("Is it?|yes\nIs it not?|no\n")
    return folder


@pytest.mark.usefixtures("plugin")
def test_a_reader_of_a_plugin_reads_a_pack() -> None:
    folder = pack("bars")
    assert seal(folder)[0] == 2
    samples = read_samples(open_pack(folder))
    assert [(sample.id, sample.target, sample.source.line) for sample in samples] == [
        ("small/1", "yes", 1), ("small/2", "no", 2),
    ]


def test_without_the_plugin_the_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r'card\.yaml: "reader": no reader is called "bars"; there are: arc, '):
        seal(pack("bars"))


@pytest.mark.usefixtures("plugin")
def test_a_kind_of_task_of_a_plugin_is_audited_and_learnt() -> None:
    Path("data.csv").write_text("text,loud\nHEY,9\nhush,1\n")
    task = Task(name="mine", task="shouting", data="data.csv")
    card, samples = open_task(task)
    assert (card.request, [sample.target for sample in samples]) == ("classify", ["9", "1"])
    assert [sample.target for sample in read_training_rows(task).samples] == ["9", "1"]


def test_every_reader_and_kind_of_task_is_registered() -> None:
    folder = Path(registry.__file__).parent / "load"
    readers, tasks = ({path.stem for path in (folder / name).glob("*.py")} for name in ("readers", "tasks"))
    assert set(registry.names("reader")) == readers - {"__init__", "short_names"}
    assert len(registry.names("task")) == len(tasks - {"__init__", "kind", "row", "card", "groups", "list_cells"})
    for kind in ("reader", "task"):
        for name in registry.names(kind):
            registry.get(kind, name)
