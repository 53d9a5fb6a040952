import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from aisle.errors import ImageFault, InvalidImage
from aisle.images import ImageLimits, decode_image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colour_at(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\x10IDAT" + bytes(20)


RED = (255, 0, 0)


WRITABLE = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "L", "P", "RGBA", "LA", "1"),
    "WEBP": ("RGB", "RGBA", "P"),
    "GIF": ("RGB", "RGBA", "P"),
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in WRITABLE.items() for mode in modes])
def test_every_format_and_mode_becomes_rgb(kind: str, mode: str) -> None:
    image = Image.new("RGB", (20, 10), (200, 30, 30)).convert(mode)
    decoded = decode_image(encoded(image, kind))
    assert decoded.mode == "RGB"
    assert decoded.size == (20, 10)
    expected = np.asarray(image.convert("RGB")).mean(axis=(0, 1))
    np.testing.assert_allclose(np.asarray(decoded).mean(axis=(0, 1)), expected, atol=6)


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((1, 1), (255, 0, 0, 255))
    image.putpixel((2, 2), (255, 0, 0, 128))
    decoded = decode_image(encoded(image, "PNG"))
    assert colour_at(decoded, 0, 0) == (255, 255, 255)
    assert colour_at(decoded, 1, 1) == RED
    assert colour_at(decoded, 2, 2) == (255, 127, 127)


def test_palette_transparency_lies_over_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 0), 1)
    decoded = decode_image(encoded(image, "PNG", transparency=0))
    assert [colour_at(decoded, 0, 0), colour_at(decoded, 1, 0)] == [(255, 255, 255), RED]


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    image = Image.fromarray(np.array([[0, 0x4000, 0x8000, 0xFFFF]], dtype=np.uint16))
    decoded = decode_image(encoded(image, "PNG"))
    assert [colour_at(decoded, x, 0)[0] for x in range(4)] == [0, 0x40, 0x80, 0xFF]


def test_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste(RED, (0, 0, 20, 20))  # red on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    decoded = decode_image(encoded(image, "PNG", exif=exif))
    assert decoded.size == (20, 40)
    assert colour_at(decoded, 10, 5) == RED
    assert colour_at(decoded, 10, 35) == (255, 255, 255)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert colour_at(decode_image(data), 0, 0) == RED


def test_large_jpegs_decode_at_reduced_scale_but_never_below_twice_the_need() -> None:
    data = encoded(Image.new("RGB", (1600, 1200), "red"), "JPEG")
    assert decode_image(data).size == (1600, 1200)
    assert decode_image(data, at_least=224).size == (800, 600)
    assert decode_image(data, at_least=100).size == (400, 300)
    assert decode_image(data, at_least=400).size == (1600, 1200)


NOISE = Image.effect_noise((200, 200), 90).convert("RGB")

FAULTS = {
    "nothing": (b"", ImageFault.EMPTY),
    "a text": (b"hello, this is no picture", ImageFault.UNKNOWN_FORMAT),
    "a web page": (b"<!doctype html><title>404</title>", ImageFault.UNKNOWN_FORMAT),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', ImageFault.UNKNOWN_FORMAT),
    "a BMP": (encoded(NOISE, "BMP"), ImageFault.UNKNOWN_FORMAT),
    "a TIFF": (encoded(NOISE, "TIFF"), ImageFault.UNKNOWN_FORMAT),
    "half a JPEG": (encoded(NOISE, "JPEG")[:4000], ImageFault.TRUNCATED),
    "half a PNG": (encoded(NOISE, "PNG")[:9000], ImageFault.TRUNCATED),
    "half a GIF": (encoded(NOISE, "GIF")[:9000], ImageFault.TRUNCATED),
    "half a WebP": (encoded(NOISE, "WEBP")[:4000], ImageFault.TRUNCATED),
    "a JPEG header": (b"\xff\xd8\xff\xe0\x00\x10JFIF", ImageFault.TRUNCATED),
    "a bomb": (png_header(60_000, 60_000), ImageFault.TOO_MANY_PIXELS),
    "just too large": (png_header(8001, 8000), ImageFault.TOO_MANY_PIXELS),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_picture_says_why(name: str) -> None:
    data, fault = FAULTS[name]
    with pytest.raises(InvalidImage) as caught:
        decode_image(data)
    assert caught.value.fault is fault, str(caught.value)


def test_flipped_bits_are_corrupt() -> None:
    data = bytearray(encoded(NOISE, "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(InvalidImage) as caught:
        decode_image(bytes(data))
    assert caught.value.fault in {ImageFault.CORRUPT, ImageFault.TRUNCATED}


def test_caps_come_before_decoding() -> None:
    data = encoded(NOISE, "PNG")
    with pytest.raises(InvalidImage, match="at most 100 are accepted") as caught:
        decode_image(data, limits=ImageLimits(max_bytes=100))
    assert caught.value.fault is ImageFault.TOO_MANY_BYTES
    with pytest.raises(InvalidImage, match="200 x 200") as caught:
        decode_image(data, limits=ImageLimits(max_pixels=39_999))
    assert caught.value.fault is ImageFault.TOO_MANY_PIXELS
    assert decode_image(data, limits=ImageLimits(max_pixels=40_000)).size == (200, 200)


def test_an_invalid_image_survives_a_process_border() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(InvalidImage("broken", fault=ImageFault.CORRUPT)))
    assert (str(error), error.fault) == ("broken", ImageFault.CORRUPT)
