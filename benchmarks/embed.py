"""Pictures per second from JPEG bytes to vectors: the usual recipe, raw ONNX Runtime, and `aisle reindex`.

One run on one machine, in interleaved rounds, of a ViT-B/32-size checkpoint (random weights unless one is given: speed
does not depend on them). Needs a catalog of real photos:

    python benchmarks/embed.py --catalog photos.parquet --json embed.json

1. `usual`: transformers' `CLIPModel` in float32 and `CLIPImageProcessor`, batches of 32 from JPEG bytes, all cores.
2. `onnxruntime`: the image graph of the same bundle that Aisle uses, on tensors that lie prepared in memory: no
   decoding, no resizing, nothing kept. As one session with a thread per core (batches of 32) and as one process of
   one thread per core (batches of 8 and of 32); the fastest counts.
3. `aisle`: the embed stage of `aisle reindex` on Ray, from JPEG bytes in a Parquet file to committed shards with
   content keys and thumbnails. Once with pictures alone, which is what the others do, once with titles too.

Every contestant is started and warm before its clock runs; what Ray's start takes is shown apart. `--only` runs some of
the sides, for many pictures in little time:

    python benchmarks/embed.py --catalog photos.parquet --images 8000 --rounds 1 --only onnxruntime aisle
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
from PIL import Image
from report import print_bar, print_table, write_json

from aisle.catalog import Roles
from aisle.images import decode_image
from aisle.layout import IMAGE_GRAPH, PREPROCESS, Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import Precision, load_model_manifest
from aisle.preprocess import load_preprocess, prepare_image
from aisle.sources import open_source
from batch.embed_stage import embed_catalog
from batch.executor import Executor, ExecutorKind, open_executor, worker_layout
from batch.options import ReindexOptions
from batch.plan import guess_roles, plan_catalog
from batch.progress import SilentProgress
from batch.reindex import embed_setup

USUAL_BATCH = 32
SESSION_BATCH = 32
PROCESS_BATCHES = (8, 32)
GROUPS = ("usual", "onnxruntime", "aisle", "aisle with titles")
CHUNK = 64
"""Prepared tensors that a raw process takes at a time."""

SHARD_ROWS = ReindexOptions().shard_rows


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        work = Path(name)
        checkpoint, bundle = _models(arguments, work)
        catalog, files = _subset(arguments.catalog, arguments.images, work)
        print(f"{len(files)} pictures, {cpu_quota()} cores, {load_model_manifest(bundle).precision} bundle", flush=True)
        start = time.perf_counter()
        layout = worker_layout(Provider.CPU)
        with open_executor(ExecutorKind.RAY, layout) as executor:
            ray_start = time.perf_counter() - start
            contestants = [
                *([_usual(checkpoint, files[: arguments.usual_images])] if "usual" in arguments.only else []),
                *(_raw(bundle, files, work) if "onnxruntime" in arguments.only else []),
                *(one for one in _ours(bundle, catalog, executor, work) if one.group in arguments.only),
            ]
            for contestant in contestants:
                contestant.warm()
            rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
            for number in range(arguments.rounds):
                for contestant in contestants:
                    start = time.perf_counter()
                    contestant.run(number)
                    rates[contestant.name].append(contestant.images / (time.perf_counter() - start))
                    print(f"round {number + 1}: {contestant.name}: {rates[contestant.name][-1]:.1f}/s", flush=True)
            for contestant in contestants:
                contestant.close()
    _report(contestants, rates, ray_start=ray_start, json=arguments.json)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to embed.

    Attributes:
        name: In the table.
        group: `usual`, `onnxruntime`, `aisle` or `aisle with titles`.
        images: Pictures per round.
        warm: Called once before the clock runs.
        run: One round.
        close: Called at the end.
    """

    name: str
    group: str
    images: int
    warm: Callable[[], object]
    run: Callable[[int], object]
    close: Callable[[], object] = lambda: None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True, help="Parquet file with real JPEG photos in it")
    parser.add_argument("--images", type=int, default=2000, help="pictures per round (default: 2000)")
    parser.add_argument("--usual-images", type=int, default=128, help="of those, for the usual recipe (default: 128)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="sides to run (default: all)")
    parser.add_argument("--checkpoint", type=Path, help="folder of a CLIP checkpoint; default: random ViT-B/32")
    parser.add_argument("--model", type=Path, help="folder of its bundle; default: exported now, int8")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    if arguments.model and not arguments.checkpoint:
        parser.error("--model wants the --checkpoint that it was exported from")
    return arguments


def _models(arguments: argparse.Namespace, work: Path) -> tuple[Path, Path]:
    checkpoint, bundle = arguments.checkpoint, arguments.model
    if checkpoint is None:
        from export.random_checkpoint import random_checkpoint

        print("writing a random checkpoint of ViT-B/32's size ...", flush=True)
        checkpoint = random_checkpoint(work / "checkpoint", size="vit-b-32", seed=0)
    if bundle is None:
        from export.bundle import export_checkpoint

        print("exporting it ...", flush=True)
        bundle = export_checkpoint(str(checkpoint), layout=Layout(root=work), precision=Precision.INT8).folder
    return checkpoint.resolve(), bundle.resolve()


def _subset(catalog: str, images: int, work: Path) -> tuple[str, list[bytes]]:
    source = open_source(catalog)
    column = guess_roles(source).image
    if column is None:
        raise SystemExit(f"{catalog} holds no column of pictures")
    table = pq.read_table(catalog)
    # Each picture once: Aisle encodes one that several products share once, the others would encode it each time.
    first = {value: row for row, value in reversed(list(enumerate(source.images(column, 0, len(table)))))}
    table = table.take(sorted(first.values())[:images])
    path = work / "catalog.parquet"
    pq.write_table(table, path, row_group_size=500)
    source = open_source(str(path))
    files = [value for value in source.images(column, 0, len(table)) if isinstance(value, bytes)]
    if len(files) < len(table):
        raise SystemExit(f"{catalog}: {len(table) - len(files)} of the first {len(table)} rows hold no picture")
    return str(path), files


def _usual(checkpoint: Path, files: Sequence[bytes]) -> Contestant:
    import torch
    from transformers import CLIPImageProcessor, CLIPModel

    torch.set_num_threads(cpu_quota())
    model: Any = CLIPModel.from_pretrained(checkpoint).eval()
    processor: Any = CLIPImageProcessor.from_pretrained(checkpoint)

    def embed(some: Sequence[bytes]) -> None:
        for start in range(0, len(some), USUAL_BATCH):
            images = [Image.open(io.BytesIO(data)).convert("RGB") for data in some[start : start + USUAL_BATCH]]
            with torch.inference_mode():
                vectors = model.get_image_features(**processor(images=images, return_tensors="pt"))
                (vectors / vectors.norm(dim=-1, keepdim=True)).numpy()

    return Contestant(
        name="usual: transformers float32, batch 32",
        group="usual",
        images=len(files),
        warm=lambda: embed(files[:USUAL_BATCH]),
        run=lambda _: embed(files),
    )


def _raw(bundle: Path, files: Sequence[bytes], work: Path) -> list[Contestant]:
    rules = load_preprocess(bundle / PREPROCESS)
    path = work / "prepared.npy"
    np.save(path, np.stack([prepare_image(decode_image(data), rules) for data in files]))
    cores = cpu_quota()
    whole = _session(bundle / IMAGE_GRAPH, threads=cores)
    pixels = np.load(path)
    pool = ProcessPoolExecutor(cores, get_context("spawn"), initializer=_open_raw, initargs=(bundle, path))
    chunks = [(start, min(start + CHUNK, len(files))) for start in range(0, len(files), CHUNK)]
    session = Contestant(
        name=f"onnxruntime: 1 session x {cores} threads, batch {SESSION_BATCH}",
        group="onnxruntime",
        images=len(files),
        warm=lambda: _run_raw(whole, pixels, SESSION_BATCH, 0, CHUNK),
        run=lambda _: _run_raw(whole, pixels, SESSION_BATCH, 0, len(files)),
    )
    processes = [
        Contestant(
            name=f"onnxruntime: {cores} processes x 1 thread, batch {batch}",
            group="onnxruntime",
            images=len(files),
            warm=partial(_run_pool, pool, batch, chunks[: 2 * cores]),
            run=lambda _, batch=batch: _run_pool(pool, batch, chunks),
            close=pool.shutdown,
        )
        for batch in PROCESS_BATCHES
    ]
    return [session, *processes]


_raw_state: dict[str, Any] = {}


def _open_raw(bundle: Path, path: Path) -> None:
    _raw_state["session"] = _session(bundle / IMAGE_GRAPH, threads=1)
    _raw_state["pixels"] = np.load(path, mmap_mode="r")


def _run_pool(pool: ProcessPoolExecutor, batch: int, chunks: Sequence[tuple[int, int]]) -> None:
    for _ in pool.map(partial(_run_chunk, batch), chunks):
        pass


def _run_chunk(batch: int, chunk: tuple[int, int]) -> None:
    _run_raw(_raw_state["session"], _raw_state["pixels"], batch, *chunk)


def _run_raw(session: Any, pixels: np.ndarray, batch: int, start: int, stop: int) -> None:
    name = session.get_inputs()[0].name
    for first in range(start, stop, batch):
        session.run(None, {name: pixels[first : min(first + batch, stop)]})


def _session(graph: Path, *, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _ours(bundle: Path, catalog: str, executor: Executor, work: Path) -> list[Contestant]:
    guessed = guess_roles(open_source(catalog))
    titled = Roles(id=guessed.id, image=guessed.image, title=guessed.title)
    workers = f"{executor.layout.workers} Ray workers x 1 thread, batch 8"
    return [
        _stage(f"aisle: {workers}", "aisle", bundle, catalog, replace(titled, title=None), executor, work),
        _stage(f"aisle with titles: {workers}", "aisle with titles", bundle, catalog, titled, executor, work),
    ]


def _stage(
    name: str, group: str, bundle: Path, catalog: str, roles: Roles, executor: Executor, work: Path
) -> Contestant:
    plan = plan_catalog(open_source(catalog), roles=roles)
    manifest = load_model_manifest(bundle)

    def embed(number: int, rows: int = len(plan.rows)) -> None:
        some = replace(plan, rows=plan.rows[:rows], products=plan.products.slice(0, rows))
        setup = embed_setup(
            Layout(root=work / group / str(number)), bundle, manifest, executor=executor, options=ReindexOptions()
        )
        done = embed_catalog(
            some, setup=setup, shard_rows=SHARD_ROWS, max_rejects=0.0, executor=executor, progress=SilentProgress()
        )
        if done.embedded_images != rows:
            raise SystemExit(f"{done.embedded_images} of {rows} pictures were embedded")

    return Contestant(
        name=name,
        group=group,
        images=len(plan.rows),
        warm=lambda: embed(-1, min(len(plan.rows), SHARD_ROWS * executor.layout.workers)),
        run=embed,
    )


def _report(
    contestants: Sequence[Contestant], rates: dict[str, list[float]], *, ray_start: float, json: Path | None
) -> None:
    medians = {name: statistics.median(found) for name, found in rates.items()}
    best = {group: max(medians[c.name] for c in contestants if c.group == group) for group in _groups(contestants)}
    print_table(
        "Pictures per second, median of the rounds",
        [
            {
                "contestant": contestant.name,
                "pictures": contestant.images,
                "images/s": medians[contestant.name],
                "slowest": min(rates[contestant.name]),
                "fastest": max(rates[contestant.name]),
                **{f"x {side}": medians[contestant.name] / best[side] for side in GROUPS[:2] if side in best},
            }
            for contestant in contestants
        ],
    )
    print(f"Ray's start, before the clocks: {ray_start:.1f} s")
    values: dict[str, Any] = {f"{group.replace(' ', '_')}_images_per_s": rate for group, rate in best.items()}
    values |= {f"aisle_to_{side}": best["aisle"] / best[side] for side in GROUPS[:2] if {side, "aisle"} <= best.keys()}
    values |= {"ray_start_s": ray_start, "rounds": {name: [round(rate, 2) for rate in r] for name, r in rates.items()}}
    if "aisle_to_onnxruntime" in values:
        print_bar("aisle to raw onnxruntime", values["aisle_to_onnxruntime"], at_least=0.9)
    if json is not None:
        write_json(json, values)


def _groups(contestants: Sequence[Contestant]) -> list[str]:
    return list(dict.fromkeys(contestant.group for contestant in contestants))


if __name__ == "__main__":
    main()
