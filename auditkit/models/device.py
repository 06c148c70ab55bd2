"""Where and in which precision a model runs; quiet libraries."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """The torch device of a setting.

    Args:
        name: auto, cpu, cuda, cuda:N or mps; `auto` is cuda if there is one, else mps, else cpu.

    Raises:
        ModelError: the device is not there.
    """
    import torch

    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f'device: "{name}" is not a device; use auto, cpu, cuda, cuda:N or mps') from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f'device: "{name}" is not there ({torch.cuda.device_count()} CUDA devices); use device: auto')
    if device.type == "mps" and not mps:
        raise ModelError('device: "mps" is not there; use device: auto')
    if device.type not in {"cpu", "cuda", "mps"}:
        raise ModelError(f'device: "{name}" is not supported; use auto, cpu, cuda, cuda:N or mps')
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The torch dtype of a setting; `auto` is bfloat16 on a GPU that has it, else float32.

    On a CPU without native bfloat16 it is nine times slower than float32.
    """
    import torch

    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def describe_devices() -> dict[str, str]:
    """What `auto` would choose here, and what else there is, in words."""
    import torch

    device = choose_device("auto")
    dtype = str(choose_dtype("auto", device)).removeprefix("torch.")
    descriptions = {"auto": f"{device}, {dtype}", "cpu": f"{torch.get_num_threads()} threads"}
    for index in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(index).total_memory
        descriptions[f"cuda:{index}"] = f"{torch.cuda.get_device_name(index)}, {memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        descriptions["mps"] = "available"
    return descriptions


def to_device(values: Any, device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A tensor of numbers on a device; to CUDA through pinned memory, while the device goes on computing.

    Args:
        values: nested lists or tuples of one shape, an array, or a tensor; an array's memory is shared on the CPU.
        device: where to.
        dtype: default that of the values, int64 for whole numbers in lists.
    """
    import torch

    tensor = torch.as_tensor(values, dtype=dtype)
    # torch's allocator of pinned memory gives none out again before the copies from it are done
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def set_threads(threads: int | None) -> None:
    """Set the number of CPU threads; `None` leaves torch's default, all cores."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def quiet() -> None:
    """Silence transformers and huggingface_hub: warnings below error, and every progress bar."""
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    disable_progress_bars()
    # transformers and PEFT import torchao where it is installed; it warns of CUDA kernels that a CPU does not need
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # modeling_gguf_pytorch_utils calls tqdm past transformers' own switch (seen in 5.23)
    converter: Any = importlib.import_module("transformers.modeling_gguf_pytorch_utils")
    if hasattr(converter, "tqdm"):
        converter.tqdm = _no_bar


def _no_bar(iterable: Any, *_: Any, **__: Any) -> Any:
    return iterable


def peak_device_bytes() -> int | None:
    """Most memory that tensors took on CUDA devices in this process, in bytes; `None` where CUDA was not used."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return sum(int(torch.cuda.max_memory_allocated(index)) for index in range(torch.cuda.device_count()))


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory was exhausted, on any device."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
