"""The graphs against the torch checkpoint: padding, batches, both ways of finding a text's end."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from aisle.encoder import OnnxEncoder
from aisle.errors import ModelError
from aisle.machine import Provider
from aisle.manifest import Precision
from export import graphs
from export.bundle import ExportResult
from export.checkpoint import Checkpoint, open_checkpoint
from export.graphs import write_graphs
from export.parity import reference_vectors
from export.sample import ParitySample, drawn_sample

TEXTS = ("red shoe", "", "a long red dress with short sleeves for women", "shirt " * 200)


@pytest.fixture(scope="module", params=["first end token", "highest id"])
def variant(
    request: pytest.FixtureRequest, checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Checkpoint:
    """The checkpoint as it is, and as a checkpoint of 2021 with `eos_token_id` 2."""
    folder = tmp_path_factory.mktemp("variant") / "variant"
    shutil.copytree(checkpoint_folder, folder)
    if request.param == "highest id":
        config = json.loads((folder / "config.json").read_text())
        config["text_config"]["eos_token_id"] = 2
        (folder / "config.json").write_text(json.dumps(config))
    return open_checkpoint(str(folder))


@pytest.fixture(scope="module")
def text_graph(variant: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    folder = tmp_path_factory.mktemp("graphs")
    write_graphs(variant, folder, precision=Precision.FLOAT32)
    return onnxruntime.InferenceSession(folder / "text.onnx")


def padded(checkpoint: Checkpoint, texts: tuple[str, ...], **options: object) -> np.ndarray:
    return checkpoint.tokenizer(list(texts), truncation=True, max_length=77, return_tensors="np", **options)[
        "input_ids"
    ]


def run(graph: onnxruntime.InferenceSession, ids: np.ndarray) -> np.ndarray:
    return graph.run(None, {"input_ids": ids.astype(np.int64)})[0]


def test_texts_match_the_checkpoint(variant: Checkpoint, text_graph: onnxruntime.InferenceSession) -> None:
    reference = reference_vectors(variant, ParitySample(images=drawn_sample(1).images, texts=TEXTS)).texts
    np.testing.assert_allclose(run(text_graph, padded(variant, TEXTS, padding=True)), reference, atol=2e-6)


def test_padding_to_the_longest_equals_padding_to_77(
    variant: Checkpoint, text_graph: onnxruntime.InferenceSession
) -> None:
    short = TEXTS[:3]
    longest, full = padded(variant, short, padding=True), padded(variant, short, padding="max_length")
    assert longest.shape[1] < full.shape[1] == 77
    np.testing.assert_allclose(run(text_graph, longest), run(text_graph, full), atol=2e-6)


def test_a_text_alone_equals_the_text_in_a_batch(variant: Checkpoint, text_graph: onnxruntime.InferenceSession) -> None:
    together = run(text_graph, padded(variant, TEXTS, padding=True))
    alone = np.concatenate([run(text_graph, padded(variant, (text,))) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    assert np.abs(together[0] - together[2]).max() > 1e-3  # the texts are told apart at all


def test_pictures_match_the_checkpoint(checkpoint: Checkpoint, float32: ExportResult) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    pixels[0], pixels[1] = 255, 0
    prepared = checkpoint.processor(
        list(pixels), do_resize=False, do_center_crop=False, input_data_format="channels_last", return_tensors="pt"
    )["pixel_values"]
    with torch.inference_mode():
        features = checkpoint.model.get_image_features(pixel_values=prepared)
    reference = torch.nn.functional.normalize(features).numpy()
    vectors = OnnxEncoder(float32.folder, provider=Provider.CPU).encode_images(pixels)
    np.testing.assert_allclose(vectors, reference, atol=2e-6)


def test_the_checkpoint_is_left_as_it_was(checkpoint: Checkpoint, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in checkpoint.model.state_dict().items()}
    for precision in Precision:
        (tmp_path / precision).mkdir()
        write_graphs(checkpoint, tmp_path / precision, precision=precision)
        assert {path.name for path in (tmp_path / precision).iterdir()} == {"image.onnx", "text.onnx"}
    after = checkpoint.model.state_dict()
    assert set(after) == set(before)
    assert all(value.dtype == before[name].dtype and torch.equal(value, before[name]) for name, value in after.items())


def test_nothing_is_said_while_exporting(
    checkpoint: Checkpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_graphs(checkpoint, tmp_path, precision=Precision.INT8)
    assert capfd.readouterr() == ("", "")


def test_a_tower_too_large_for_one_file_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "LARGEST_TOWER", 1000)
    with pytest.raises(ModelError, match=r"image\.onnx would hold [\d,]+ bytes"):
        write_graphs(checkpoint, tmp_path, precision=Precision.FLOAT32)
