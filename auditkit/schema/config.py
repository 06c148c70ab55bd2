"""What `audit.yaml` says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from auditkit.schema.base import Integer, Record
from auditkit.schema.task import Task

Size = Literal["small", "medium", "full"]
SIZES: dict[Size, int | None] = {"small": 288, "medium": 1600, "full": None}
"""Most rows a pack of each named size; `None`: all. `small` is the least at which each pooled check of the three packs
for language models can pass and fail, `medium` the same for every axis, and for sentiment-swaps."""


class Explain(Record):
    """How much is explained. The budget counts passes, not seconds, so that it repeats."""

    samples: int = Field(default=2, ge=0)
    """Cited samples explained for each headline metric; 0 explains none."""
    max_steps: int = Field(default=128, ge=1)
    """Most gradient evaluations for one attribution and baseline."""
    tolerance: float = Field(default=0.05, gt=0)
    """Largest completeness error, relative to the sum of absolute attributions."""
    budget: int = Field(default=4000, ge=0)
    """Most forward and backward passes for the whole audit."""


class Api(Record):
    """How an endpoint (`openai:MODEL@BASE_URL`) is asked. Its key comes from the environment, never from a file."""

    concurrency: int = Field(default=4, ge=1, le=256)
    """Most requests in flight."""
    deadline: float = Field(default=120.0, gt=0)
    """Seconds until a request counts as errored, all its tries and waits included."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds without a byte until one try is given up."""
    retries: int = Field(default=5, ge=0)
    """Most further tries after 429, 5xx, a timeout or a cut connection."""
    backoff: float = Field(default=1.0, ge=0)
    """Longest wait before the first further try, in seconds; doubled each time, drawn at random. Retry-After adds."""
    max_requests: int | None = Field(default=None, ge=1)
    """Most HTTP requests of one command, tries included; then it exits with 4, and the same command goes on."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of one command, read and written; bytes where the endpoint does not count."""
    allow_http: tuple[str, ...] = ()
    """Hosts to which a key may be sent over plain http, where anyone between can read it; this machine needs none."""
    price_per_million_input: float | None = Field(default=None, ge=0)
    """Price of a million tokens read, in any currency: the report then tells the cost."""
    price_per_million_output: float | None = Field(default=None, ge=0)
    """Price of a million tokens written."""


