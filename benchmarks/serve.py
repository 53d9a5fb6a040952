"""What BentoML, routing, checks and metrics cost a search: Aisle's service against the bare engine, in one run.

Both servers run the same engine and batchers over the same release: 44,000 synthetic products, exact index, a
ViT-B/32-size int8 text tower (random weights unless a bundle is given: speed does not depend on them).

    python benchmarks/serve.py --json serve.json

1. `bare`: the searcher behind one Starlette route on uvicorn (uvloop, httptools), without checks, metrics or page.
2. `aisle`: the whole service as `aisle serve` starts it, on BentoML.

Each round asks for distinct short texts, k = 24: first one request at a time, of each server in turn; then from 64
connections at once, of one server after the other. The client runs on the same machine and takes its share of it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import faiss
import numpy as np
from report import print_table, write_json

from aisle.catalog import Product
from aisle.current import read_current, write_current
from aisle.layout import INDEX, PRODUCTS, THUMBNAILS, Layout
from aisle.manifest import (
    AttributeType,
    IndexKind,
    IndexParameters,
    Precision,
    QueryKind,
    ReleaseManifest,
    load_model_manifest,
    record_files,
    save_release_manifest,
)
from aisle.products import THUMBNAILS_SCHEMA, products_schema, products_table, write_table
from aisle.settings import Settings
from aisle.vectors import HalfWeights, product_vectors, unit_norm

WORDS = (  # noqa: SIM905 - a list of words reads better as words
    "red green blue navy black white grey shirt dress shoe bag watch jeans skirt jacket coat striped checked floral "
    "casual formal summer winter cotton leather denim for men women kids with long short sleeves slim wide dotted"
).split()
ATTRIBUTES = {"colour": AttributeType.CATEGORY, "price": AttributeType.NUMBER, "in_stock": AttributeType.BOOLEAN}
THUMBNAIL_BYTES = 3000
BAR = 1.3


@dataclass
class Contestant:
    """One server and what was measured of it."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]
    alone: list[list[float]] = field(default_factory=list)
    crowd: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and report; or, in a process of its own, be the bare server."""
    arguments = _arguments()
    if arguments.bare_port:
        run_bare(arguments.workspace, arguments.bare_port)
        return
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        write_release(layout, _bundle(arguments.model, layout), products=arguments.products)
        contestants = [_bare(layout), _aisle(layout)]
        with contextlib.ExitStack() as servers:
            for contestant in contestants:
                servers.enter_context(_running(contestant))
            asyncio.run(_measure(contestants, arguments))
    report(contestants, arguments)


def report(contestants: list[Contestant], arguments: argparse.Namespace) -> None:
    """Print the table and the ratio, and write the figures."""
    rows, figures = [], {}
    for contestant in contestants:
        row = {
            "p50_ms": _middle([_percentile(times, 50) for times in contestant.alone]),
            "p95_ms": _middle([_percentile(times, 95) for times in contestant.alone]),
            "rps_at_64": _middle(contestant.rates),
            "p50_ms_at_64": _middle([_percentile(times, 50) for times in contestant.crowd]),
            "p99_ms_at_64": _middle([_percentile(times, 99) for times in contestant.crowd]),
        }
        rows.append({"server": contestant.name} | row)
        figures |= {f"{contestant.name}_{name}": round(value, 3) for name, value in row.items()}
    # Within a round both met the same weather, so its ratio is steadier than the ratio of the medians.
    pairs = zip(contestants[0].alone, contestants[1].alone, strict=True)
    ratio = _middle([_percentile(ours, 50) / _percentile(bare, 50) for bare, ours in pairs])
    title = f"Text search over {arguments.products:,} products, medians of {arguments.rounds} rounds"
    print_table(title, rows)
    verdict = "within" if ratio <= BAR else "ABOVE"
    print(f"aisle / bare, p50 at one request at a time: {ratio:.2f} ({verdict} the bar of {BAR})")
    if arguments.json:
        write_json(arguments.json, figures | {"ratio": round(ratio, 3), "products": arguments.products})


async def _measure(contestants: list[Contestant], arguments: argparse.Namespace) -> None:
    chance = random.Random(0)
    for contestant in contestants:  # sessions, caches and pools of both are warm before the clock runs
        await _ask_many(contestant.port, chance, connections=8, seconds=2.0)
    for number in range(arguments.rounds):
        await _ask_in_turn(contestants, chance, requests=arguments.requests)
        for contestant in contestants if number % 2 == 0 else reversed(contestants):
            times = await _ask_many(contestant.port, chance, connections=64, seconds=arguments.seconds)
            contestant.crowd.append(times)
            contestant.rates.append(len(times) / arguments.seconds)
        medians = ", ".join(f"{c.name} {_percentile(c.alone[-1], 50):.2f} ms, {c.rates[-1]:.0f}/s" for c in contestants)
        print(f"round {number + 1}: {medians}", flush=True)


async def _ask_in_turn(contestants: list[Contestant], chance: random.Random, *, requests: int) -> None:
    """One request at a time, each server in turn, so that both meet the same weather."""
    async with contextlib.AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(_connection(contestant.port)) for contestant in contestants]
        times = [[await _ask(*connection, chance) for connection in connections] for _ in range(requests)]
    for contestant, spent in zip(contestants, zip(*times, strict=True), strict=True):
        contestant.alone.append(list(spent))


async def _ask_many(port: int, chance: random.Random, *, connections: int, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def keep_asking() -> None:
        async with _connection(port) as (reader, writer):
            while time.perf_counter() < end:
                times.append(await _ask(reader, writer, chance))

    await asyncio.gather(*(keep_asking() for _ in range(connections)))
    return times


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: random.Random) -> float:
    """One search over a kept connection; milliseconds to the last byte."""
    text = " ".join(chance.choices(WORDS, k=chance.randint(2, 6)))
    body = json.dumps({"text": text, "k": 24}).encode()
    head = f"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    started = time.perf_counter()
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    spent = 1000 * (time.perf_counter() - started)
    if not answer.startswith(b"http/1.1 200"):
        raise SystemExit(f"the server answered {answer.splitlines()[0].decode()}")
    return spent


def run_bare(workspace: Path, port: int) -> None:
    """Serve the engine and the batchers and nothing else, until ended."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from serving.answers import answer_json
    from serving.query import Query
    from serving.searcher import Searcher
    from serving.snapshot import load_snapshot

    layout = Layout(workspace)
    release_id = read_current(layout)
    if release_id is None:
        raise SystemExit(f"{workspace} holds no release")
    snapshot = load_snapshot(layout, release_id)
    searcher = Searcher(Settings(), observer=_NobodyWatches())

    async def search(request: Request) -> Response:
        body = json.loads(await request.body())
        answer = await searcher.search(snapshot, Query(text=body["text"], k=body["k"]))
        return Response(answer_json(answer), media_type="application/json")

    async def readyz(request: Request) -> Response:  # noqa: ARG001 - Starlette hands it over
        return Response()

    app = Starlette(routes=[Route("/search", search, methods=["POST"]), Route("/readyz", readyz)])
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="error", access_log=False)


