"""Log-probabilities of a text from a completions endpoint that echoes it, and a probe whether to trust them.

Servers accept `echo` and `logprobs` and ignore them with HTTP 200 (`transformers serve`), or give values that belong to
the neighbouring token: so nothing is believed before two strings whose likelihoods are known to differ have been read.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditkit.models.endpoint.client import RequestFailure, UnusableReply
from auditkit.models.tokens.encoding import inside
from auditkit.models.tokens.options import scored_bytes
from auditkit.schema import Option, OptionScore, Request

Complete = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Posts fields to the completions endpoint."""

PROMPT = "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday,"
"""Predictable, and its next word is not likely to be said twice: the value of the next token cannot pass for its own
(SmolLM2-135M: " Sunday" −0.4, " purple" −18, " Sunday" after itself −9)."""
UNLIKELY = " purple"
TOLERANCE = 0.1
"""Nats by which equal log-probabilities may differ between two calls of a server (half precision, batching)."""
MARGIN = 2.0
"""Nats by which the likely continuation must lead the unlikely one."""
LIKELY = math.log(0.2)
"""Least log-probability of the likely continuation, in nats."""
_SPECIAL = 2
"""Most tokens without text (BOS) that may stand before the prompt."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What the probe found of an endpoint's echoed log-probabilities."""

    refused: str | None
    """Why they are not used; `None` where they are."""
    start: str = ""
    """What the endpoint puts before a prompt, in words: see `_start`."""


@dataclass(frozen=True, slots=True)
class EchoToken:
    """One token of the prompt."""

    start: int
    end: int
    """Character range [start, end) of the prompt."""
    logprob: float | None
    """Nats; `None` for the first token, which nothing precedes."""


