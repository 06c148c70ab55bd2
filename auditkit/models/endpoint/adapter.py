"""Models behind an OpenAI-compatible endpoint: `openai:MODEL@BASE_URL`.

Free text and letters come from chat completions (from completions where the endpoint has no chat), likelihoods from
completions with `echo` and `logprobs`, and only where a probe showed that they can be believed: see `probe`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from auditkit.errors import ModelError, StoppedError
from auditkit.models.adapter import Arrival, Encoded
from auditkit.models.endpoint import SCHEME
from auditkit.models.endpoint.client import Address, Endpoint, RequestFailure, UnusableReply, parse_address
from auditkit.models.endpoint.cut_prompt import tokens_cut
from auditkit.models.endpoint.flight import Flight
from auditkit.models.endpoint.probe import (
    ProbeResult,
    echo_fields,
    first_choice,
    probe,
    read_echo,
    score_continuation,
    score_whole,
)
from auditkit.models.endpoint.reading import excess
from auditkit.models.tokens.encoding import clean, plain_prompt
from auditkit.models.tokens.options import LIKELIHOODS, WRITTEN
from auditkit.models.weights.fingerprint import source_sha256
from auditkit.schema import Config, FreeText, Generation, OptionScores, Output, Request, Subject, digest
from auditkit.schema.event import Event, OnEvent, ignore

_COMPLETIONS, _CHAT = "/completions", "/chat/completions"
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Error codes of a provider that refuses in the model's place."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an endpoint was found to offer."""

    completions: bool
    chat: bool
    likelihood: str | None
    """Why its likelihoods are not used; `None` where they are."""
    start: str = ""
    """Whether it puts BOS before a prompt, in words; empty where its likelihoods are not used."""
    limit: str = "max_tokens"
    """Name of the field that limits a chat answer."""
    name: str = ""
    """The model's name as the endpoint gives it."""


