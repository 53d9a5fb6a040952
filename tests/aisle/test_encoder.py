from pathlib import Path

import numpy as np
import pytest

from aisle.encoder import OnnxEncoder, resolve_provider
from aisle.errors import ModelError, ProviderUnavailable, SettingsError
from aisle.layout import TEXT_GRAPH
from aisle.machine import Provider, cpu_quota
from aisle.manifest import load_model_manifest


def flat(colour: tuple[int, int, int], size: int = 32) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (1, size, size, 3)).copy()


def test_vectors_are_float32_of_norm_one(tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    vectors = np.concatenate([encoder.encode_images(flat((255, 0, 0))), encoder.encode_texts(["red", "blue hat"])])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_colour_word_finds_its_colour(tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    pictures = np.concatenate([flat((255, 0, 0)), flat((0, 255, 0)), flat((0, 0, 255))])
    scores = encoder.encode_texts(["red", "green", "blue"]) @ encoder.encode_images(pictures).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_text_does_not_depend_on_its_batch(tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    alone = encoder.encode_texts(["red"])
    together = encoder.encode_texts(["red", "blue striped hat for men"])
    np.testing.assert_allclose(alone[0], together[0], atol=1e-6)


def test_empty_batches(tiny_model: Path) -> None:
    encoder = OnnxEncoder(tiny_model)
    assert encoder.encode_texts([]).shape == (0, encoder.dimension)
    assert encoder.encode_images(np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, encoder.dimension)


def test_wrong_pixels_are_named(tiny_model: Path) -> None:
    with pytest.raises(ValueError, match=r"float32 \[1, 32, 32, 3\]; the model takes uint8"):
        OnnxEncoder(tiny_model).encode_images(flat((0, 0, 0)).astype(np.float32))
    with pytest.raises(ValueError, match=r"\[1, 16, 16, 3\]"):
        OnnxEncoder(tiny_model).encode_images(flat((0, 0, 0), size=16))


def test_auto_says_which_provider_it_took(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert OnnxEncoder(tiny_model, provider=Provider.AUTO).provider is Provider.CPU
    monkeypatch.setattr(
        "onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    assert resolve_provider(Provider.AUTO) is Provider.CUDA


def test_a_named_provider_that_is_missing_is_an_error(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderUnavailable, match=r"cuda is not available.*aisle\[gpu\]"):
        OnnxEncoder(tiny_model, provider=Provider.CUDA)


def test_a_provider_that_fell_back_is_an_error(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime lists CUDA, cannot load its libraries, and quietly gives a CPU session."""
    import onnxruntime

    real = onnxruntime.InferenceSession
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(
        "onnxruntime.InferenceSession",
        lambda path, options, **_: real(path, options, providers=["CPUExecutionProvider"]),
    )
    with pytest.raises(ProviderUnavailable, match="fell back to CPUExecutionProvider"):
        OnnxEncoder(tiny_model, provider=Provider.CUDA)


def test_an_altered_bundle_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    for path in tiny_model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    graph = tmp_path / TEXT_GRAPH
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(bytes(data))
    with pytest.raises(ModelError, match=r"text\.onnx was altered"):
        OnnxEncoder(tmp_path)
    graph.unlink()
    with pytest.raises(ModelError, match=r"text\.onnx is missing"):
        load_model_manifest(tmp_path)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="aisle export"):
        OnnxEncoder(tmp_path)


def test_threads_below_one(tiny_model: Path) -> None:
    with pytest.raises(SettingsError, match="threads is 0"):
        OnnxEncoder(tiny_model, threads=0)


def test_cpu_quota_is_at_least_one_and_at_most_the_affinity() -> None:
    import os

    assert 1 <= cpu_quota() <= len(os.sched_getaffinity(0))
