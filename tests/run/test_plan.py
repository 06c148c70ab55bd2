"""Plans: the same for the same requests, nothing twice, nothing lost, within the budget."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.run.plan import Cost, Planner, cost, make_plan
from auditkit.schema import Generation, Request

COSTS = st.lists(
    st.builds(
        lambda n, tokens, sort, begins: Cost(
            hashlib.sha256(f"{n}".encode()).hexdigest(), sort, tokens, begins if sort == "choose" else b""
        ),
        st.integers(0, 60), st.integers(1, 40), st.sampled_from(["choose", "generate"]),
        st.sampled_from([b"", b"aaaa", b"aaaabbbb", b"bbbb"]),
    ),
    max_size=80,
    unique_by=lambda item: item.sha256,
)


@settings(max_examples=150, deadline=None)
@given(COSTS, st.integers(1, 100), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_plan_without_duplicates_or_losses(costs, budget, random):
    plan = make_plan(costs, batch_tokens=budget)
    shuffled = costs * 2
    random.shuffle(shuffled)
    again = make_plan(shuffled, batch_tokens=budget)
    assert (again.sha256, tuple(again.batches())) == (plan.sha256, tuple(plan.batches()))
    assert len(plan) == len(tuple(plan.batches()))
    planned = [sha for batch in plan.batches() for sha in batch]
    assert plan.requests == len(planned)
    assert sorted(planned) == sorted(item.sha256 for item in costs)
    known = {item.sha256: item for item in costs}
    for batch in plan.batches():
        items = [known[sha] for sha in batch]
        if not any(item.beginning for item in items):
            assert len(batch) == 1 or max(item.tokens for item in items) * len(items) <= budget
        assert len({item.sort for item in items}) == 1


@given(st.integers(0, 300), st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_by_count_where_there_are_no_tokens(n, most):
    costs = [Cost(hashlib.sha256(f"{i}".encode()).hexdigest(), "choose", 0) for i in range(n)]
    sizes = [len(batch) for batch in make_plan(costs, batch_tokens=1, batch_requests=most).batches()]
    assert sizes == [most] * (n // most) + ([n % most] if n % most else [])


def test_by_hand():
    """Budget 20: 10+10 | 9+8 (the next, 3 x 9, is over) | 5+4+3 (3 x 5)."""
    lengths = {"a": 4, "b": 10, "c": 8, "d": 9, "e": 10, "f": 3, "1": 5, "2": 50}
    plan = make_plan([Cost(name * 64, "s", tokens) for name, tokens in lengths.items()], batch_tokens=20)
    batches = [["2"], ["b", "e"], ["d", "c"], ["1", "a", "f"]]
    assert [[sha[0] for sha in batch] for batch in plan.batches()] == batches
    whole = json.dumps([[name * 64 for name in batch] for batch in batches], separators=(",", ":"))
    assert plan.sha256 == hashlib.sha256(whole.encode()).hexdigest()


def test_the_hash_is_of_the_batches():
    costs = [Cost(name * 64, "s", 10) for name in "abcdef"]
    hashes = {make_plan(costs, batch_tokens=budget).sha256 for budget in (10, 20, 60)}
    assert len(hashes) == 3
    assert tuple(make_plan([], batch_tokens=1).batches()) == ()


@pytest.mark.parametrize(
    ("ids", "new", "expected"), [([(1, 2, 3)], 0, 3), ([(1, 2, 3), (1, 2, 4, 5)], 0, 5), ([(1, 2)], 7, 9), ([], 7, 0)]
)
def test_cost(ids, new, expected):
    """A prefix that options share counts once; new tokens count; no tokenizer, no tokens."""
    generation = Generation(max_tokens=new) if new else None
    request = Request(kind="generate" if new else "choose", rule="text", text="x", generation=generation)
    found = cost(Encoded(request, tuple(TokenSequence(one, ()) for one in ids)))
    assert (found.sha256, found.tokens) == (request.sha256, expected)


def test_other_decoding_is_another_sort():
    one, two = (Request(kind="generate", rule="text", generation=Generation(temperature=t)) for t in (0.0, 1.0))
    assert cost(Encoded(one)).sort != cost(Encoded(two)).sort


def encoded(*ids):
    request = Request(kind="choose", rule="loglikelihood", text=repr(ids))
    return Encoded(request, tuple(TokenSequence(tuple(one), (len(one) - 1,)) for one in ids))


def test_requests_that_begin_alike_stand_together():
    """Three contexts of 70 tokens, four questions each: one after the other, and a context counts once."""
    contexts = [list(range(start, start + 70)) for start in (0, 1000, 2000)]
    items = {
        (which, question): encoded([*context, 5000 + question, *[7] * (question * 3 + 1)])
        for which, context in enumerate(contexts) for question in range(4)
    }
    by_hash = {item.request.sha256: key for key, item in items.items()}
    plan = make_plan([cost(item, shared=True) for item in items.values()], batch_tokens=150)
    assert [len(batch) for batch in plan.batches()] == [4, 4, 4], "70 + 4 questions; 64 tokens are known as shared"
    assert all(len({by_hash[sha][0] for sha in batch}) == 1 for batch in plan.batches())
    apart = make_plan([cost(item) for item in items.values()], batch_tokens=150)
    assert max(len(batch) for batch in apart.batches()) == 2, "padded, no third fits"


def test_a_beginning_is_known_at_any_depth_and_nothing_else_is():
    """What is not shared always counts: 40 equal tokens are known as 32, other tokens as none."""
    same, other = list(range(40)), list(range(100, 140))
    one, two, three = (cost(encoded([*begin, end]), shared=True) for begin, end in ((same, 1), (same, 2), (other, 1)))
    assert one.beginning[:16] == two.beginning[:16]
    assert len(one.beginning) == 16, "8, 16, 24 and 32 tokens"
    assert len(make_plan([one, two], batch_tokens=41 + 9)) == 1
    assert len(make_plan([one, two], batch_tokens=41 + 8)) == 2
    assert len(make_plan([one, three], batch_tokens=41 + 40)) == 2
    assert cost(encoded([1, 2]), shared=True).beginning, "a short text is packed into trees too"
    assert cost(encoded([*same])).beginning == b""
    generation = Request(kind="generate", rule="text", generation=Generation())
    assert cost(Encoded(generation, (TokenSequence(tuple(same), ()),)), shared=True).beginning == b""


@settings(max_examples=60, deadline=None)
@given(COSTS, st.integers(1, 100))
def test_places_come_back_with_their_requests(costs, budget):
    planner = Planner(batch_tokens=budget)
    for place, item in enumerate(costs):
        planner.add(item, place)
    plan = planner.plan()
    assert {sha: place for batch in plan.placed() for sha, place in batch} == {
        item.sha256: place for place, item in enumerate(costs)
    }
    assert tuple(plan.batches()) == tuple(make_plan(costs, batch_tokens=budget).batches())


def test_the_beginning_of_a_text_decides_where_tokens_are_not_known():
    """200 common bytes are known as 192: questions on one story stand together, in any order they come."""
    stories = ["".join(f"{word} {which} " for word in range(60)) for which in range(3)]
    asked = [
        Request(kind="choose", rule="letter", text=f"{story}{question}") for question in range(20) for story in stories
    ]
    plan = make_plan([cost(Encoded(one), text=True) for one in asked], batch_tokens=9, batch_requests=7)
    texts = {one.sha256: one.text for one in asked}
    order = [texts[sha] for batch in plan.batches() for sha in batch]
    assert [len(batch) for batch in plan.batches()] == [7] * 8 + [4]
    changes = sum(one[:200] != other[:200] for one, other in pairwise(order))
    assert changes == 2