class _NobodyWatches:
    """A `SearchObserver` that costs nothing."""

    def batch(self, queue: str, size: int, /) -> None:
        """Nothing."""

    def depth(self, queue: str, waiting: int, /) -> None:
        """Nothing."""

    def cached_text(self, hit: bool, /) -> None:
        """Nothing."""

    def joined_search(self) -> None:
        """Nothing."""


def _bare(layout: Layout) -> Contestant:
    port = _free_port()
    command = [sys.executable, __file__, "--bare-port", str(port), "--workspace", str(layout.root)]
    return Contestant("bare", port, command, {"OMP_NUM_THREADS": "1"})


def _aisle(layout: Layout) -> Contestant:
    from serving.run import server_command, server_environment

    settings = replace(Settings(), workspace=layout.root, listen_port=_free_port())
    return Contestant("aisle", settings.listen_port, server_command(), server_environment(settings))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _running(contestant: Contestant) -> Iterator[None]:
    process = subprocess.Popen(contestant.command, env=os.environ | contestant.environment)
    try:
        deadline = time.monotonic() + 120
        while not _is_ready(contestant.port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server {contestant.name} did not start")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
        if home := contestant.environment.get("BENTOML_HOME"):  # named by a port that nobody will ask for again
            shutil.rmtree(home, ignore_errors=True)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _bundle(model: Path | None, layout: Layout) -> str:
    """Put a bundle into the workspace; its fingerprint."""
    layout.models.mkdir(parents=True)
    if model is not None:
        fingerprint = load_model_manifest(model).fingerprint
        layout.model(fingerprint).symlink_to(model.resolve())
        return fingerprint
    from export.bundle import export_checkpoint
    from export.random_checkpoint import random_checkpoint

    print("exporting a random checkpoint of ViT-B/32's size ...", flush=True)
    checkpoint = random_checkpoint(layout.root / "checkpoint", size="vit-b-32", seed=0)
    folder = export_checkpoint(str(checkpoint), layout=layout, precision=Precision.INT8).folder
    return load_model_manifest(folder).fingerprint


def write_release(layout: Layout, fingerprint: str, *, products: int) -> None:
    """Write a release of random products and make it the live one."""
    dimension = load_model_manifest(layout.model(fingerprint)).dimension
    numbers, chance = np.random.default_rng(0), random.Random(0)
    flat = faiss.IndexScalarQuantizer(2 * dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap2(flat)
    halves = [
        unit_norm(numbers.standard_normal((products, dimension), dtype=np.float32)) for _ in ("pictures", "texts")
    ]
    index.add_with_ids(product_vectors(*halves), np.arange(products))
    folder = layout.release("20260101T000000-benchmark")
    folder.mkdir(parents=True)
    faiss.write_index(index, str(folder / INDEX))
    items = [
        Product(
            id=f"p{row:06}",
            title=" ".join(chance.choices(WORDS, k=5)).title(),
            text=" ".join(chance.choices(WORDS, k=8)),
            attributes={"colour": WORDS[row % 7], "price": float(row % 100), "in_stock": row % 3 > 0},
        )
        for row in range(products)
    ]
    write_table([products_table(items, ATTRIBUTES)], products_schema(ATTRIBUTES), folder / PRODUCTS)
    thumbnails = {"thumbnail": [b"\xff\xd8" + numbers.bytes(THUMBNAIL_BYTES) for _ in range(products)]}
    table = THUMBNAILS_SCHEMA.empty_table().from_pydict(thumbnails, schema=THUMBNAILS_SCHEMA)
    write_table([table], THUMBNAILS_SCHEMA, folder / THUMBNAILS)
    manifest = ReleaseManifest(
        id=folder.name,
        created="2026-01-01T00:00:00+00:00",
        model_fingerprint=fingerprint,
        model_name="random ViT-B/32",
        dimension=dimension,
        products=products,
        rejected=0,
        attributes=ATTRIBUTES,
        index=IndexParameters(IndexKind.EXACT),
        recall=dict.fromkeys(QueryKind, 1.0),
        weights=dict.fromkeys(QueryKind, HalfWeights(image=0.5, text=0.5)),
        files=record_files(folder, (INDEX, PRODUCTS, THUMBNAILS)),
    )
    save_release_manifest(manifest, folder)
    write_current(layout, manifest.id)


def _middle(values: list[float]) -> float:
    return statistics.median(values)


def _percentile(values: list[float], percent: int) -> float:
    return float(np.percentile(values, percent))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=44_000, help="(default: 44,000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--requests", type=int, default=200, help="per round, one at a time (default: 200)")
    parser.add_argument("--seconds", type=float, default=3.0, help="per round at 64 connections (default: 3)")
    parser.add_argument("--model", type=Path, help="folder of a bundle; default: exported now, int8")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--bare-port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
