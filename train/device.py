"""Where a model is trained, and in which number format its towers calculate."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from aisle.errors import ProviderUnavailable
from aisle.machine import Provider
from train.recipe import Precision


def resolve_device(provider: Provider) -> torch.device:
    """The device behind a provider's name.

    Raises:
        ProviderUnavailable: A GPU was asked for and torch can use none.
    """
    there = torch.cuda.is_available()
    if provider is Provider.CUDA and not there:
        raise ProviderUnavailable(
            "torch cannot use a GPU here: install its CUDA build and a driver, or choose --provider cpu"
        )
    return torch.device("cpu" if provider is Provider.CPU or not there else "cuda")


def in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether the towers calculate in bfloat16: as asked, or where the hardware does and not its emulation."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Let a GPU take algorithms that give the same sums each time. CPUs do so anyway.

    An operation that has no such algorithm is named in a warning.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first product is calculated
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
