"""Pictures that a page carries inside itself."""

import base64
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.errors import InvalidImage
from aisle.sources import Source, open_source
from evaluation.thumbnails import LONGEST_SIDE, thumbnails


def _png(size: tuple[int, int], colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    pictures = [_png((900, 300), "red"), _png((40, 60), "blue"), b"\xff\xd8\xff broken"]
    pq.write_table(pa.table({"image": pictures}), tmp_path / "c.parquet")
    return open_source(str(tmp_path / "c.parquet"))


def _opened(uri: str) -> Image.Image:
    kind, _, data = uri.partition(";base64,")
    assert kind == "data:image/jpeg"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_large_pictures_shrink_and_small_ones_stay(source: Source) -> None:
    made = thumbnails(source, "image", [1, 0, 1])
    assert list(made) == [0, 1]
    assert _opened(made[0]).size == (LONGEST_SIDE, LONGEST_SIDE // 3)
    assert _opened(made[1]).size == (40, 60)
    red, blue = _opened(made[0]).getpixel((5, 5)), _opened(made[1]).getpixel((5, 5))
    assert red[0] > 200 > red[2]
    assert blue[2] > 200 > blue[0]


def test_a_picture_that_broke_meanwhile_is_named(source: Source) -> None:
    with pytest.raises(InvalidImage):
        thumbnails(source, "image", [2])
