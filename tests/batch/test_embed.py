"""One shard: what is encoded, what is cached, what is rejected."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.catalog import RejectReason
from aisle.encoder import OnnxEncoder
from aisle.errors import ImageFault, ModelMismatch, ReleaseCorrupt
from aisle.images import decode_image
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.preprocess import prepare_image
from aisle.sources import ImageValue
from aisle.store import Shard, content_key, read_shard
from batch.embed import EmbedSetup, ShardTask, embed_shard
from batch.encode import read_embedded
from batch.known import Half, Place
from batch.plan import Pictures
from tests.batch.catalogs import picture


@pytest.fixture
def setup(layout: Layout, tiny_model: Path) -> EmbedSetup:
    return EmbedSetup(
        layout=layout,
        bundle=tiny_model,
        fingerprint=tiny_model.name,
        provider=Provider.CPU,
        decode_threads=0,
        image_batch=4,
        text_batch=2,
    )


def task(setup: EmbedSetup, images: Sequence[ImageValue] | None, texts: Sequence[str], folder: str = ".") -> ShardTask:
    return ShardTask(
        start=100,
        rows=np.arange(7, 7 + len(texts), dtype=np.int64),
        ids=tuple(f"p{number}" for number in range(len(texts))),
        texts=tuple(texts),
        pictures=None if images is None else Pictures(source=None, column="i", values=tuple(images), folder=folder),
        setup=setup,
    )


def shard_of(setup: EmbedSetup, key: str) -> Shard:
    return read_shard(setup.layout.shard(setup.fingerprint, key))


def test_vectors_are_those_of_the_encoder(setup: EmbedSetup):
    images = [picture(number) for number in range(6)]
    texts = ["red shirt", "blue shoe for men", "red shirt", "hat", "striped bag", "green"]
    result = embed_shard(task(setup, images, texts))
    shard = shard_of(setup, result.key)
    assert (result.start, result.rows, result.images, result.texts) == (100, 6, 6, 6)
    assert not result.cached
    assert result.rejects == ()
    encoder = OnnxEncoder(setup.bundle)
    pixels = np.stack([prepare_image(decode_image(data), encoder.preprocess) for data in images])
    np.testing.assert_allclose(shard.images, encoder.encode_images(pixels), atol=1e-3)
    alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(shard.texts, alone, atol=1e-3)
    assert list(shard.thumbnails) == images
    assert list(shard.image_keys) == [content_key(data) for data in images]


def test_missing_halves_are_zero_and_missing_rows_rejected(setup: EmbedSetup):
    result = embed_shard(task(setup, [picture(0), None, None, b"no picture"], ["", "red", "", "red"]))
    shard = shard_of(setup, result.key)
    assert np.linalg.norm(shard.images, axis=1).round(2).tolist() == [1, 0, 0, 0]
    assert np.linalg.norm(shard.texts, axis=1).round(2).tolist() == [0, 1, 0, 0]
    assert [(reject.row, reject.id, reject.reason) for reject in result.rejects] == [
        (9, "p2", RejectReason.MISSING_CONTENT),
        (10, "p3", ImageFault.UNKNOWN_FORMAT),
    ]
    assert "no pict" in result.rejects[1].detail
    assert (result.images, result.texts) == (1, 1)
    assert shard.thumbnails[1] == b""


def test_a_catalog_of_texts(setup: EmbedSetup):
    result = embed_shard(task(setup, None, ["red", "blue", ""]))
    assert [reject.reason for reject in result.rejects] == [RejectReason.MISSING_CONTENT]
    assert (result.images, result.texts) == (0, 2)


def test_done_is_done(setup: EmbedSetup, monkeypatch: pytest.MonkeyPatch):
    given = task(setup, [picture(0), b"bad"], ["red", "blue"])
    first = embed_shard(given)
    monkeypatch.setattr("batch.embed.open_encoder", None)  # whoever calls it now fails
    moved = embed_shard(replace(given, start=0, rows=given.rows + 1000))
    assert moved.cached
    assert moved.key == first.key
    assert [reject.row for reject in moved.rejects] == [1008]  # the row of today's catalog, not of the cached shard
    assert moved.rejects[0].detail == first.rejects[0].detail


def test_any_change_is_another_shard(setup: EmbedSetup, other_model: Path):
    given = task(setup, [picture(0), picture(1)], ["red", "blue"])
    changes = [
        given,
        task(setup, [picture(0), picture(2)], ["red", "blue"]),
        task(setup, [picture(0), picture(1)], ["red", "green"]),
        replace(given, ids=("p0", "other")),
        task(setup, [picture(0), None], ["red", "blue"]),
        replace(given, setup=replace(setup, bundle=other_model, fingerprint=other_model.name)),
    ]
    results = [embed_shard(change) for change in changes]
    assert not any(result.cached for result in results)
    assert len({result.key for result in results}) == len(changes)


def test_a_picture_that_cannot_be_had_is_not_one_that_is_not_there(setup: EmbedSetup, tmp_path: Path):
    without = embed_shard(task(setup, [None], ["red"], folder=str(tmp_path)))
    lost = embed_shard(task(setup, ["lost.jpg"], ["red"], folder=str(tmp_path)))
    assert without.rejects == ()
    assert [reject.reason for reject in lost.rejects] == [ImageFault.NOT_FOUND]
    (tmp_path / "lost.jpg").write_bytes(picture(0))
    found = embed_shard(task(setup, ["lost.jpg"], ["red"], folder=str(tmp_path)))
    assert (found.cached, found.images, found.rejects) == (False, 1, ())


def test_an_empty_file_is_rejected_though_it_has_no_content(setup: EmbedSetup):
    embed_shard(task(setup, [None], ["red"]))
    assert [reject.reason for reject in embed_shard(task(setup, [b""], ["red"])).rejects] == [ImageFault.EMPTY]


def test_pictures_of_a_remote_folder(setup: EmbedSetup):
    import fsspec

    with fsspec.open("memory://shop/one.jpg", "wb") as stream:
        stream.write(picture(0))
    result = embed_shard(task(setup, ["one.jpg", "two.jpg", None], ["", "", "red"], folder="memory://shop"))
    assert result.images == 1
    assert [reject.reason for reject in result.rejects] == [ImageFault.NOT_FOUND]


@pytest.mark.parametrize("threads", [1, 3])
def test_decoding_ahead_changes_nothing(setup: EmbedSetup, threads: int, tmp_path: Path):
    images = [picture(number) if number % 5 else b"bad" for number in range(23)]
    given = task(setup, images, [f"red {number}" for number in range(23)])
    elsewhere = replace(setup, layout=Layout(root=tmp_path / "elsewhere"), decode_threads=threads)
    plain = shard_of(setup, embed_shard(given).key)
    ahead = shard_of(elsewhere, embed_shard(replace(given, setup=elsewhere)).key)
    np.testing.assert_array_equal(plain.images, ahead.images)
    assert plain.thumbnails == ahead.thumbnails
    assert plain.faults == ahead.faults


def test_another_model_in_the_same_place_is_an_error(setup: EmbedSetup, other_model: Path):
    with pytest.raises(ModelMismatch, match=other_model.name):
        embed_shard(task(replace(setup, bundle=other_model), [picture(0)], ["red"]))


def test_what_a_table_says_is_looked_up(setup: EmbedSetup):
    """Numbers of two contents may be equal, rows may be rejects, shards may be gone: then nothing is taken."""
    key = embed_shard(task(setup, [picture(0), b"bad"], ["red", "blue"])).key
    first, bad, red = content_key(picture(0)), content_key(b"bad"), content_key("red")
    where = {"layout": setup.layout, "fingerprint": setup.fingerprint}
    found = read_embedded({first: Place(key, 0)}, Half.IMAGE, **where)
    assert found[first].thumbnail == picture(0)
    np.testing.assert_array_equal(found[first].vector, shard_of(setup, key).images[0])
    assert list(read_embedded({red: Place(key, 0)}, Half.TEXT, **where)) == [red]
    for wrong in ({first: Place(key, 1)}, {bad: Place(key, 1)}, {red: Place(key, 0)}, {first: Place("0" * 32, 0)}):
        assert read_embedded(wrong, Half.IMAGE, **where) == {}


def test_a_damaged_shard_is_an_error(setup: EmbedSetup):
    given = task(setup, [picture(0)], ["red"])
    path = setup.layout.shard(setup.fingerprint, embed_shard(given).key)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ReleaseCorrupt, match="delete it"):
        embed_shard(given)
