"""Objects larger than a request, and more of them than a request names."""

from pathlib import Path

import pytest

from aisle import objects
from aisle.layout import Layout
from tests.storage.conftest import names


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 3000, 3456])
def test_a_large_object_arrives_in_pieces(layout: Layout, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch):
    import obstore

    monkeypatch.setattr(objects, "RANGE_BYTES", 1000)
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "data").write_bytes(data)
    layout.store.upload(tmp_path / "data", "large")
    pieces: list[int] = []
    get_range = obstore.get_range

    def counted(*given: object, length: int, **options: object) -> object:
        pieces.append(length)
        return get_range(*given, length=length, **options)

    monkeypatch.setattr(obstore, "get_range", counted)
    assert layout.store.download("large", tmp_path / "arrived")
    assert (tmp_path / "arrived").read_bytes() == data
    assert sum(pieces) == size
    assert max(pieces, default=0) <= 1000


def test_a_line_that_breaks_leaves_no_half_file(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import obstore

    monkeypatch.setattr(objects, "RANGE_BYTES", 1000)
    (tmp_path / "data").write_bytes(bytes(3000))
    layout.store.upload(tmp_path / "data", "large")
    get_range = obstore.get_range

    def breaks(*given: object, start: int, **options: object) -> object:
        if start == 2000:
            raise OSError("the line broke")
        return get_range(*given, start=start, **options)

    monkeypatch.setattr(obstore, "get_range", breaks)
    with pytest.raises(OSError, match="the line broke"):
        layout.store.download("large", tmp_path / "new" / "arrived")
    assert list((tmp_path / "new").iterdir()) == []


def test_more_objects_than_a_request_names(layout: Layout, bucket: str, tmp_path: Path):
    (tmp_path / "data").write_bytes(b"x")
    many = [f"many/{number:04}" for number in range(1005)]
    for name in (many[0], many[-1]):
        layout.store.upload(tmp_path / "data", name)
    assert [one.name for one in layout.store.objects("many")] == [many[0], many[-1]]
    layout.store.remove(many)
    assert names(bucket) == set()