def echo_fields(prompt: str) -> dict[str, Any]:
    """What asks for the log-probabilities of a prompt.

    One token is generated and cut off: `max_tokens: 0` means 'without limit' to some servers.
    """
    return {"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}


def first_choice(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The first choice of a reply.

    Raises:
        UnusableReply: there is none.
    """
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UnusableReply('the reply has no "choices"')
    if not isinstance(choices[0], dict):
        raise UnusableReply('"choices" holds no object')
    return choices[0]


def read_echo(reply: Mapping[str, Any], prompt: str) -> list[EchoToken]:
    """The prompt's tokens in a reply, each with its place and log-probability.

    Raises:
        UnusableReply: the reply carries none, or they do not spell the prompt.
    """
    tokens, values = _columns(reply)
    skipped = _before(tokens, prompt)
    echoed: list[EchoToken] = []
    start = 0
    for index in range(skipped, len(tokens)):
        if start >= len(prompt):
            break
        end = start + len(tokens[index])
        echoed.append(EchoToken(start, end, _value(values[index], first=index == 0)))
        start = end
    if start != len(prompt):
        raise UnusableReply("the echoed tokens run beyond the prompt")
    return echoed


def _before(tokens: Sequence[str], prompt: str) -> int:
    """How many tokens stand before the prompt's, with text of their own (`<s>`) or without any."""
    count = next((count for count in range(_SPECIAL + 1) if "".join(tokens[count:]).startswith(prompt)), None)
    if count is None:
        raise UnusableReply("the echoed tokens do not spell the prompt")
    while count < _SPECIAL and not tokens[count]:
        count += 1
    return count


def _columns(reply: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    logprobs = first_choice(reply).get("logprobs")
    if not isinstance(logprobs, dict):
        raise UnusableReply("the reply carries no logprobs")
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values) or not tokens:
        raise UnusableReply("the reply's logprobs are not two lists of equal length")
    if not all(isinstance(token, str) for token in tokens):
        raise UnusableReply("the reply's logprobs hold a token that is not text")
    return tokens, values


def _value(value: Any, *, first: bool) -> float | None:
    if first and (value is None or value == 0):  # some servers give 0 where nothing precedes
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UnusableReply("a token has no finite log-probability")
    if value > 1e-6:
        raise UnusableReply("a token has a log-probability above 0")
    return min(0.0, float(value))


def score_continuation(
    tokens: Sequence[EchoToken], prompt: str, context: str, request: Request, option: Option
) -> OptionScore:
    """Log-likelihood of an option after its context.

    Args:
        tokens: of the prompt.
        prompt: context and option.
        context: what precedes the option.
        request: the request.
        option: the option.

    Raises:
        UnusableReply: no token of the option can be scored.
    """
    begin = len(context)
    scored = [token for token in tokens if token.end > begin]
    merged = any(prompt[token.start : begin].strip() != "" for token in scored if token.start < begin)
    return _score(scored, request, option, merged=merged)


def score_whole(echoed: Sequence[Sequence[EchoToken]], request: Request) -> tuple[OptionScore, ...]:
    """Log-likelihood of the words in each option's spans, or of all of it.

    Args:
        echoed: the tokens of each option of the request.
        request: the request.

    Raises:
        UnusableReply: no token lies in the spans, or the first token has no log-probability and only some of the
            options would be scored with it.
    """
    scored = [
        [token for token in tokens if not option.spans or inside(option.text, token.start, token.end, option.spans)]
        for tokens, option in zip(echoed, request.options, strict=True)
    ]
    if len({sum(token.logprob is None for token in tokens) for tokens in scored}) > 1:
        raise UnusableReply("the first word has no log-probability, and the texts do not share it")
    return tuple(
        _score(tokens, request, option, merged=False) for tokens, option in zip(scored, request.options, strict=True)
    )


def _score(tokens: Sequence[EchoToken], request: Request, option: Option, *, merged: bool) -> OptionScore:
    values = tuple(token.logprob for token in tokens if token.logprob is not None)
    if not values:
        raise UnusableReply(f"no token of {option.text!r:.60} has a log-probability")
    return OptionScore(
        sum=math.fsum(values), tokens=len(values), bytes=scored_bytes(request, option), logprobs=values, merged=merged,
    )


async def probe(complete: Complete) -> ProbeResult:
    """Whether an endpoint's echoed log-probabilities can be believed, and whether it puts BOS before a prompt.

    A prompt is continued, and the continuation's log-probability kept. Then prompt and continuation are echoed: its
    log-probability there must be the same and high, and that of an unlikely word in its place clearly lower; what both
    strings share must have equal values. Values shifted by a token, in either direction, fail.

    Args:
        complete: asks the completions endpoint.

    Raises:
        RequestFailure: the endpoint could not be asked, or has no completions.
    """
    served = await complete({"prompt": PROMPT, "max_tokens": 1, "temperature": 0, "logprobs": 1})
    try:
        tokens, values = _columns(served)
        likely, value = tokens[0], _value(values[0], first=False)
        if len(tokens) != 1 or not likely.strip() or likely == UNLIKELY or value is None:
            return ProbeResult("its continuation of the probe is not one word")
        echoed = await complete(echo_fields(PROMPT + likely))
        good = read_echo(echoed, PROMPT + likely)
        bad = read_echo(await complete(echo_fields(PROMPT + UNLIKELY)), PROMPT + UNLIKELY)
    except UnusableReply as error:
        return ProbeResult(str(error))
    except RequestFailure as error:
        if error.fatal or error.status is None:
            raise
        return ProbeResult(f"it refuses echo with logprobs ({error})")
    refused = _judge(good, bad, value)
    return ProbeResult(refused, "" if refused else _start(echoed, good))


def _start(reply: Mapping[str, Any], tokens: Sequence[EchoToken]) -> str:
    """Whether the endpoint puts BOS before every prompt, as `tokens.boundary_rule` says it of a local model.

    It does where it echoes a token before the prompt's, gives the first one a log-probability, or counts more tokens
    than the prompt has. Such a BOS counts for whole texts and for options alike: a local model has the same with
    `bos: always`, one without it with `bos: never`.
    """
    echoed_before = _before(_columns(reply)[0], PROMPT)
    count = (reply.get("usage") or {}).get("prompt_tokens")
    first_is_scored = tokens[0].logprob is not None
    if echoed_before or first_is_scored or (isinstance(count, int) and count > len(tokens)):
        return "before every text: always" + ("" if first_is_scored else "; a text's first token is not scored")
    frequency = "never" if isinstance(count, int) and count == len(tokens) else "not told (no BOS is echoed)"
    return f"before every text: {frequency}; a text's first token is not scored"


def _judge(good: Sequence[EchoToken], bad: Sequence[EchoToken], value: float) -> str | None:
    """Why echoed log-probabilities are not to be believed; `None` where they are.

    Args:
        good: the prompt with its likely continuation.
        bad: the prompt with an unlikely one.
        value: log-probability of the likely continuation when it was generated.
    """
    begin = len(PROMPT)
    for likely_text, unlikely_text in zip(good, bad, strict=False):
        if max(likely_text.end, unlikely_text.end) > begin:
            break
        same_place = (likely_text.start, likely_text.end) == (unlikely_text.start, unlikely_text.end)
        if not same_place or not _equal(likely_text.logprob, unlikely_text.logprob):
            return "echoed log-probabilities of the same words differ with what follows them (shifted by a token?)"
    likely, unlikely = _after(good, begin), _after(bad, begin)
    if likely is None or unlikely is None or abs(likely - value) > TOLERANCE:
        return "an echoed log-probability is not the one that the same word was generated with (shifted by a token?)"
    if likely < max(unlikely + MARGIN, LIKELY):
        return "its log-probabilities do not tell a likely word from an unlikely one"
    return None


def _equal(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return abs(left - right) <= TOLERANCE


def _after(tokens: Sequence[EchoToken], begin: int) -> float | None:
    """Sum over the tokens that begin at or after a place, which one token must begin."""
    rest = [token for token in tokens if token.end > begin]
    if not rest or rest[0].start != begin or any(token.logprob is None for token in rest):
        return None
    return math.fsum(token.logprob for token in rest if token.logprob is not None)
