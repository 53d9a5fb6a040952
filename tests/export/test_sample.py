"""Samples for the parity gate: reproducible, odd enough, spread over a catalog, unmoved by bad rows."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.catalog import Roles
from aisle.errors import CatalogError, SettingsError
from aisle.images import ORIENTATION, decode_image
from export.odd import ODD, with_odd_pictures
from export.sample import SMALLEST, ParitySample, catalog_sample, drawn_sample


def png(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(stream, "PNG")
    return stream.getvalue()


def test_a_drawn_sample_is_reproducible() -> None:
    assert drawn_sample(8, seed=1) == drawn_sample(8, seed=1)
    assert drawn_sample(8, seed=1).images != drawn_sample(8, seed=2).images
    assert len(set(drawn_sample(32).images)) == 32
    assert len(set(drawn_sample(64).texts)) > 48


def test_every_odd_kind_is_in_a_sample_and_decodes() -> None:
    sample = drawn_sample(32)
    pictures = [Image.open(io.BytesIO(data)) for data in sample.images]
    assert {"JPEG", "PNG", "WEBP", "GIF"} == {picture.format for picture in pictures}
    assert any(picture.mode == "RGBA" for picture in pictures)
    assert any(picture.mode == "P" for picture in pictures)
    assert any(picture.getexif().get(ORIENTATION) == 6 for picture in pictures)
    assert any(picture.width > 2000 for picture in pictures)
    assert any(picture.width < 20 for picture in pictures)
    decoded = [decode_image(data) for data in sample.images]
    assert any(picture.width > 2 * picture.height for picture in decoded)
    assert any(picture.height > 2 * picture.width for picture in decoded)


def test_odd_versions_show_the_same_thing_upright() -> None:
    image = Image.new("RGB", (80, 60), "white")
    image.paste("red", (0, 0, 80, 30))
    for change in ODD:
        picture = decode_image(change(image))
        top, bottom = (picture.getpixel((0, y)) for y in (0, picture.height - 1))
        assert (top[0] > 200, top[1] < bottom[1]) == (True, True), change.__name__


def test_one_in_four_is_changed() -> None:
    pictures = tuple(png((value, 0, 0)) for value in range(8))
    odd = with_odd_pictures(pictures)
    assert [index for index in range(8) if odd[index] != pictures[index]] == [3, 7]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """1,200 rows in 12 row groups; every fifth picture is broken, every seventh missing, every eleventh untitled."""
    rows = range(1200)
    table = pa.table(
        {
            "id": [str(i) for i in rows],
            "image": [b"broken" if i % 5 == 0 else None if i % 7 == 0 else png((i % 256, i // 256, 0)) for i in rows],
            "title": [None if i % 11 == 0 else f"Row {i} of the long catalog" for i in rows],
        }
    )
    pq.write_table(table, tmp_path / "catalog.parquet", row_group_size=100)
    return tmp_path / "catalog.parquet"


def test_a_catalog_sample_is_spread_and_passes_over_bad_rows(catalog: Path) -> None:
    sample = catalog_sample(str(catalog), Roles(id="id", image="image", title="title"), size=160)
    assert sample.source == "catalog"
    assert SMALLEST <= len(sample.images) <= 160
    reds = {decode_image(data).getpixel((0, 0))[1] for data in sample.images[:1] + sample.images[-2:]}
    assert reds == {0, 4}  # from the first rows and from the last
    numbers = [int(text.split()[1]) for text in sample.texts]
    assert min(numbers) < 20
    assert max(numbers) > 1180
    assert {len(text.split()) for text in sample.texts} == {3, 6}  # whole texts, and their first words
    assert sample == catalog_sample(str(catalog), None, size=160)  # the roles are guessed alike


def test_a_small_catalog_is_filled_up(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1", "2"], "title": ["red shoe", "blue hat"]}), tmp_path / "c.parquet")
    sample = catalog_sample(str(tmp_path / "c.parquet"), Roles(id="id", title="title"))
    assert sample.texts[:2] == ("red shoe", "blue hat")
    assert len(sample.texts) == len(sample.images) == SMALLEST


def test_a_catalog_that_does_not_fit_is_said(catalog: Path) -> None:
    with pytest.raises(CatalogError, match="no column 'photo'"):
        catalog_sample(str(catalog), Roles(id="id", image="photo", title="title"))


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(SettingsError, match="0 pictures and 1 texts"):
        ParitySample(images=(), texts=("shoe",))
