"""The canonical form is that of RFC 8785, byte for byte as another implementation makes it."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from auditkit.schema import Option, OptionScore, Request, canonical, digest
from auditkit.schema.jcs import LARGEST_INTEGER

TEXTS = st.text(st.characters(exclude_categories=("Cs",))) | st.sampled_from(
    ["a,1.0,", ":2e-07]", "[12345678901234567]", '\\"', "\\\\", "\\", '"', "\ue000", "\uffff", "😀", "\U00010000"]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70).map(float)
SCALARS = st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | FLOATS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)


@given(VALUES)
@example({"😀": 1.0, "\ue000": [-0.0, 1e21, 1e-7, 5e-324], "a": {"\U00010000": {"😀": 1e20}, "\uffff": None}})
@example(["a,1.0,", 1.0, '\\",1.0,', 1.0, "\\", 1.0])
def test_it_is_what_the_library_makes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_what_is_read_back_has_the_same_form(value: Any) -> None:
    form = canonical(value)
    assert canonical(json.loads(form), parsed=True) == form


@given(st.binary(min_size=8, max_size=8))
def test_every_double_is_written_as_the_library_does(data: bytes) -> None:
    number = struct.unpack("d", data)[0]
    if number - number == 0:  # neither NaN nor infinite
        assert canonical([number, {"x": number}]) == rfc8785.dumps([number, {"x": number}])


# Appendix B of RFC 8785: the bits of a double, and how it is written.
@pytest.mark.parametrize(("bits", "written"), [
    ("0000000000000000", "0"), ("8000000000000000", "0"), ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"), ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"), ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"), ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"), ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef50", "1e+21"), ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"), ("41b3de4355555554", "333333333.33333325"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
])
def test_numbers_of_the_rfc(bits: str, written: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert canonical(number) == written.encode()
    assert canonical([number]) == f"[{written}]".encode()


def test_records_are_written_as_their_plain_form() -> None:
    request = Request(kind="choose", rule="r", text="😀 [1.0]", options=(Option(text=" 1.0,"), Option(text="\ue000")))
    score = OptionScore(sum=-2.0, tokens=1, bytes=1, logprobs=(-2.0, -1e-7))
    plain = {"b": request.model_dump(mode="json"), "a": [score.model_dump(mode="json")]}
    assert canonical({"b": request, "a": (score,)}) == rfc8785.dumps(plain)
    assert request.sha256 == hashlib.sha256(rfc8785.dumps(plain["b"])).hexdigest()


def test_the_hash_is_that_of_the_bytes() -> None:
    assert digest({"b": 1.0, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()


@pytest.mark.parametrize("number", [LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1, 10**30])
def test_integers_that_json_cannot_hold_are_refused(number: int) -> None:
    for value in (number, [number], {"x": {"y": number}}):
        with pytest.raises(ValueError, match="beyond"):
            canonical(value)
    assert canonical([str(number)]) == f'["{number}"]'.encode(), "as text it may be anything"


def test_what_has_no_form_is_refused() -> None:
    for value in ({1: 2}, {"a": [{None: 1}]}, {"a": {1, 2}}):
        with pytest.raises(TypeError):
            canonical(value)
    for value in ("\ud800", {"\udfff": 1}, {"😀": "\ud800"}):
        with pytest.raises(ValueError, match="surrogates"):
            canonical(value)
    with pytest.raises(ValueError, match="beyond"):
        canonical(json.loads("[1" + "0" * 400 + "]"), parsed=True)
