"""An audit is assembled from a whole journal, and from no other."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

import auditkit
from auditkit.errors import RecordError
from auditkit.pipeline.steps.assemble import assemble
from auditkit.store.journal import read_journal
from auditkit.store.records import JournalRecords

TODAY = dt.date(2026, 1, 1)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> JournalRecords:
    """What the journal of a small audit holds."""
    out = tmp_path_factory.mktemp("run") / "run"
    auditkit.audit("planted:random", packs=["claims"], limit=4, out=str(out))
    return read_journal(out / "journal.jsonl")


def test_a_sample_that_no_request_asks_is_named(records: JournalRecords) -> None:
    name = records.samples[0].id
    askers = {sha: samples for sha, samples in records.askers.items() if name not in samples}
    with pytest.raises(RecordError, match=f'no request asks the sample "{name}"'):
        assemble(dataclasses.replace(records, askers=askers), TODAY)


@pytest.mark.parametrize("field", ["rules", "sampled"])
def test_a_header_that_does_not_say_how_a_pack_was_asked(records: JournalRecords, field: str) -> None:
    header = records.header.model_copy(update={field: {}})
    with pytest.raises(RecordError, match='does not say how "claims" was asked'):
        assemble(dataclasses.replace(records, header=header), TODAY)
