"""What file systems say of a file's state, and when that is not enough."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from aisle.errors import ImageFault, InvalidImage
from aisle.fetch import picture_stamp
from aisle.stamps import Stamp, stamp, state_of

LONG_AGO = 1_700_000_000.25


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' files are a minute old as soon as they are written."""
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 60.0)


def test_a_file_that_does_not_change_keeps_its_stamp(tmp_path: Path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    first = stamp(str(path))
    assert first is not None
    assert first.location == str(path)
    assert stamp(str(path)) == first
    assert stamp(f"file://{path}") == first
    path.write_bytes(b"abcd")
    assert stamp(str(path)) != first


def test_a_copy_with_the_old_time_and_size_is_noticed(tmp_path: Path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    os.utime(path, (LONG_AGO, LONG_AGO))
    before = stamp(str(path))
    time.sleep(0.02)  # a tick of the clock that the file system reads
    path.write_bytes(b"xyz")
    os.utime(path, (LONG_AGO, LONG_AGO))
    after = stamp(str(path))
    assert before is not None
    assert after is not None
    assert before != after


def test_relative_paths_are_files_of_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.jpg").write_bytes(b"abc")
    monkeypatch.chdir(tmp_path)
    assert stamp("a.jpg") == stamp(str(tmp_path / "a.jpg"))


def test_what_is_not_there_has_no_stamp(tmp_path: Path):
    assert stamp(str(tmp_path / "none.jpg")) is None
    assert stamp("memory://nowhere/none.jpg") is None


def test_a_file_that_changed_just_now_might_change_again_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    changed = path.stat().st_ctime
    for seconds, known in ((0.0, False), (0.04, False), (0.06, True), (-5.0, False)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: changed + seconds)
        assert (stamp(str(path)) is not None) is known, seconds


def test_whole_seconds_want_two_of_them():
    now = time.time()
    for age, known in ((1.0, False), (3.0, True)):
        moment = float(int(now - age))
        assert bool(state_of({"size": 3, "mtime": moment})) is known


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({"size": 3, "ETag": '"abc"', "LastModified": datetime(2024, 1, 1, tzinfo=UTC)}, '3:"abc"'),
        ({"size": 3, "etag": "abc"}, "3:abc"),
        ({"size": None, "ETag": '"abc"'}, 'None:"abc"'),
        ({"size": 3, "md5Hash": "q=="}, "3:q=="),
        ({"size": 3, "mtime": LONG_AGO}, f"3:{LONG_AGO!r}"),
        ({"size": 3, "LastModified": datetime(2024, 1, 1, tzinfo=UTC)}, "3:1704067200.0"),
        ({"size": 3, "last_modified": datetime(2024, 1, 1)}, "3:1704067200.0"),
        ({"size": 3, "updated": "2024-01-01T00:00:00.000Z"}, "3:1704067200.0"),
        ({"size": 3, "ETag": 'W/"abc"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "3:1704067200.0"),
        ({"size": 3, "ETag": 'W/"abc"'}, ""),
        ({"size": 3, "ETag": ""}, ""),
        ({"size": 3, "created": LONG_AGO}, ""),
        ({"size": 3}, ""),
        ({"mtime": LONG_AGO}, ""),
        ({"size": 3, "mtime": "yesterday"}, ""),
        ({"size": 3, "mtime": True}, ""),
    ],
)
def test_states_of_many_file_systems(info: dict[str, object], state: str):
    assert state_of(info) == state


def test_file_systems_that_do_not_tell(monkeypatch: pytest.MonkeyPatch):
    """fsspec's memory has a size and no time of change: such pictures are read."""
    with fsspec.open("memory://shop/a.jpg", "wb") as stream:
        stream.write(b"abc")
    assert stamp("memory://shop/a.jpg") is None
    filesystem = fsspec.filesystem("memory")
    original = type(filesystem).info
    monkeypatch.setattr(type(filesystem), "info", lambda self, path: original(self, path) | {"ETag": '"1"'})
    assert stamp("memory://shop/a.jpg") == Stamp("memory://shop/a.jpg", '3:"1"')


def test_listings_from_before_are_not_believed(monkeypatch: pytest.MonkeyPatch):
    asked = []
    filesystem = fsspec.filesystem("memory")
    monkeypatch.setattr(type(filesystem), "invalidate_cache", lambda self, path=None: asked.append(path), raising=False)
    stamp("memory://shop/a.jpg")
    assert asked == ["/shop/a.jpg"]


def test_pictures_that_are_no_files_have_no_stamp(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"abc")
    found = picture_stamp("a.jpg", folder=str(tmp_path))
    assert found is not None
    assert found.location == str(tmp_path / "a.jpg")
    assert picture_stamp(str(tmp_path / "a.jpg"), folder="/elsewhere") == found
    for value in (None, "", b"abc", "data:image/png;base64,AAAA", "/9j/" + "A" * 100):
        assert picture_stamp(value, folder=str(tmp_path)) is None


def test_a_file_system_that_fails_in_its_own_way_is_a_reason(monkeypatch: pytest.MonkeyPatch):
    def fail(location: str, **options: object) -> None:
        raise KeyError("no such bucket")

    monkeypatch.setattr("aisle.fetch.stamp", fail)
    with pytest.raises(InvalidImage, match="no such bucket") as raised:
        picture_stamp("s3://shop/a.jpg", folder=".")
    assert raised.value.fault is ImageFault.UNREADABLE
