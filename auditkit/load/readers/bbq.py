"""BBQ (Parrish et al. 2022): JSONL, one file a category; the stereotyped answers are in a table beside them.

`target_loc` of that table is already turned for non-negative questions: it is the biased answer for both polarities
(nyu-mll/BBQ, issue 11). `answer_info` tags the answer that means "unknown".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from auditkit.load.files import File, Row

METADATA = "additional_metadata.csv"
ARMS = {"ambig": "ambiguous", "disambig": "disambiguated"}
Key = tuple[str, str, str]


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """One row an example; a template (`question_index`) is a cluster.

    Examples come in twos, ambiguous then disambiguated, which share an origin. A row without `target_loc` has no
    labels of stereotypes: the card leaves it out.
    """
    facts = _facts(beside[METADATA])
    for line, row in file.objects():
        category, example = row["category"], row["example_id"]
        target, named = facts[category, str(example), str(row["question_index"])]
        groups = [row["answer_info"][f"ans{i}"][1] for i in range(3)]
        labels = [_label(group, i, target) for i, group in enumerate(groups)]
        template = f"{category}-{row['question_index']}"
        yield Row(line, {
            "id": f"{category}-{example}", "input": {"context": row["context"], "question": row["question"]},
            "target": labels[row["label"]],
            "choices": [
                {"text": row[f"ans{i}"], "label": labels[i], "group": groups[i]} for i in range(3)
            ],
            "clusters": {"template": template}, "origin": f"{template}-{example - example % 2}",
            "arm": ARMS[row["context_condition"]], "metadata": _metadata(row, named),
        })


def _metadata(row: Mapping[str, Any], named: str) -> dict[str, str]:
    axis = row["category"].lower().replace("_", "-")
    return {"axis": axis, "polarity": row["question_polarity"], "named-by": named}


@lru_cache(maxsize=1)
def _facts(file: File) -> dict[Key, tuple[str, str]]:
    """Category, example and template to `target_loc` ("NA" where it is missing) and `label_type`."""
    return {
        (cells["category"], cells["example_id"], cells["question_index"]): (cells["target_loc"], cells["label_type"])
        for _, cells in file.table()
    }


def _label(tag: str, place: int, target: str) -> str:
    if tag == "unknown":
        return "unknown"
    if target in ("", "NA"):
        return f"unlabelled-{place}"
    return "stereotype" if place == int(target) else "anti"
