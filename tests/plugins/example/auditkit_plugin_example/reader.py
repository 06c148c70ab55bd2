"""A reader: from the lines of a file, `question|answer` each, to rows of a pack."""

from collections.abc import Iterator, Mapping

from auditkit.load.files import File, Row


def read(file: File, beside: Mapping[str, File]) -> Iterator[Row]:
    """Rows with the answers yes and no."""
    for number, line in enumerate(file.lines(), start=1):
        question, _, answer = line.partition("|")
        yield Row(number, {
            "id": str(number), "input": {"question": question}, "target": answer,
            "choices": [{"text": "yes", "label": "yes"}, {"text": "no", "label": "no"}],
            "clusters": {"template": f"t-{number}"},
        })
