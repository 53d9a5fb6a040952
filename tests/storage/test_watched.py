"""A server whose workspace is on a store: it follows `CURRENT` there, and refuses what arrives damaged."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from starlette.testclient import TestClient

from aisle.current import current_tag, write_current
from aisle.layout import INDEX, PRODUCTS, RELEASE_MANIFEST, Layout
from aisle.machine import Provider
from aisle.mirror import drop_altered, open_layout, pull_release, sweep_releases
from aisle.settings import Settings
from batch.garbage import collect_garbage
from batch.hide import hide_products
from batch.releases import rollback
from serving import watcher
from serving.app import create_app
from tests.batch.catalogs import good_rows, row, write_catalog
from tests.storage.conftest import Run, client


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def server(bucket: str, run: Run, catalog: str, tmp_path: Path) -> Iterator[TestClient]:
    """A server on another machine, over the release of 30 products."""
    run(catalog)
    with serving(bucket, tmp_path) as server:
        wait_for(lambda: server.get("/readyz").status_code == 200)
        yield server


def serving(bucket: str, folder: Path) -> TestClient:
    """A server with a mirror of its own, in a hurry to find new releases."""
    return TestClient(
        create_app(
            replace(
                Settings(),
                workspace=f"{bucket}/workspace",
                cache=folder / "server",
                poll_seconds=0.05,
                provider=Provider.CPU,
            )
        )
    )


@pytest.fixture
def changed(tmp_path: Path) -> str:
    """The catalog with another title, and a product more."""
    rows = good_rows(31)
    rows[3] = row(3, rows[3]["image"], title="red bag striped")
    return write_catalog(tmp_path / "changed.parquet", rows)


def current(server: TestClient) -> dict[str, object]:
    answer: dict[str, object] = server.get("/release").json()
    return answer


def test_a_new_release_is_pulled_and_takes_over(server: TestClient, run: Run, changed: str, layout: Layout):
    before = current(server)
    second = run(changed).release_id
    wait_for(lambda: current(server)["release"] == second)
    assert (before["products"], current(server)["products"]) == (30, 31)
    assert server.get("/products/p3").json()["title"] == "red bag striped"
    hide_products(layout, ["p3"])
    wait_for(lambda: server.get("/products/p3").status_code == 404)
    assert rollback(layout) == before["release"]
    wait_for(lambda: current(server)["release"] == before["release"])


@pytest.mark.parametrize("damaged", [INDEX, PRODUCTS])
def test_a_release_that_the_store_damaged_is_refused(
    server: TestClient, run: Run, changed: str, layout: Layout, bucket: str, damaged: str, monkeypatch
):
    monkeypatch.setattr(watcher, "RETRY_SECONDS", 0.05)
    first = current(server)["release"]
    store = client(bucket)
    good: dict[str, bytes] = {}

    def damage(found: Layout, release_id: str, **given: object) -> None:
        path = f"workspace/releases/{release_id}/{damaged}"
        good[path] = bytes(obstore.get(store, path).bytes())
        bad = bytearray(good[path])
        bad[len(bad) // 2] ^= 0xFF
        obstore.put(store, path, bytes(bad))
        write_current(found, release_id, replacing=current_tag(found))

    with monkeypatch.context() as patched:
        patched.setattr("batch.publish.write_current", damage)
        second = run(changed).release_id
    wait_for(lambda: current(server)["refused"])
    assert current(server)["refused"]["release"] == second
    assert "was altered" in current(server)["refused"]["reason"]
    assert current(server)["release"] == first
    assert server.post("/search", json={"text": "red"}).json()["release"] == first
    assert server.get("/readyz").status_code == 200

    for path, data in good.items():  # put right there, and nothing of the bad file is here
        obstore.put(store, path, data)
    wait_for(lambda: current(server)["release"] == second)
    assert current(server)["refused"] is None


def test_a_store_that_is_away_costs_nothing_but_news(
    server: TestClient, run: Run, changed: str, monkeypatch: pytest.MonkeyPatch
):
    from aisle.errors import StoreUnreachable
    from aisle.objects import ObjectStore

    first = current(server)["release"]
    get = ObjectStore.get

    def away(self: ObjectStore, name: str) -> None:
        raise StoreUnreachable(f"cannot read {self.url}/{name}: it is away")

    monkeypatch.setattr(ObjectStore, "get", away)
    wait_for(lambda: current(server)["refused"])
    assert server.post("/search", json={"text": "red"}).json()["release"] == first
    assert server.get("/readyz").status_code == 200
    monkeypatch.setattr(ObjectStore, "get", get)
    wait_for(lambda: current(server)["refused"] is None)
    second = run(changed).release_id
    wait_for(lambda: current(server)["release"] == second)


def test_what_is_deleted_on_the_store_is_served_to_its_end_and_swept(
    server: TestClient, run: Run, changed: str, layout: Layout, bucket: str, tmp_path: Path
):
    """A server that is slow to follow has everything it needs; the next release takes away what nobody has."""
    mirror = open_layout(f"{bucket}/workspace", cache=tmp_path / "server").releases
    first = current(server)["release"]
    served = server.app.state.service.watcher.snapshot
    second = run(changed).release_id
    wait_for(lambda: current(server)["release"] == second)
    third = run(changed).release_id
    wait_for(lambda: current(server)["release"] == third)
    assert {path.name for path in mirror.iterdir()} == {first, second, third}, "the store has all three"
    assert set(collect_garbage(layout, keep=1).releases) == {first, second}

    half, fresh, building = mirror / third / ".x.arriving-1", mirror / third / ".y.arriving-2", mirror / ".building-x"
    building.mkdir()
    for path in (half, fresh):
        path.write_bytes(b"half")
    os.utime(half, (0, 0))
    fourth = run(changed).release_id
    wait_for(lambda: current(server)["release"] == fourth)
    wait_for(lambda: not (mirror / first).exists())
    assert {path.name for path in mirror.iterdir()} == {third, fourth, building.name}
    assert (half.exists(), fresh.exists()) == (False, True)
    assert served.id == first
    assert len(served.products.take([0])) == 1, "whoever still answers from it can"
    assert server.get("/images/p3").status_code == 200


@pytest.mark.parametrize("damaged", [INDEX, PRODUCTS, RELEASE_MANIFEST])
def test_what_the_disk_of_a_server_damaged_comes_again(
    run: Run, catalog: str, bucket: str, tmp_path: Path, damaged: str, monkeypatch: pytest.MonkeyPatch
):
    """It was whole when it came; the store still has it."""
    monkeypatch.setattr(watcher, "RETRY_SECONDS", 0.05)
    release_id = run(catalog).release_id
    mirror = open_layout(f"{bucket}/workspace", cache=tmp_path / "server")
    pull_release(mirror, release_id)
    path = mirror.release(release_id) / damaged
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2] + b"?" + good[len(good) // 2 + 1 :])
    with serving(bucket, tmp_path) as server:
        wait_for(lambda: server.get("/readyz").status_code == 200)
        assert current(server)["release"] == release_id
    assert path.read_bytes() == good


def test_what_is_not_a_mirror_is_never_mended(run: Run, catalog: str, layout: Layout, tmp_path: Path):
    """Nor what never was whole here, which a look at the store has found out already."""
    release_id = run(catalog).release_id
    here = Layout(root=tmp_path / "here")
    shutil.copytree(layout.releases, here.releases)
    for one in (here, layout):
        path = one.release(release_id) / INDEX
        path.write_bytes(b"?" + path.read_bytes()[1:])
    drop_altered(here, release_id)
    assert (here.release(release_id) / INDEX).exists()
    (layout.release(release_id) / PRODUCTS).unlink()
    drop_altered(layout, release_id)
    assert (layout.release(release_id) / INDEX).exists()


def test_what_is_in_use_is_never_swept(layout: Layout, elsewhere: Layout, run: Run, catalog: str):
    """A release that is deleted while it is opened; and a workspace on this disk."""
    release_id = run(catalog).release_id
    pull_release(elsewhere, release_id)
    assert layout.store is not None
    layout.store.remove([one.name for one in layout.store.objects(f"releases/{release_id}")])
    sweep_releases(elsewhere, using={release_id})
    assert (elsewhere.release(release_id) / INDEX).exists()
    sweep_releases(Layout(root=elsewhere.root), using=())
    assert (elsewhere.release(release_id) / INDEX).exists(), "a workspace on this disk is no mirror"
    sweep_releases(elsewhere, using=())
    assert not elsewhere.release(release_id).exists()