class Config(Record):
    """An audit's settings; every key is optional but the model."""

    schema_version: Literal[1] = 1
    """Version of this record."""
    model: str
    """Hub id, directory (also of PEFT adapter weights, or `BASE+ADAPTER_DIR`), GGUF file, `smollm2`,
    `openai:MODEL@BASE_URL`, `python:MODULE:FUNCTION`, `predictions:FILE` or `planted:NAME`."""
    kind: str = "auto"
    """Model family: causal, masked, classifier, tagger, span, seq2seq (encoder-decoder), embedder, or one that a plugin
    brings (`auditkit list models`); `auto` reads it from the model's config."""
    base: str | None = None
    """Base model of PEFT adapter weights; default what they name."""
    quantise: Literal["none", "int8"] = "none"
    """int8: linear layers in 8 bits, weights and activations, on a CPU."""
    source_language: str | None = None
    """Code of the language that a translation model reads, as the model calls it: eng_Latn, en, en_XX …"""
    target_language: str | None = None
    """Code of the language that a translation model writes."""
    packs: tuple[str, ...] = ("stereotype-pairs", "ambiguous-qa", "claims", "sentiment-swaps")
    """Names of packs, of one or more arms of one (`xquad:de,en`), or folders that hold a card.yaml; [] for none,
    which is the default beside tasks."""
    tasks: tuple[Task, ...] = ()
    """Benchmarks made from your own data, audited beside the packs that are named."""
    limit: int | None = Field(default=None, ge=1)
    """Most samples a pack; whole clusters from one seeded order."""
    size: Size | None = None
    """A named number of samples a pack, in place of `limit`: small (288) decides checks over all rows, medium (1,600)
    those of each axis too, full those of each group. What stays undecided is said before the run."""
    seed: Integer = 0
    """Seed of sampling and resampling; 0 is a seed."""
    out: str | None = None
    """Run folder; default reports/MODEL-HASH."""
    policy: str = "default"
    """Name of a built-in policy (`default`: all packs that auditkit judges by, `packs`: those that are audited, `none`:
    measured, not judged), or a policy file."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format: auto (float32 on a CPU, bfloat16 on a GPU that has it), float32, bfloat16 or float16."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    chat: Literal["auto", "always", "never"] = "auto"
    """Whether prompts go through the model's chat template: always, never, or auto (where it has one)."""
    bos: Literal["auto", "always", "never"] = "auto"
    """Whether a causal model reads BOS before every text: always, never, or auto (where its tokenizer puts one, and
    before a text without context). An endpoint has its own way, which its signature tells: set it to compare."""
    rules: dict[str, str] = Field(default_factory=dict)
    """Pack to the scoring rule to use, of those on its card, in place of the first that the model offers; `all` is any
    pack not named. The same rule makes two models comparable, e.g. `letter` for one behind an API."""
    robustness: tuple[Literal["formats", "typos", "case", "punctuation"], ...] = ()
    """Variants asked beside the clean samples: formats (the card's other prompt formats), typos, case, punctuation.
    They multiply the requests, and are measured apart: gates see them only where a check names the variant."""
    typo_rate: float = Field(default=0.03, gt=0, le=0.2)
    """Typing errors for each letter, under `robustness: [typos]`."""
    batch_tokens: int = Field(default=2048, ge=1)
    """Token budget of one forward pass."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads, of each worker; default all cores, shared among the workers of this machine."""
    executor: Literal["auto", "local", "ray", "api"] = "auto"
    """Who answers: this process (local), workers on Ray (ray), or the endpoint (api); auto is api for `openai:` models,
    else local. No property of the audit: the numbers are the same."""
    workers: int = Field(default=2, ge=1, le=1024)
    """Workers of `executor: ray`; each holds the model."""
    worker_deadline: float = Field(default=600.0, gt=0)
    """Seconds that a worker may take for one batch; then it is replaced, and the batch asked once more."""
    explain: Explain = Explain()
    """How much is explained."""
    api: Api = Api()
    """How an endpoint is asked."""
    evidence: Literal["full", "hash", "none"] = "full"
    """What the audit keeps of cited samples' texts: full, hash or none."""
    shared: bool = False
    """Let others of this machine read the run folder; else only its owner may."""
    fresh: bool = False
    """Refuse a run folder that holds answers already, and read no answers of earlier runs from the shared cache. On the
    command line the default is yes where the environment says CI."""
    offline: bool = False
    """Block every network connection. It is given anew to each command that goes on with a run."""
    trust_remote_code: bool = False
    """Run code that the model repository ships. Off unless asked by name."""

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_named(cls, data: Any) -> Any:
        """Beside the user's own data, no pack is audited that the user did not name."""
        if isinstance(data, dict) and data.get("tasks") and "packs" not in data:
            return {**data, "packs": ()}
        return data

    @field_validator("size")
    @classmethod
    def _either_size_or_limit(cls, size: Size | None, info: ValidationInfo) -> Size | None:
        if size is not None and info.data.get("limit") is not None:
            raise ValueError("size and limit both say how many samples a pack; give one of them")
        return size

    @property
    def most(self) -> int | None:
        """Most samples a pack, by `limit` or `size`; `None`: all."""
        return self.limit if self.size is None else SIZES[self.size]

    def identity(self) -> Config:
        """The settings that belong to the audit: not where its folder lies, who computes it, how far a command may go,
        or what it costs."""
        fields = type(self).model_fields
        update: dict[str, Any] = {name: fields[name].default for name in ("out", *EXECUTION)}
        update["api"] = self.api.model_copy(update={**dict.fromkeys(LIMITS_AND_PRICES), **NOT_KEPT})
        return self.model_copy(update=update)


EXECUTION = ("executor", "workers", "worker_deadline", "shared", "fresh", "offline")
"""Keys that say how an audit is computed, and nothing of what it is; a run folder never sets them."""
GOING_ON = tuple(name for name in EXECUTION if name != "fresh")
"""Those of them that a command which goes on with a run takes."""
NOT_KEPT: dict[str, Any] = {"allow_http": ()}
"""Keys of `api` by which the user lets something happen, with what they are without it: no run folder keeps them."""
LIMITS_AND_PRICES = ("max_requests", "max_tokens", "price_per_million_input", "price_per_million_output")
"""Keys of `api` that say how far one command may go, and what it costs."""
