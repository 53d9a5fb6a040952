"""Which pictures a run reads: those whose file may have changed, and with --verify all."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.csv
import pytest

from aisle.catalog import Roles
from aisle.fetch import Fetched
from aisle.layout import Layout
from aisle.sources import open_source
from batch.options import ReindexOptions, Summary
from tests.batch.catalogs import good_rows, picture, write_catalog
from tests.batch.conftest import Run

ROLES = Roles(id="id", image="image", title="title")
OPTIONS = ReindexOptions(shard_rows=16)
VERIFY = replace(OPTIONS, read_all=True)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' files are a minute old as soon as they are written."""
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 60.0)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """A folder of pictures."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02d}.png").write_bytes(picture(number, format="PNG"))
    return folder


def counts(summary: Summary) -> tuple[int, int]:
    """Pictures read, and encoded."""
    return summary.read_images, summary.embedded_images


def test_files_that_did_not_change_are_not_read_again(run: Run, shop: Path):
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (40, 40)
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (0, 0)
    (shop / "07.png").write_bytes(picture(700, format="PNG"))
    (shop / "30.png").touch()
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (2, 1)
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (0, 0)


def test_changed_files_change_the_release(run: Run, shop: Path, tmp_path: Path):
    run(str(shop), roles=None, options=OPTIONS)
    (shop / "07.png").write_bytes(picture(700, format="PNG"))
    (shop / "08.png").unlink()
    (shop / "90.png").write_bytes(picture(90, format="PNG"))
    made = run(str(shop), roles=None, options=OPTIONS).folder
    clean = run(str(shop), roles=None, options=OPTIONS, layout=Layout(root=tmp_path / "clean")).folder
    for name in ("index.faiss", "products.arrow", "thumbnails.arrow"):
        assert (made / name).read_bytes() == (clean / name).read_bytes()


def test_verify_reads_everything(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch):
    """A file system that lies: every file always has one state."""
    from aisle.stamps import Stamp

    monkeypatch.setattr("aisle.fetch.stamp", lambda location, **_: Stamp(location, "as ever"))
    run(str(shop), roles=None, options=OPTIONS)
    (shop / "07.png").write_bytes(picture(700, format="PNG"))
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (0, 0)
    assert counts(run(str(shop), roles=None, options=VERIFY)) == (40, 1)
    assert counts(run(str(shop), roles=None, options=OPTIONS)) == (0, 0)  # what was read last counts


def test_a_file_system_that_tells_nothing_is_read(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aisle.fetch.stamp", lambda location, **_: None)
    for encoded in (40, 0):
        assert counts(run(str(shop), roles=None, options=OPTIONS)) == (40, encoded)


def test_files_that_changed_just_now_are_read_again(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.time", lambda: (shop / "00.png").stat().st_ctime)
    for encoded in (40, 0):
        assert counts(run(str(shop), roles=None, options=OPTIONS)) == (40, encoded)


def test_another_model_reads_what_it_embeds(run: Run, shop: Path, other_model: Path):
    run(str(shop), roles=None, options=OPTIONS)
    assert counts(run(str(shop), roles=None, options=OPTIONS, model=other_model)) == (40, 40)


def test_vectors_that_are_gone_are_made_anew(run: Run, layout: Layout, shop: Path, tiny_model: Path):
    """The content is known from the file's state; its vector is not, so the file is read after all."""
    first = run(str(shop), roles=None, options=OPTIONS)
    for path in layout.embeddings(tiny_model.name).glob("*.arrow"):
        path.unlink()
    again = run(str(shop), roles=None, options=OPTIONS)
    assert counts(again) == (40, 40)
    assert (again.folder / "index.faiss").read_bytes() == (first.folder / "index.faiss").read_bytes()


