import base64
import io
import json
import pickle
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.errors import CatalogError, ImageFault, InvalidImage
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS, ImageLimits
from aisle.sources import Source, holds_bytes, open_source


def picture(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


ROWS = [{"id": i, "name": f"product {i}"} for i in range(10)]


def parquet_bytes(folder: Path) -> str:
    table = pa.table({**columns(), "image": [picture(i) for i in range(10)]})
    pq.write_table(table, folder / "c.parquet", row_group_size=3)
    return str(folder / "c.parquet")


def parquet_struct(folder: Path) -> str:
    images = [{"bytes": picture(i), "path": f"{i}.png"} for i in range(10)]
    pq.write_table(pa.table({**columns(), "image": images}), folder / "c.parquet")
    return str(folder / "c.parquet")


def parquet_files(folder: Path) -> str:
    for part, (start, stop) in enumerate([(0, 4), (4, 5), (5, 10)]):
        table = pa.table({**columns(), "image": [picture(i) for i in range(10)]}).slice(start, stop - start)
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=2)
    return str(folder)


def parquet_glob(folder: Path) -> str:
    parquet_files(folder)
    return str(folder / "part-*.parquet")


def csv_paths(folder: Path) -> str:
    lines = ["id,name,image"]
    for i in range(10):
        (folder / f"{i}.png").write_bytes(picture(i))
        lines.append(f"{i},product {i},{i}.png")
    (folder / "c.csv").write_text("\n".join(lines))
    return str(folder / "c.csv")


def jsonl_base64(folder: Path) -> str:
    rows = [{**row, "image": base64.b64encode(picture(row["id"])).decode()} for row in ROWS]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "c.jsonl")


def jsonl_data_uri(folder: Path) -> str:
    rows = [{**row, "image": "data:image/png;base64," + base64.b64encode(picture(row["id"])).decode()} for row in ROWS]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "c.jsonl")


def memory_urls(folder: Path) -> str:
    lines = ["id,name,image"]
    for i in range(10):
        url = f"memory://{folder.name}/{i}.png"
        with fsspec.open(url, "wb") as stream:
            stream.write(picture(i))
        lines.append(f"{i},product {i},{url}")
    with fsspec.open(f"memory://{folder.name}/c.csv", "wb") as stream:
        stream.write("\n".join(lines).encode())
    return f"memory://{folder.name}/c.csv"


def saved_dataset(folder: Path) -> str:
    import datasets

    table = {**columns(), "image": [{"bytes": picture(i), "path": None} for i in range(10)]}
    features = datasets.Features(
        {"id": datasets.Value("int64"), "name": datasets.Value("string"), "image": datasets.Image()}
    )
    datasets.Dataset.from_dict(table, features=features).save_to_disk(folder / "saved")
    return str(folder / "saved")


def columns() -> dict[str, list]:
    return {"id": [row["id"] for row in ROWS], "name": [row["name"] for row in ROWS]}


KINDS = [
    parquet_bytes,
    parquet_struct,
    parquet_files,
    parquet_glob,
    csv_paths,
    jsonl_base64,
    jsonl_data_uri,
    memory_urls,
    saved_dataset,
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    return pickle.loads(pickle.dumps(open_source(request.param(tmp_path))))


def test_rows_come_in_order(source: Source) -> None:
    rows = [row for table in source.scan(["name", "id"]) for row in table.to_pylist()]
    assert rows == [{"name": row["name"], "id": row["id"]} for row in ROWS]


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (2, 5), (4, 6), (9, 10), (3, 3)])
def test_pictures_of_a_range(source: Source, start: int, stop: int) -> None:
    values = source.images("image", start, stop)
    data = [fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS) for value in values]
    assert data == [picture(i) for i in range(start, stop)]


def test_whether_the_pictures_lie_inside(source: Source) -> None:
    inside = not isinstance(source.images("image", 0, 1)[0], str)
    assert holds_bytes(source, "image") is inside


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for name in ("shoes/red_sneaker.png", "shoes/boot.PNG", "hat.png", "readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture(1))
    source = open_source(str(tmp_path))
    (table,) = source.scan(["id", "title", "folder"])
    assert table.to_pylist() == [
        {"id": "hat.png", "title": "hat", "folder": None},
        {"id": "shoes/boot.PNG", "title": "boot", "folder": "shoes"},
        {"id": "shoes/red_sneaker.png", "title": "red sneaker", "folder": "shoes"},
    ]
    (value,) = source.images("image", 1, 2)
    assert fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS) == picture(1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "does not exist"),
        ("c.xlsx", b"x", r"suffix '\.xlsx'; known are"),
        ("c.csv", b"", "cannot be opened"),
        ("c.jsonl", b"{", "cannot be opened"),
        ("c.parquet", b"not parquet", "not a readable Parquet file"),
    ],
)
def test_what_is_no_catalog(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogError, match=message):
        list(open_source(str(tmp_path / name)).schema)


def test_an_empty_folder_and_a_glob_without_match(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="neither Parquet files nor pictures"):
        open_source(str(tmp_path))
    with pytest.raises(CatalogError, match="matches no file"):
        open_source(str(tmp_path / "*.parquet"))


def test_an_unknown_scheme(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened"):
        open_source("nosuch://bucket/c.parquet")


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("missing.png", ImageFault.NOT_FOUND),
        ("memory://nowhere/x.png", ImageFault.NOT_FOUND),
        ("nosuch://host/x.png", ImageFault.UNREADABLE),
        ("data:image/png;base64,@@@@", ImageFault.CORRUPT),
        (".", ImageFault.UNREADABLE),
    ],
)
def test_pictures_that_cannot_be_had(tmp_path: Path, value: str, fault: ImageFault) -> None:
    with pytest.raises(InvalidImage) as caught:
        fetch_image(value, folder=str(tmp_path), limits=DEFAULT_LIMITS)
    assert caught.value.fault is fault


def test_a_file_over_the_cap_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(bytes(1000))
    with pytest.raises(InvalidImage, match="1,000 bytes") as caught:
        fetch_image("big.png", folder=str(tmp_path), limits=ImageLimits(max_bytes=999))
    assert caught.value.fault is ImageFault.TOO_MANY_BYTES


@pytest.mark.parametrize("value", [None, ""])
def test_no_picture(value: str | None) -> None:
    assert fetch_image(value, folder="/", limits=DEFAULT_LIMITS) is None


def test_whatever_a_file_system_raises_is_a_rejected_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ClientError(Exception):
        """Neither OSError nor ValueError, as the libraries behind http and S3 have them."""

    def fail(*_: object, **__: object) -> None:
        raise ClientError("503, slow down")

    monkeypatch.setattr("fsspec.open", fail)
    with pytest.raises(InvalidImage, match="slow down") as caught:
        fetch_image("memory://x.png", folder=str(tmp_path), limits=DEFAULT_LIMITS)
    assert caught.value.fault is ImageFault.UNREACHABLE
