"""What the tokenizer made comes back as it was, wherever it lay; a request is encoded once."""

from __future__ import annotations

import errno

import pytest

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run import tokens
from auditkit.run.tokens import TokenStore


def encoded(fake, number):
    rows = tuple(TokenSequence((*range(number, number + 9), 70_000 + each), (8, 9)) for each in range(3))
    return Encoded(fake.choose(f"text {number}"), rows, truncated=number, merged=(True, False, True))


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_kept_and_taken(fake, tmp_path, in_memory):
    store, items = TokenStore(tmp_path, in_memory=in_memory), [encoded(fake, number) for number in range(50)]
    places = [store.keep(item) for item in items]
    assert places == sorted(set(places))
    for item, place in reversed(list(zip(items, places, strict=True))):
        assert store.take(item.request, place) == item
    assert list(tmp_path.iterdir()) == [], "the file has no name"


def test_what_is_not_kept(fake, tmp_path, monkeypatch):
    item = encoded(fake, 1)
    assert TokenStore(tmp_path).keep(Encoded(item.request)) == -1, "nothing to keep"
    assert TokenStore(tmp_path).take(item.request, -1) is None
    small = TokenStore(tmp_path, most=1)
    assert small.keep(item) == 0
    assert small.keep(item) == -1, "as much as allowed"
    assert small.take(item.request, 0) == item

    full = TokenStore(tmp_path)

    class Full:
        def seek(self, _place):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(full, "_file", Full())
    assert full.keep(item) == -1
    assert full.take(item.request, 0) is None


@pytest.mark.parametrize("most", [tokens.MOST, 2000, 1])
def test_a_round_encodes_once_and_beyond_the_bound_again(fake, tmp_path, monkeypatch, most):
    """Answers and plan are the same to the last bit, however much is kept."""
    monkeypatch.setattr(TokenStore.__init__, "__kwdefaults__", {"in_memory": 500, "most": most})
    adapter, texts = fake.FakeAdapter(), []
    encode = adapter.encode

    def counting(requests):
        found = encode(requests)
        texts.extend(request.text for request in requests)
        return found

    adapter.encode = counting
    found = fake.audit(tmp_path / "one", adapter)
    again = sum(texts.count(text) - 1 for text in set(texts) if "boom" not in text)
    if most == tokens.MOST:
        assert again == 0
    else:
        assert again > (0 if most == 2000 else 20)
    monkeypatch.undo()
    assert found.outputs == fake.audit(tmp_path / "two", fake.FakeAdapter()).outputs