def test_a_picture_that_changes_between_two_looks(run: Run, layout: Layout, shop: Path, tiny_model: Path):
    """Its state named one content, and reading finds another: what was read counts."""
    run(str(shop), roles=None, options=OPTIONS)
    for path in layout.embeddings(tiny_model.name).glob("*.arrow"):
        path.unlink()
    from batch import picture_files

    original = picture_files.fetch_picture

    def late(value: str, **options: object) -> Fetched:
        if value == "07.png":
            (shop / value).write_bytes(picture(700, format="PNG"))
        return original(value, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(picture_files, "fetch_picture", late)
        made = run(str(shop), roles=None, options=OPTIONS)
    clean = run(str(shop), roles=None, options=OPTIONS, layout=Layout(root=layout.root / "clean"))
    assert (made.folder / "index.faiss").read_bytes() == (clean.folder / "index.faiss").read_bytes()
    assert (made.folder / "thumbnails.arrow").read_bytes() == (clean.folder / "thumbnails.arrow").read_bytes()


def test_rejected_files_are_not_read_again_either(run: Run, shop: Path):
    (shop / "07.png").write_bytes(b"no picture")
    lenient = replace(OPTIONS, max_rejects=0.5)
    assert run(str(shop), roles=None, options=lenient).reasons == {"image_unknown_format": 1}
    again = run(str(shop), roles=None, options=lenient)
    assert (counts(again), again.reasons) == ((0, 0), {"image_unknown_format": 1})


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[str], str]:
    """Writes a CSV of forty products whose pictures lie at some URL."""

    def write(prefix: str) -> str:
        table = pa.table(
            {
                "id": [f"p{number}" for number in range(40)],
                "title": [f"red shirt {number}" for number in range(40)],
                "image": [f"{prefix}{number:02d}.png" for number in range(40)],
            }
        )
        pyarrow.csv.write_csv(table, tmp_path / "shop.csv")
        return str(tmp_path / "shop.csv")

    return write


def test_pictures_with_an_etag(run: Run, listed: Callable[[str], str], monkeypatch: pytest.MonkeyPatch):
    filesystem = fsspec.filesystem("memory")
    for number in range(40):
        filesystem.pipe(f"/bucket/{number:02d}.png", picture(number, format="PNG"))
    original = type(filesystem).info

    def info(self: object, path: str, **options: object) -> dict[str, object]:
        found = original(self, path, **options)
        return found | {"ETag": f'"{hash(self.cat_file(path))}"'} if found["type"] == "file" else found  # type: ignore[attr-defined]

    catalog = listed("memory://bucket/")
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (40, 40)
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (40, 0)  # no ETag, no time: read
    monkeypatch.setattr(type(filesystem), "info", info)
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (40, 0)
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (0, 0)
    filesystem.pipe("/bucket/07.png", picture(700, format="PNG"))
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (1, 1)
    assert counts(run(catalog, roles=ROLES, options=VERIFY)) == (40, 0)


def test_pictures_by_file_url(run: Run, shop: Path, listed: Callable[[str], str]):
    catalog = listed(f"file://{shop}/")
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (40, 40)
    assert counts(run(catalog, roles=ROLES, options=OPTIONS)) == (0, 0)


def test_pictures_inside_parquet_files_go_by_the_file(run: Run, tmp_path: Path):
    folder = tmp_path / "parts"
    folder.mkdir()
    rows = good_rows(60)
    write_catalog(folder / "a.parquet", rows[:20], row_group=7)
    write_catalog(folder / "b.parquet", rows[20:], row_group=15)
    assert counts(run(str(folder), options=OPTIONS)) == (60, 60)
    assert counts(run(str(folder), options=OPTIONS)) == (0, 0)
    rows[50]["image"] = picture(5000)
    rows[50]["price"] = 1.0
    write_catalog(folder / "b.parquet", rows[20:], row_group=15)
    changed = run(str(folder), options=OPTIONS)
    assert changed.embedded_images == 1
    assert 40 <= changed.read_images < 60  # those of the other file only where a shard holds both
    write_catalog(folder / "0.parquet", [rows[59] | {"id": "new"}])
    more = run(str(folder), options=OPTIONS)
    assert more.embedded_images == 0
    assert more.read_images <= 20
    clean = run(str(folder), options=OPTIONS, layout=Layout(root=tmp_path / "clean"))
    assert (more.folder / "index.faiss").read_bytes() == (clean.folder / "index.faiss").read_bytes()
    assert (more.folder / "thumbnails.arrow").read_bytes() == (clean.folder / "thumbnails.arrow").read_bytes()


def test_a_parquet_file_that_is_replaced_is_not_taken_for_the_old_one(tmp_path: Path):
    path = tmp_path / "c.parquet"
    rows = good_rows(4)
    write_catalog(path, rows)
    source = open_source(str(path))
    before = source.stamps("image", 0, 4)  # type: ignore[attr-defined]
    assert len({stamp.location for stamp in before}) == 4
    rows[2]["image"] = picture(5000)
    fresh = tmp_path / "fresh.parquet"
    write_catalog(fresh, rows)
    fresh.replace(path)
    # Until it is opened anew this process sees the old file, and says so.
    assert source.stamps("image", 0, 4) == before  # type: ignore[attr-defined]
    assert source.images("image", 2, 3) != [rows[2]["image"]]
    again = open_source(str(path))
    assert again.images("image", 2, 3) == [rows[2]["image"]]
    after = again.stamps("image", 0, 4)  # type: ignore[attr-defined]
    assert [stamp.location for stamp in after] == [stamp.location for stamp in before]
    assert after[0].state != before[0].state
