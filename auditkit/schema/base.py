"""The base of every record, its canonical form and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Record(BaseModel):
    """A frozen record: unknown keys, NaN and infinity are refused.

    Pydantic writes NaN as ``null``, which would read as 'not scored': hence ``allow_inf_nan=False``, and for copies,
    which are not validated, ``ser_json_inf_nan``, so that `canonical` sees them and raises.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants", use_attribute_docstrings=True
    )


class Growing(Record):
    """A record that gained fields: those named in `later` are left out of its canonical form while they hold their
    default, so that hashes and journals of earlier versions stay valid."""

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = dump(self)
        for name in self.later:
            if getattr(self, name) == type(self).model_fields[name].get_default(call_default_factory=True):
                data.pop(name, None)
        return data


def _unicode(text: str) -> str:
    return repair(text)[0]


Text = Annotated[str, AfterValidator(_unicode)]
"""Valid Unicode: a lone surrogate becomes U+FFFD."""


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


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, shortest round-trip floats.

    Raises:
        ValueError: the value holds NaN or an infinity.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_dumped
    ).encode("utf-8")


def _dumped(value: Any) -> Any:
    """A record within a container: the encoder asks, which is far faster than to walk through long lists of numbers."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


def digest(value: Any) -> str:
    """The sha256 (64 hex digits) of the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()
