import json

import pytest

from aisle.errors import AisleError, ModelError, ModelMismatch, ReleaseCorrupt
from aisle.layout import INDEX, PRODUCTS, RELEASE_MANIFEST, TEXT_GRAPH, THUMBNAILS
from aisle.manifest import load_release_manifest, record_files
from serving.snapshot import load_snapshot


def rewrite(layout, release_id, **changes):
    path = layout.release(release_id) / RELEASE_MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_release_opens(snapshot):
    assert len(snapshot.products) == len(snapshot.index) == 9


@pytest.mark.parametrize("name", [INDEX, PRODUCTS, THUMBNAILS])
@pytest.mark.parametrize("damage", ["altered", "cut", "missing"])
def test_damaged_files_are_refused(layout, release, name, damage):
    path = layout.release(release("r1")) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    match damage:
        case "altered":
            path.write_bytes(data)
        case "cut":
            path.write_bytes(data[:-1])
        case "missing":
            path.unlink()
    with pytest.raises(ReleaseCorrupt, match=name):
        load_snapshot(layout, "r1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "r2"}, "r2"),
        ({"products": 10}, "promises 10"),
        ({"weights": {"text": {"image": 1.0, "text": 0.0}}}, "weights for image"),
        ({"format_version": 99}, "99"),
        ({"attributes": {"colour": "category"}}, "columns"),
    ],
    ids=str,
)
def test_parts_that_do_not_fit_together(layout, release, changes, message):
    release("r1")
    rewrite(layout, "r1", **changes)
    with pytest.raises(ReleaseCorrupt, match=message):
        load_snapshot(layout, "r1")


def test_an_index_of_another_release(layout, release, item):
    """Every hash fits, but the parts are of different lengths."""
    release("r1")
    other = release("r2", items=[item("a", looks="red", says="red")] * 4)
    folder = layout.release("r1")
    (folder / INDEX).write_bytes((layout.release(other) / INDEX).read_bytes())
    rewrite(
        layout,
        "r1",
        files=[
            {"name": record.name, "bytes": record.bytes, "sha256": record.sha256}
            for record in record_files(folder, (INDEX, PRODUCTS, THUMBNAILS))
        ],
    )
    with pytest.raises(ReleaseCorrupt, match="index holds 4"):
        load_snapshot(layout, "r1")


def test_the_fingerprint_leads_to_the_model(layout, release, bundles):
    release("r1")
    rewrite(layout, "r1", model_fingerprint="0123456789abcdef")
    with pytest.raises(ModelError, match="0123456789abcdef"):
        load_snapshot(layout, "r1")
    release("r2")
    rewrite(layout, "r2", dimension=16)
    with pytest.raises(ModelMismatch, match="16"):
        load_snapshot(layout, "r2")


def test_a_model_that_calls_itself_another(layout, release, bundles):
    """The folder is named like the wanted model, but holds another: refused, though it is whole in itself."""
    release("r1")
    layout.models.unlink()
    layout.models.mkdir()
    wanted = "0123456789abcdef"
    layout.model(wanted).symlink_to(bundles[0] / bundles[1])
    rewrite(layout, "r1", model_fingerprint=wanted)
    with pytest.raises(ModelMismatch, match=bundles[1]):
        load_snapshot(layout, "r1")


def test_an_altered_model_is_refused(layout, release, bundles, tmp_path):
    import shutil

    release("r1")
    layout.models.unlink()
    shutil.copytree(bundles[0], layout.models)
    graph = layout.model(bundles[1]) / TEXT_GRAPH
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    with pytest.raises(AisleError, match="altered"):
        load_snapshot(layout, "r1")


def test_the_same_model_is_taken_over(layout, release):
    first = load_snapshot(layout, release("r1"))
    second = load_snapshot(layout, release("r2"), predecessor=first)
    assert second.encoder is first.encoder
    assert load_release_manifest(layout.release("r2")).id == second.id
