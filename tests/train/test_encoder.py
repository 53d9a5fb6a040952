"""A checkpoint as an encoder gives transformers' own vectors, from the file's bytes on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel

from aisle.errors import ModelError
from aisle.preprocess import prepare_image
from export.random_checkpoint import random_checkpoint
from train.encoder import TorchEncoder
from train.model import Checkpoint, load_checkpoint

TEXTS = ["red shirt", "a long striped dress for women, with short sleeves and polka dots", "bag"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny", seed=3)


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Checkpoint:
    return load_checkpoint(str(folder))


def _pictures(count: int) -> list[Image.Image]:
    random = np.random.default_rng(1)
    sizes = [(40, 60), (64, 32), (32, 32)]
    return [
        Image.fromarray(random.integers(0, 255, (*sizes[number % 3], 3), dtype=np.uint8)) for number in range(count)
    ]


def _unit(vectors: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors, dim=-1).detach().numpy()


def test_pictures_are_encoded_as_transformers_does(folder: Path, checkpoint: Checkpoint) -> None:
    pictures = _pictures(67)  # more than go through at once
    encoder = TorchEncoder(checkpoint)
    found = encoder.encode_images(np.stack([prepare_image(picture, encoder.preprocess) for picture in pictures]))
    processor = CLIPImageProcessor.from_pretrained(folder)
    model = CLIPModel.from_pretrained(folder).eval()
    expected = _unit(model.get_image_features(processor(pictures, return_tensors="pt")["pixel_values"]))
    assert found.dtype == np.float32
    assert found.shape == (67, encoder.dimension) == (67, 16)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_texts_are_encoded_as_transformers_does(folder: Path, checkpoint: Checkpoint) -> None:
    texts = TEXTS * 23 + ["red " * 200]  # more than go through at once, and one longer than the model reads
    found = TorchEncoder(checkpoint).encode_texts(texts)
    tokens = checkpoint.tokenizer(texts, padding=True, truncation=True, max_length=77, return_tensors="pt")
    model = CLIPModel.from_pretrained(folder).eval()
    expected = _unit(model.get_text_features(tokens["input_ids"], attention_mask=tokens["attention_mask"]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_dropout_of_a_model_in_training_is_off(folder: Path) -> None:
    model = CLIPModel.from_pretrained(folder)
    for tower in (model.text_model, model.vision_model):
        for layer in tower.encoder.layers:
            layer.self_attn.dropout = 0.5
    encoder = TorchEncoder(dataclasses.replace(load_checkpoint(str(folder)), model=model.train()))
    expected = TorchEncoder(load_checkpoint(str(folder))).encode_texts(TEXTS)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-5)


def test_nothing_gives_no_rows(checkpoint: Checkpoint) -> None:
    encoder = TorchEncoder(checkpoint)
    assert encoder.encode_texts([]).shape == (0, 16)
    assert encoder.encode_images(np.zeros((0, 32, 32, 3), dtype=np.uint8)).shape == (0, 16)


@pytest.mark.parametrize("pixels", [np.zeros((1, 31, 32, 3), np.uint8), np.zeros((1, 32, 32, 3), np.float32)])
def test_other_pixels_are_refused(checkpoint: Checkpoint, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"the model takes uint8 \[n, 32, 32, 3\]"):
        TorchEncoder(checkpoint).encode_images(pixels)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_size": {"height": 24, "width": 24}}, "crops to 24 pixels and the model takes 32"),
        ({"size": {"height": 32, "width": 32}}, "resizes to {'height': 32"),
        ({"do_normalize": False}, "normalisation"),
        ({"do_center_crop": False}, "a square centre crop"),
    ],
)
def test_processors_that_aisle_does_not_reproduce_are_refused(
    checkpoint: Checkpoint, changes: dict[str, object], message: str
) -> None:
    processor = CLIPImageProcessor(
        **({"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}} | changes)
    )
    with pytest.raises(ModelError, match=message):
        TorchEncoder(dataclasses.replace(checkpoint, processor=processor))
