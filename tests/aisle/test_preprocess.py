import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aisle.errors import ModelError
from aisle.layout import TOKENIZER
from aisle.preprocess import (
    Preprocess,
    decode_for,
    load_preprocess,
    load_tokenizer,
    prepare_image,
    preprocess_of,
    save_preprocess,
    tokenize,
)

RULES = Preprocess(shortest_edge=32, crop=32, resample="bicubic", max_length=16)


def resized_whole_then_cropped(image: Image.Image, rules: Preprocess) -> np.ndarray:
    """The recipe as it is usually written: materialise the whole resized picture, then cut the centre."""
    width, height = image.size
    edge = rules.shortest_edge
    size = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    whole = np.asarray(image.resize(size, Image.Resampling[rules.resample.upper()]))
    left, top = (size[0] - rules.crop) // 2, (size[1] - rules.crop) // 2
    return whole[top : top + rules.crop, left : left + rules.crop]


@pytest.mark.parametrize(
    "size", [(300, 200), (200, 300), (64, 64), (7, 5), (33, 32), (31, 90), (1400, 333), (200, 990)]
)
@pytest.mark.parametrize("crop", [32, 28])
def test_the_crop_of_a_picture_is_the_crop_of_its_resized_whole(size: tuple[int, int], crop: int) -> None:
    rules = Preprocess(shortest_edge=32, crop=crop, resample="bicubic", max_length=16)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    difference = prepare_image(image, rules).astype(int) - resized_whole_then_cropped(image, rules)
    assert np.abs(difference).max() <= (0 if max(size) <= 4 * min(size) else 1)


def test_extreme_shapes_stay_cheap() -> None:
    """Resized whole, this picture would be 32 x 3,200,000."""
    assert prepare_image(Image.new("RGB", (1, 100_000), "red"), RULES).shape == (32, 32, 3)


def test_rules_survive_their_file(tmp_path: Path) -> None:
    save_preprocess(RULES, tmp_path / "p.json")
    assert load_preprocess(tmp_path / "p.json") == RULES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ('{"format_version": 99}', "format version 99"),
        ('{"format_version": 1, "shortest_edge": 2, "crop": 4, "resample": "bicubic", "max_length": 9}', "crop is 4"),
        ('{"format_version": 1, "shortest_edge": 4, "crop": 4, "resample": "magic", "max_length": 9}', "magic"),
        ('{"format_version": 1, "shortest_edge": 4, "crop": 4, "resample": "box"}', "cannot be used"),
    ],
)
def test_bad_rules_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=message):
        load_preprocess(path)


def test_tokens_are_padded_to_the_longest_and_truncated(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model / TOKENIZER, RULES)
    tokens = tokenize(["red shirt", "blue", "hat " * 50], tokenizer)
    assert tokens.dtype == np.int64
    assert tokens.shape == (3, 16)
    assert tokenize(["red shirt", "blue"], tokenizer).tolist() == [[2, 7], [4, 0]]


def test_a_tokenizer_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="is not a tokenizer"):
        load_tokenizer(tmp_path / "tokenizer.json", RULES)


def test_a_small_model_decodes_enough_for_a_thumbnail() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1600, 1200), "red").save(buffer, "JPEG")
    small = Preprocess(shortest_edge=32, crop=32, resample="bicubic", max_length=16)
    large = Preprocess(shortest_edge=400, crop=400, resample="bicubic", max_length=16)
    assert decode_for(buffer.getvalue(), small).size == (800, 600)
    assert decode_for(buffer.getvalue(), large).size == (1600, 1200)


def test_the_shorter_of_tower_and_tokenizer_bounds_a_text() -> None:
    processor = {
        "size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "do_resize": True,
        "do_center_crop": True, "resample": 3,
    }  # fmt: skip
    for positions, length in ((77, 64), (64, 77)):
        rules = preprocess_of(processor, name="tiny", image_size=32, text_positions=positions, tokenizer_length=length)
        assert rules == Preprocess(shortest_edge=40, crop=32, resample="bicubic", max_length=64)
