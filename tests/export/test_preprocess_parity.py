"""`aisle.preprocess` against transformers' processor, and reduced-scale JPEG decoding against the full one."""

import io

import numpy as np
import pytest
from PIL import Image
from transformers import CLIPImageProcessor

from aisle.images import decode_image
from aisle.preprocess import Preprocess, prepare_image

CLIP = Preprocess(shortest_edge=224, crop=224, resample="bicubic", max_length=77)

LARGEST_DIFFERENCE = 0
"""In levels of 255, up to four times as long as wide: the same pixels."""

LARGEST_DIFFERENCE_OF_STRIPS = 32
MEAN_DIFFERENCE_OF_STRIPS = 0.6
"""Beyond, and only where such a strip is enlarged: Pillow may order its two passes otherwise, and rounds between them.
Measured on pure noise, the worst case: 25 at most, 0.42 in the mean."""

MEAN_DIFFERENCE_OF_DRAFT = {"photo": 0.5, "noise": 5.0}
"""Measured on JPEGs of four to sixteen times the model's input: 0.3 where neighbouring pixels are alike, as in a photo;
3.9 on pure noise."""


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8))


def photo(width: int, height: int) -> Image.Image:
    coarse = np.random.default_rng(7).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def differences(image: Image.Image, rules: Preprocess) -> np.ndarray:
    processor = CLIPImageProcessor(
        size={"shortest_edge": rules.shortest_edge},
        crop_size={"height": rules.crop, "width": rules.crop},
        resample=Image.Resampling[rules.resample.upper()],
        do_rescale=False,
        do_normalize=False,
    )
    theirs = processor(
        [np.asarray(image)], input_data_format="channels_last", data_format="channels_last", return_tensors="np"
    )["pixel_values"][0]
    return np.abs(theirs.astype(int) - prepare_image(image, rules).astype(int))


@pytest.mark.parametrize(
    ("width", "height"),
    [
        *((640, 480), (480, 640), (601, 399), (333, 500), (224, 224), (225, 224), (224, 301)),
        *((1, 1), (3, 2), (19, 13), (30, 110), (2000, 501), (3000, 2001), (1501, 2500)),
    ],
)
def test_pictures_of_ordinary_shape_are_identical(width: int, height: int) -> None:
    for draw in (noise, photo):
        assert differences(draw(width, height), CLIP).max() <= LARGEST_DIFFERENCE


@pytest.mark.parametrize(
    "rules",
    [
        Preprocess(shortest_edge=256, crop=224, resample="bicubic", max_length=77),
        Preprocess(shortest_edge=32, crop=32, resample="bilinear", max_length=77),
        Preprocess(shortest_edge=96, crop=64, resample="lanczos", max_length=77),
    ],
)
def test_other_rules_are_identical(rules: Preprocess) -> None:
    for size in ((300, 200), (200, 300), (20, 30), (1200, 900)):
        assert differences(noise(*size), rules).max() <= LARGEST_DIFFERENCE


@pytest.mark.parametrize(("width", "height"), [(7, 300), (60, 480), (150, 3000), (1000, 3), (4000, 300), (300, 4000)])
def test_strips_differ_little(width: int, height: int) -> None:
    difference = differences(noise(width, height), CLIP)
    assert difference.max() <= LARGEST_DIFFERENCE_OF_STRIPS
    assert difference.mean() <= MEAN_DIFFERENCE_OF_STRIPS
    assert differences(photo(width, height), CLIP).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(896, 900), (2400, 1800), (3600, 2700), (3000, 900)])
@pytest.mark.parametrize("kind", ["photo", "noise"])
def test_reduced_scale_decoding_differs_little(kind: str, width: int, height: int) -> None:
    stream = io.BytesIO()
    {"photo": photo, "noise": noise}[kind](width, height).save(stream, "JPEG", quality=90)
    reduced = decode_image(stream.getvalue(), at_least=CLIP.shortest_edge)
    assert 2 * CLIP.shortest_edge <= min(reduced.size) < min(width, height)  # it did take the short way
    full = prepare_image(decode_image(stream.getvalue()), CLIP).astype(int)
    assert np.abs(full - prepare_image(reduced, CLIP)).mean() <= MEAN_DIFFERENCE_OF_DRAFT[kind]
