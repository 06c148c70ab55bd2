"""The base of every record, and valid Unicode."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from auditkit.schema.jcs import LARGEST_INTEGER


class Record(BaseModel):
    """A frozen record: unknown keys, NaN and infinity are refused.

    Pydantic writes NaN as ``null``, which would read as 'not scored': hence ``allow_inf_nan=False``, and for copies,
    which are not validated, ``ser_json_inf_nan``, so that `jcs.canonical` sees them and raises.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants", use_attribute_docstrings=True
    )


def _unicode(text: str) -> str:
    return repair(text)[0]


Text = Annotated[str, AfterValidator(_unicode)]
"""Valid Unicode: a lone surrogate becomes U+FFFD."""


Integer = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
"""What JSON holds exactly: up to 2**53 - 1."""


def _exact(value: str | int | float | None) -> str | int | float | None:
    """The value as it is after canonical JSON, which writes 2.0 as 2 and 1e20 as an integer."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e21)
    if not whole or isinstance(value, bool):
        return value
    number = int(value)  # type: ignore[arg-type]
    if abs(number) > LARGEST_INTEGER:
        raise ValueError(f"{value} is beyond 2**53 - 1, which JSON cannot hold exactly; write it as text")
    return number


Fact = Annotated[str | int | float | bool | None, AfterValidator(_exact)]
"""A flat fact about something: text, a number, yes or no, or nothing."""


def repair(text: str) -> tuple[str, bool]:
    """Replace lone surrogates by U+FFFD.

    Returns:
        The text, and whether anything had to be replaced.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), True
    return text, False


def plain(value: Any) -> Any:
    """JSON-ready form of a record, or of a container of records."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
