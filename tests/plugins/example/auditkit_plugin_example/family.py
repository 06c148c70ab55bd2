"""A model family: a record, and what it opens. This one holds no weights: it says the first option, or shouts."""

from collections.abc import Iterator, Mapping, Sequence

from auditkit.models.adapter import Encoded
from auditkit.models.families import Family
from auditkit.schema import Config, FreeText, Output, Request, Subject, digest
from auditkit.schema.event import OnEvent

FAMILY = Family(
    name="example",
    description="says the first option, and shouts what it is asked to write",
    scheme="example:",
    forms=("example:NAME",),
    opener="auditkit_plugin_example.family:open_example",
)


class ExampleAdapter:
    """Answers without weights."""

    cacheable = False

    def __init__(self, name: str) -> None:
        """Take the model's name for the subject."""
        parts = {"adapter": "example", "version": "1"}
        self.subject = Subject(name=name, kind="example", fingerprint=digest(parts), parts=parts)

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered."""
        return {"choose": ("letter",), "generate": ("text",)}

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """One output a request."""
        for encoded in batch:
            request = encoded.request
            text = "A" if request.kind == "choose" else request.text.upper()
            yield Output(
                request=request.sha256, rule=request.rule, answer=FreeText(text=text), finish_reason="stop"
            )


def open_example(config: Config, on_event: OnEvent) -> ExampleAdapter:
    """The model of a name."""
    return ExampleAdapter(config.model)
