"""CrowS-Pairs (Nangia et al. 2020): CSV with `sent_more`, the more stereotyping sentence, and `sent_less`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row a pair; the pairs of one crowd worker are a cluster.

    `sent_more` is preferred by a stereotyping model whatever the row's direction: as in the authors' script.
    """
    for line, cells in file.table():
        yield Row(line, {
            "id": cells[""], "target": None, "arm": "pair",
            "choices": [
                {"text": cells["sent_more"], "label": "stereotype"}, {"text": cells["sent_less"], "label": "anti"},
            ],
            "clusters": {"writer": cells["anon_writer"]},
            "metadata": {"axis": cells["bias_type"], "direction": cells["stereo_antistereo"]},
        })
