"""Small plain files pass untouched; everything else becomes a small JPEG."""

import io

import numpy as np
import pytest
from PIL import Image

from aisle.images import decode_image
from batch.thumbnail import LONGEST_SIDE, make_thumbnail
from tests.batch.catalogs import encoded, picture


def thumbnail(data: bytes) -> bytes:
    return make_thumbnail(data, decode_image(data))


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (384, 200), (200, 384)])
def test_small_plain_files_pass_to_the_byte(format: str, size: tuple[int, int]):
    data = picture(1, format=format, size=size)
    assert thumbnail(data) == data


def test_grey_passes():
    data = encoded(Image.new("L", (20, 20), 99))
    assert thumbnail(data) == data


def test_large_pictures_shrink_and_keep_their_shape():
    for size, wanted in [((385, 100), (384, 100)), ((1000, 500), (384, 192)), ((500, 2000), (96, 384))]:
        made = opened(thumbnail(picture(1, size=size)))
        assert made.format == "JPEG"
        assert made.size == wanted
        assert max(made.size) == LONGEST_SIDE


def test_heavy_files_are_encoded_again():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8))
    data = encoded(noise, format="PNG")
    assert len(data) > 64 * 1024
    made = thumbnail(data)
    assert len(made) < len(data)
    assert opened(made).size == (300, 300)


def test_what_a_page_would_show_differently_is_encoded_again():
    turned = Image.new("RGB", (40, 20), "red")
    exif = turned.getexif()
    exif[0x0112] = 6
    cases = {
        "turned by EXIF": (encoded(turned, exif=exif), (20, 40)),
        "CMYK": (encoded(Image.new("CMYK", (20, 20))), (20, 20)),
        "see-through": (encoded(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), format="PNG"), (20, 20)),
        "see-through without a fourth channel": (
            encoded(Image.new("RGB", (20, 20), "red"), format="PNG", transparency=(255, 0, 0)),
            (20, 20),
        ),
        "GIF": (picture(1, format="GIF", size=(20, 20)), (20, 20)),
        "animated": (
            encoded(turned, format="WEBP", save_all=True, append_images=[Image.new("RGB", (40, 20), "blue")]),
            (40, 20),
        ),
    }
    for name, (data, size) in cases.items():
        made = thumbnail(data)
        assert made != data, name
        assert opened(made).format == "JPEG", name
        assert opened(made).size == size, name
        assert opened(made).getexif().get(0x0112, 1) == 1, name
    see_through = opened(thumbnail(cases["see-through"][0])).convert("RGB").getpixel((10, 10))
    assert see_through == (255, 255, 255)
