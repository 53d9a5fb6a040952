"""The main job, as a user does it: draw a shop, index it on Ray, serve it, search it, reindex it under load."""

import base64
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import httpx
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.current import read_current
from aisle.layout import IMAGE_GRAPH, INDEX, PRODUCTS, REJECTS, TEXT_GRAPH, Layout
from cli.demo import ROLES
from demo.catalog import draw_catalog, draw_product

PRODUCTS_DRAWN = 400
PATIENCE = 90.0


def aisle(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload]


def start(*words: object, **options: object) -> subprocess.Popen[str]:
    """The command in a process group of its own, its standard error in a pipe."""
    command = [sys.executable, "-m", "cli", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)  # type: ignore[call-overload]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(workspace: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """`aisle serve` in a process group of its own, ready."""
    port = free_port()
    command = [sys.executable, "-m", "cli", "serve", "--workspace", str(workspace), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until(lambda: ready(client))
            yield client, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(holds: object) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {PATIENCE:.0f} s")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn catalog with three pictures spoiled."""
    path = tmp_path_factory.mktemp("catalog") / "drawn.parquet"
    draw_catalog(path, products=PRODUCTS_DRAWN, seed=5, processes=1)
    table = pq.read_table(path)
    images = table.column("image").to_pylist()
    images[10], images[20], images[30] = images[10][:500], b"<html>", b""
    column = table.schema.get_field_index("image")
    pq.write_table(table.set_column(column, "image", pa.array(images, pa.binary())), path)
    return path


@pytest.fixture(scope="module")
def release(workspace: Path, catalog: Path) -> str:
    run = aisle("reindex", "--catalog", catalog, "--columns", ROLES, "--workspace", workspace, "--model", "embedded")
    assert run.returncode == 0, run.stderr
    live = read_current(Layout(root=workspace))
    assert live is not None
    assert live in run.stdout
    return live


@pytest.fixture(scope="module")
def shop(workspace: Path, release: str) -> Iterator[httpx.Client]:
    with served(workspace) as (client, _):
        yield client


def test_stock_tools_read_everything(workspace: Path, release: str) -> None:
    folder = Layout(root=workspace).release(release)
    rejects = pq.read_table(folder / REJECTS).to_pylist()
    assert {row["row"]: row["reason"] for row in rejects} == {
        10: "image_truncated",
        20: "image_unknown_format",
        30: "image_empty",
    }
    products = pa.ipc.open_file(folder / PRODUCTS).read_all()
    index = faiss.read_index(str(folder / INDEX))
    assert len(products) == index.ntotal == PRODUCTS_DRAWN - 3
    (model,) = Layout(root=workspace).models.iterdir()
    for graph, shape in ((IMAGE_GRAPH, 4), (TEXT_GRAPH, 2)):
        session = onnxruntime.InferenceSession(model / graph, providers=["CPUExecutionProvider"])
        assert len(session.get_inputs()[0].shape) == shape


def test_search_by_words(shop: httpx.Client, release: str) -> None:
    answer = shop.post("/search", json={"text": "sneakers", "k": 5, "balance": 1.0}).raise_for_status().json()
    assert answer["release"] == release
    assert [hit["attributes"]["article"] for hit in answer["hits"]].count("sneakers") >= 4
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_search_by_a_photo_finds_that_product(shop: httpx.Client) -> None:
    product = draw_product(7, seed=5)
    body = {"image": base64.b64encode(product.image).decode(), "k": 1}
    hit = shop.post("/search", json=body).raise_for_status().json()["hits"][0]
    assert hit["id"] == product.id
    assert hit["score"] == pytest.approx(1.0, abs=0.01)
    form = shop.post("/search/image", files={"image": product.image}, data={"k": "1"}).raise_for_status().json()
    assert form["hits"][0]["id"] == product.id


def test_a_product_and_its_picture(shop: httpx.Client) -> None:
    product = draw_product(7, seed=5)
    assert shop.get(f"/products/{product.id}").raise_for_status().json()["title"] == product.title
    picture = shop.get(f"/images/{product.id}").raise_for_status()
    assert Image.open(io.BytesIO(picture.content)).size == (320, 320)
    similar = shop.post("/search", json={"like": [product.id], "k": 3}).raise_for_status().json()
    assert product.id not in [hit["id"] for hit in similar["hits"]]


def test_the_page(shop: httpx.Client) -> None:
    assert "<title>Aisle</title>" in shop.get("/").raise_for_status().text
    assert shop.get("/static/app.js").raise_for_status().headers["content-type"].startswith("text/javascript")


def test_a_second_reindex_goes_live_without_a_gap(shop: httpx.Client, workspace: Path, release: str) -> None:
    smaller = workspace / "smaller.parquet"
    draw_catalog(smaller, products=60, seed=6, processes=1)
    command = ["reindex", "--catalog", smaller, "--columns", ROLES, "--workspace", workspace]
    seen = []
    with start(*command, stdout=subprocess.DEVNULL) as run:
        assert run.stderr is not None
        while run.poll() is None or seen[-1] == (release, PRODUCTS_DRAWN - 3):
            answer = shop.post("/search", json={"text": "red shirt", "k": 1}).raise_for_status().json()
            seen.append((answer["release"], answer["matches"]))
            assert not run.returncode, run.stderr.read()
            assert len(seen) < 10_000
            time.sleep(0.05)
    live = read_current(Layout(root=workspace))
    assert list(dict.fromkeys(seen)) == [(release, PRODUCTS_DRAWN - 3), (live, 60)]


def test_a_killed_server_starts_again(workspace: Path, release: str) -> None:
    with served(workspace) as (client, process):
        assert client.get("/livez").status_code == 200
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    with served(workspace) as (client, process):
        assert client.post("/search", json={"text": "hat", "k": 1}).status_code == 200
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
        assert not ready(client)


def test_ctrl_c_in_the_middle_leaves_the_live_release(workspace: Path, release: str, tmp_path: Path) -> None:
    before = read_current(Layout(root=workspace))
    draw_catalog(tmp_path / "c.parquet", products=300, seed=8, processes=1)
    command = ["reindex", "--catalog", tmp_path / "c.parquet", "--columns", ROLES, "--workspace", workspace]
    with start(*command) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("embed: started"):
                break
        os.killpg(run.pid, signal.SIGINT)
        rest = run.stderr.read()
        assert run.wait(timeout=60) == 130, rest
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert read_current(Layout(root=workspace)) == before
    left = [path.name for path in Layout(root=workspace).releases.iterdir() if path.name.startswith(".")]
    assert left == []