class ApiAdapter:
    """Answers by asking an endpoint; each answer has its price, so none is asked for twice."""

    cacheable = False

    def __init__(self, name: str, address: Address, endpoint: Endpoint, offer: Offer) -> None:
        """Use `open_api`."""
        self._model = address.model
        self._endpoint = endpoint
        self._offer = offer
        parts = {
            "adapter": "api",
            "endpoint": address.url,
            "model": address.model,
            "served": offer.name,
            "likelihood": (
                "completions, probed, without chat template" if offer.likelihood is None
                else f"not used: {offer.likelihood}"
            ),
            "bos": offer.start or "the endpoint's own",
            "text": "chat, the answer's prefix at the end of the user's turn" if offer.chat else "completions",
            "source": source_sha256(),
        }
        self._subject = Subject(name=name, kind="api", fingerprint=digest(parts), parts=parts)

    @property
    def subject(self) -> Subject:
        """The endpoint and model, as far as they tell: weights behind an API cannot be hashed."""
        return self._subject

    @property
    def rules(self) -> Mapping[str, tuple[str, ...]]:
        """Request kind to the scoring rules offered: likelihoods where the probe passed, else letters."""
        if self._offer.likelihood is not None:
            return {"choose": ("letter",), "classify": ("letter",), **WRITTEN}
        return {
            "choose": (*LIKELIHOODS, "letter"), "compare": ("loglikelihood",), "classify": (*LIKELIHOODS, "letter"),
            **WRITTEN,
        }

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Nothing to tokenise: batched by count."""
        return [Encoded(request) for request in requests]

    def execute(self, batch: Sequence[Encoded]) -> Iterator[Output]:
        """Answers as they arrive, in any order; a request that fails is an errored output, and not asked again.

        Raises:
            StoppedError: a budget is spent, or every further request would fail.
        """
        with closing(self.stream(encoded.request for encoded in batch)) as arrivals:
            for arrival in arrivals:
                yield arrival.result()

    def stream(self, requests: Iterable[Request]) -> Generator[Arrival[Request, Output], None, None]:
        """See `RemoteAdapter.stream`; `api.concurrency` requests are in flight."""
        flight: Flight[Request, Output] = Flight(
            self._answer, self._endpoint.session, self._endpoint.settings.concurrency
        )
        return flight.run(requests)

    async def _answer(self, request: Request) -> Output:
        try:
            if request.generation is None:
                return await self._likelihoods(request)
            if self._offer.chat:
                return await self._chat(request, request.generation)
            return await self._continuation(request, request.generation)
        except RequestFailure as error:
            if error.fatal:
                raise StoppedError(
                    f"{self._endpoint.url}: {error}; every answer so far is kept: give the same command again to go on"
                ) from None
            if error.code in _FILTERED:
                return Output(
                    request=request.sha256, rule=request.rule, answer=FreeText(text=""), finish_reason="refusal"
                )
            return Output(request=request.sha256, rule=request.rule, error=f"{self._endpoint.url}: {error}"[:300])

    async def _likelihoods(self, request: Request) -> Output:
        """One echoed completion an option."""
        context = "" if request.kind == "compare" else plain_prompt(request)
        replies, prompts = [], [context + clean(option.text) for option in request.options]
        for prompt in prompts:
            replies.append(await self._complete(echo_fields(prompt)))  # noqa: PERF401 (in order, one after another)
        echoed = [read_echo(reply, prompt) for reply, prompt in zip(replies, prompts, strict=True)]
        if request.kind == "compare":
            options = score_whole(echoed, request)
        else:
            options = tuple(
                score_continuation(tokens, prompt, context, request, option)
                for tokens, prompt, option in zip(echoed, prompts, request.options, strict=True)
            )
        read = sum(_counts(reply)["prompt_tokens"] for reply in replies)
        return Output(
            request=request.sha256, rule=request.rule, answer=OptionScores(options=options), prompt_tokens=read
        )

    async def _chat(self, request: Request, settings: Generation) -> Output:
        """The assistant's answer to one user turn."""
        body = {
            "messages": [{"role": "user", "content": plain_prompt(request)}], self._offer.limit: settings.max_tokens,
            **_decoding(request, settings),
        }
        reply = await self._endpoint.post(_CHAT, {"model": self._model, **body})
        choice = first_choice(reply)
        message = choice.get("message")
        if not isinstance(message, dict):
            raise UnusableReply('the reply has no "message"')
        text, finish = _text(message), _finish(choice)
        _refuse_excess(text, settings)
        if isinstance(message.get("refusal"), str) and message["refusal"]:
            text, finish = text or message["refusal"], "refusal"
        return Output(
            request=request.sha256, rule=request.rule, answer=FreeText(text=text), finish_reason=finish,
            truncated=tokens_cut(plain_prompt(request), reply, choice), **_counts(reply),
        )

    async def _continuation(self, request: Request, settings: Generation) -> Output:
        """The continuation of a prompt."""
        fields = {"prompt": plain_prompt(request), "max_tokens": settings.max_tokens, **_decoding(request, settings)}
        reply = await self._complete(fields)
        choice = first_choice(reply)
        if not isinstance(choice.get("text"), str):
            raise UnusableReply('the reply has no "text"')
        _refuse_excess(choice["text"], settings)
        return Output(
            request=request.sha256, rule=request.rule, answer=FreeText(text=choice["text"]),
            finish_reason=_finish(choice), truncated=tokens_cut(plain_prompt(request), reply, choice),
            **_counts(reply),
        )

    async def _complete(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return await self._endpoint.post(_COMPLETIONS, {"model": self._model, **fields})


def _refuse_excess(text: str, settings: Generation) -> None:
    """Refuse a text that cannot have been written within the limit.

    Raises:
        UnusableReply: it is too long.
    """
    if reason := excess(text, settings.max_tokens):
        raise UnusableReply(reason)


def _decoding(request: Request, settings: Generation) -> dict[str, Any]:
    fields: dict[str, Any] = {"temperature": settings.temperature}
    if settings.stop:
        fields["stop"] = list(settings.stop)
    if settings.temperature > 0:
        fields["seed"] = int(request.sha256[:8], 16)
    return fields


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message; none is empty text, never an invented one."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(part for part in parts if isinstance(part, str))
    if content is not None and not isinstance(content, str):
        raise UnusableReply('the message\'s "content" is not text')
    return content or ""


def _finish(choice: Mapping[str, Any]) -> str | None:
    reason = choice.get("finish_reason")
    if not isinstance(reason, str):
        return None
    return "refusal" if reason in _FILTERED else reason


def _counts(reply: Mapping[str, Any]) -> dict[str, int]:
    """Tokens as the server counts them; 0 where its count is missing or cannot be true (see `client.usage`)."""
    counts = reply.get("usage") or {}
    return {name: counts.get(name, 0) for name in ("prompt_tokens", "completion_tokens")}


def open_api(config: Config, on_event: OnEvent = ignore) -> ApiAdapter:
    """Find out what an endpoint offers.

    Args:
        config: `model` is `openai:MODEL@BASE_URL`; `chat` decides how text is asked for, `api` the rest.
        on_event: told what the endpoint offers.

    Raises:
        ModelError: no such form, offline, or the endpoint cannot be asked.
        StoppedError: the budget does not even suffice for the probe.
    """
    address = parse_address(config.model)
    if config.offline:
        raise ModelError(f"{config.model}: --offline lets no endpoint be asked; leave it out, or use predictions:FILE")
    endpoint = Endpoint(address.url, config.api)
    on_event(Event("load", f"asking {address.url} what {address.model} offers"))
    flight: Flight[Address, Offer] = Flight(partial(_explore, endpoint, config.chat), endpoint.session, 1)
    try:
        (arrival,) = flight.run([address])
        offer = arrival.result()
    except RequestFailure as error:
        raise ModelError(f"{SCHEME}{address.model}@{address.url}: {error}; check URL, model name and key") from None
    if offer.likelihood is not None:
        on_event(Event("load", f"likelihoods are not used: {offer.likelihood}; answers are read from text"))
    return ApiAdapter(config.model, address, endpoint, offer)


async def _explore(endpoint: Endpoint, chat: str, address: Address) -> Offer:
    """Probe completions and chat.

    Raises:
        RequestFailure: neither answers.
    """
    names: list[str] = []

    async def complete(fields: Mapping[str, Any]) -> dict[str, Any]:
        """One completion; the model that answered is noted."""
        reply = await endpoint.post(_COMPLETIONS, {"model": address.model, **fields})
        names.append(str(reply.get("model", "")))
        return reply

    completions = False
    probe_result = ProbeResult("chat: always was asked for")
    if chat != "always":
        try:
            probe_result, completions = await probe(complete), True
        except RequestFailure as error:
            if error.fatal or error.status is None:
                raise
            probe_result = ProbeResult(f"it has no completions ({error})")
    chats, limit = False, "max_tokens"
    if chat != "never":
        try:
            reply, limit = await _greet(endpoint, address.model)
            chats = True
            names.append(str(reply.get("model", "")))
        except RequestFailure as error:
            if error.fatal or error.status is None or not completions or chat == "always":
                raise
    elif not completions:
        raise RequestFailure(str(probe_result.refused))
    return Offer(completions, chats, probe_result.refused, probe_result.start, limit, names[0] if names else "")


async def _greet(endpoint: Endpoint, model: str) -> tuple[dict[str, Any], str]:
    """One short chat, and the name of the field that limits its length."""
    body = {"model": model, "messages": [{"role": "user", "content": "Say yes."}], "temperature": 0}
    try:
        reply, limit = await endpoint.post(_CHAT, {**body, "max_tokens": 8}), "max_tokens"
    except RequestFailure as error:
        if "max_completion_tokens" not in str(error):
            raise
        limit = "max_completion_tokens"
        reply = await endpoint.post(_CHAT, {**body, limit: 8})
    if not isinstance(first_choice(reply).get("message"), dict):
        raise UnusableReply('the reply has no "message"')
    return reply, limit
