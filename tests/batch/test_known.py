"""What earlier work knows: which contents are embedded where, and what is in a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aisle.layout import Layout
from aisle.stamps import Stamp
from aisle.store import Shard, ShardKeys, content_key, write_shard
from batch.known import NO_FACTS, Half, Known, Place, Recent, is_content, picture_facts
from batch.known_rows import KnownRows

MODEL = "0123456789abcdef"


def add_shard(layout: Layout, images: Sequence[str], texts: Sequence[str], faults: Sequence[str] = ()) -> str:
    """A shard on disk; its key."""
    count = len(images)
    key = content_key("".join([*images, *texts]))
    shard = Shard(
        rows=np.arange(count),
        ids=[str(number) for number in range(count)],
        image_keys=[content_key(image) if not image.startswith("!") else image for image in images],
        text_keys=[content_key(text) for text in texts],
        images=np.zeros((count, 4), dtype=np.float32),
        texts=np.zeros((count, 4), dtype=np.float32),
        thumbnails=[b""] * count,
        faults=faults or [""] * count,
        details=[""] * count,
    )
    write_shard(shard, layout.shard(MODEL, key))
    return key


def places(known: Known, half: Half, *contents: str) -> dict[str, Place]:
    found = known.find_places([content_key(content) for content in contents], half)
    return {content: found[content_key(content)] for content in contents if content_key(content) in found}


def test_shards_on_disk_are_known(layout: Layout):
    first = add_shard(layout, ["a", "", "b"], ["x", "y", ""])
    known = KnownRows(layout, MODEL).now
    assert places(known, Half.IMAGE, "a", "b", "c", "") == {"a": Place(first, 0), "b": Place(first, 2)}
    assert places(known, Half.TEXT, "x", "y", "z") == {"x": Place(first, 0), "y": Place(first, 1)}
    assert places(Known(), Half.IMAGE, "a") == {}


def test_a_text_is_no_picture(layout: Layout):
    add_shard(layout, ["a"], ["x"])
    known = KnownRows(layout, MODEL).now
    assert places(known, Half.IMAGE, "x") == {}
    assert places(known, Half.TEXT, "a") == {}


def test_what_was_rejected_is_not_known(layout: Layout):
    add_shard(layout, ["broken", "!image_not_found", "fine"], ["x", "y", "z"], ["image_corrupt", "image_not_found", ""])
    known = KnownRows(layout, MODEL).now
    assert set(places(known, Half.IMAGE, "broken", "fine")) == {"fine"}
    assert set(places(known, Half.TEXT, "x", "y", "z")) == {"z"}  # the others' vectors are zeros
    assert known.find_places(["!image_not_found", ""], Half.IMAGE) == {}


def test_tables_follow_the_shards(layout: Layout):
    first = add_shard(layout, ["a", "b"], ["x", "y"])
    KnownRows(layout, MODEL)
    second = add_shard(layout, ["b", "c"], ["", ""])
    again = KnownRows(layout, MODEL).now
    found = places(again, Half.IMAGE, "a", "b", "c")
    assert (found["a"], found["c"]) == (Place(first, 0), Place(second, 1))
    layout.shard(MODEL, first).unlink()
    found = places(KnownRows(layout, MODEL).now, Half.IMAGE, "a", "b", "c")
    assert found == {"b": Place(second, 0), "c": Place(second, 1)}


def test_files_that_are_no_shards_are_left_alone(layout: Layout):
    (layout.embeddings(MODEL)).mkdir(parents=True)
    for name in (
        "notes.arrow",
        ".0123456789abcdef0123456789abcdef.arrow.tmp-0",
        "0123456789abcdef0123456789abcdef.txt",
    ):
        (layout.embeddings(MODEL) / name).write_bytes(b"not a shard")
    assert places(KnownRows(layout, MODEL).now, Half.IMAGE, "a") == {}


def test_new_shards_become_known_while_the_run_goes_on(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("batch.known_rows._SECONDS", 0.0)
    rows = KnownRows(layout, MODEL)
    for number in range(150):
        rows.add(NO_FACTS, shard=add_shard(layout, [f"a{number}"], [f"x{number}"]))
        waiting = number + 1 - len(places(rows.now, Half.IMAGE, *(f"a{n}" for n in range(number + 1))))
        assert waiting <= (number + 1) / 32, number
    rows.tell()
    assert len(places(rows.now, Half.IMAGE, *(f"a{number}" for number in range(150)))) == 150
    files = list(layout.known(MODEL).iterdir())
    assert len(rows.now.places) < 10 < len(files)
    KnownRows(layout, MODEL)
    assert len(list(layout.known(MODEL).iterdir())) < len(files)


def test_shards_that_were_there_before_are_not_read_again(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    add_shard(layout, ["a"], ["x"])
    KnownRows(layout, MODEL)
    monkeypatch.setattr("batch.known_rows.read_shard_keys", None)  # whoever calls it now fails
    assert len(places(KnownRows(layout, MODEL).now, Half.IMAGE, "a")) == 1


def test_a_file_in_a_state_has_a_content(layout: Layout):
    rows = KnownRows(layout, MODEL)
    one, two = Stamp("/shop/1.jpg", "10:1"), Stamp("/shop/2.jpg", "10:1")
    rows.add(picture_facts([one, two], [content_key("a"), content_key("b")]), shard=None)
    rows.tell()
    asked = [two, None, Stamp("/shop/1.jpg", "10:2"), one, Stamp("/shop/3.jpg", "10:1")]
    assert rows.now.find_contents(asked) == [content_key("b"), "", "", content_key("a"), ""]
    changed = Stamp("/shop/1.jpg", "10:2")
    rows.add(picture_facts([changed], [content_key("c")]), shard=None)
    rows.tell()
    assert KnownRows(layout, MODEL).now.find_contents([one, changed, two]) == ["", content_key("c"), content_key("b")]
    assert rows.now.find_contents([]) == []


def test_facts_outlive_the_shards(layout: Layout, tmp_path: Path):
    """Which content a file has stays true when the shard that held its vector is gone."""
    rows = KnownRows(layout, MODEL)
    stamp = Stamp("/shop/1.jpg", "10:1")
    shard = add_shard(layout, ["a"], ["x"])
    rows.add(picture_facts([stamp], [content_key("a")]), shard=shard)
    rows.tell()
    layout.shard(MODEL, shard).unlink()
    known = KnownRows(layout, MODEL).now
    assert known.find_contents([stamp]) == [content_key("a")]
    assert places(known, Half.IMAGE, "a") == {}


def test_another_file_of_the_same_number_is_not_taken_for_it(layout: Layout):
    """The table is sorted by half of a hash; of two places that share it the other half tells."""
    here = Stamp("/shop/a.jpg", "1:2")
    facts = picture_facts([here], [content_key("a")])
    other = pa.array([facts.column("location")[0].as_py() ^ 1], pa.uint64())
    facts = facts.set_column(facts.schema.get_field_index("location"), facts.schema.field("location"), other)
    rows = KnownRows(layout, MODEL)
    rows.add(facts, shard=None)
    rows.tell()
    assert rows.now.find_contents([here]) == [""]
    assert rows.now.knows([here.location]).tolist() == [False]
    rows.add(picture_facts([here], [content_key("a")]), shard=None)
    rows.tell()
    assert rows.now.find_contents([here]) == [content_key("a")]
    assert rows.now.knows(["/shop/b.jpg", here.location]).tolist() == [False, True]


def test_a_worker_forgets_what_is_longest_ago(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("batch.known._RECENT", 2)
    recent = Recent()
    for content in ("a", "b", "c"):
        recent.add(content, ShardKeys(image_keys=[content_key(content)], text_keys=[""], faults=[""]))
    contents = {content: content_key(content) for content in ("a", "b", "c")}
    found = recent.find_places(contents.values(), Half.IMAGE)
    assert found == {contents["b"]: Place("b", 0), contents["c"]: Place("c", 0)}


def test_what_counts_as_content():
    assert is_content(content_key("a"))
    assert not is_content("")
    assert not is_content("!image_not_found")
