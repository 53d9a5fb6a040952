"""Where a model is trained: what was asked for, or an error that says what to do."""

import pytest
import torch

from aisle.errors import ProviderUnavailable
from aisle.machine import Provider
from train.device import in_bfloat16, repeatable, resolve_device

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [resolve_device(kind) for kind in (Provider.AUTO, Provider.CUDA, Provider.CPU)] == [GPU, GPU, CPU]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device(Provider.AUTO) == CPU
    with pytest.raises(ProviderUnavailable, match="--provider cpu"):
        resolve_device(Provider.CUDA)


@pytest.mark.parametrize(("capability", "expected"), [("avx512_bf16", True), ("bf16", True), ("avx512_f", False)])
def test_bfloat16_is_taken_where_the_cpu_calculates_in_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True, "amx_bf16": False})
    assert in_bfloat16("auto", CPU) is expected
    assert in_bfloat16("bfloat16", CPU)
    assert not in_bfloat16("float32", CPU)


def test_emulated_bfloat16_of_a_gpu_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not in_bfloat16("auto", GPU)


def test_a_gpu_repeats_itself_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with repeatable(GPU):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    with repeatable(CPU):
        assert not torch.are_deterministic_algorithms_enabled()
