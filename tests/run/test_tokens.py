"""What the tokenizer made comes back as it was; a request is encoded once."""

from __future__ import annotations

import pytest

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run import tokens
from auditkit.run.tokens import TokenStore


def encoded(fake, number):
    rows = tuple(TokenSequence((*range(number, number + 9), 70_000 + option), (8, 9)) for option in range(3))
    return Encoded(fake.choose(f"text {number}"), rows, truncated=number, merged=(True, False, True))


def test_what_was_added_comes_back(fake):
    store, items = TokenStore(), [encoded(fake, number) for number in range(50)]
    places = [store.add(item) for item in items]
    assert len(set(places)) == 50
    for item, place in reversed(list(zip(items, places, strict=True))):
        assert store.get(item.request, place) == item


def test_what_is_not_held(fake):
    item = encoded(fake, 1)
    assert TokenStore().add(Encoded(item.request)) == -1, "nothing to hold"
    assert TokenStore().get(item.request, -1) is None
    small = TokenStore(most=1)
    assert small.add(item) == 0
    assert small.add(item) == -1, "as much as allowed"
    assert small.get(item.request, 0) == item


@pytest.mark.parametrize("most", [tokens.MOST, 2000, 1])
def test_a_round_encodes_once_and_beyond_the_bound_again(fake, tmp_path, monkeypatch, most):
    """Answers and plan are the same to the last bit, however much is held."""
    monkeypatch.setattr(TokenStore.__init__, "__kwdefaults__", {"most": most})
    adapter, texts = fake.FakeAdapter(), []
    encode = adapter.encode

    def counting(requests):
        items = encode(requests)
        texts.extend(request.text for request in requests)
        return items

    adapter.encode = counting
    outputs = fake.audit(tmp_path / "one", adapter).outputs
    again = sum(texts.count(text) - 1 for text in set(texts) if "boom" not in text)
    if most == tokens.MOST:
        assert again == 0
    else:
        assert again > (0 if most == 2000 else 20)
    monkeypatch.undo()
    assert outputs == fake.audit(tmp_path / "two", fake.FakeAdapter()).outputs
