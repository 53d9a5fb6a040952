"""Texts beside pictures, two workers, and one of them killed.

    python benchmarks/serve_mixed.py --json mixed.json

1. Lone queries by picture, and pictures by 16 callers.
2. Texts at a fixed rate, alone and while those 16 callers flood the service with pictures.
3. Two workers: the throughput of 64 callers of texts against one worker's, and what callers notice of a `kill -9` of
   one of the two: requests that were inside it are lost with it, every other one is answered.

44,000 random products, a ViT-B/32-size int8 model, every query another one, the client on the same machine.
"""

import argparse
import asyncio
import io
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from callers import ask_at_once, ask_in_turn
from PIL import Image
from report import print_bar, print_table, write_json
from servers import Running, Server, aisle, running
from synthetic import WORDS, make_model, write_release

from aisle.layout import Layout
from aisle.settings import Settings
from loadtest.arrivals import poisson_arrivals
from loadtest.open_loop import offer, session
from loadtest.outcomes import Summary, percentile, summarise
from loadtest.requests import Ask, asks

CALLERS = 16
TEXT_RATE = 40.0
KILL_RATE = 60.0


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        _, bundle = make_model(arguments.models or layout.root / "made")
        write_release(layout, bundle, products=arguments.products)
        with running(one := aisle(layout)):
            figures = uvloop.run(_measure_mixed(one, arguments.seconds))
        with running(two := aisle(layout, name="two", settings=replace(Settings(), workers=2))) as started:
            figures |= uvloop.run(_measure_two(two, started, arguments.seconds))
    report(figures, arguments)


def report(figures: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Print the tables and the bars, and write the figures."""
    print_table("One worker", [{name: figures[name] for name in ("picture_p50_ms", "pictures_rps", "texts_rps_at_64")}])
    print_table(
        "Texts at 40/s", [{"beside": beside} | figures[f"texts_{beside}"] for beside in ("nothing", "pictures")]
    )
    ratio = figures["texts_pictures"]["p50"] / figures["texts_nothing"]["p50"]
    print_bar("p50 of texts beside 16 callers with pictures / alone", ratio, at_most=2.0)
    two_over_one = figures["texts_rps_at_64_of_two"] / figures["texts_rps_at_64"]
    print_bar("two workers / one, texts of 64 callers", two_over_one, at_least=0.9)
    print_table(f"Texts at {KILL_RATE:g}/s while one of two workers is killed", [figures["killed"]])
    print_bar("requests lost with a killed worker", figures["killed"]["failed"], at_most=8)
    if arguments.json:
        write_json(arguments.json, figures)


async def _measure_mixed(server: Server, seconds: float) -> dict[str, Any]:
    texts = asks(WORDS)
    pictures = asks(WORDS, _photos(), pictured=1.0)
    await ask_at_once(server, texts, callers=8, seconds=2.0)
    lone = (await ask_in_turn([server], pictures, requests=30))[0]
    pictured = await ask_at_once(server, pictures, callers=CALLERS, seconds=seconds)
    crowd = await ask_at_once(server, texts, callers=64, seconds=seconds)
    alone = await _texts(server, texts, rate=TEXT_RATE, seconds=seconds)
    flood = asyncio.create_task(ask_at_once(server, pictures, callers=CALLERS, seconds=seconds + 1.0))
    await asyncio.sleep(0.5)
    beside = await _texts(server, texts, rate=TEXT_RATE, seconds=seconds)
    return {
        "picture_p50_ms": percentile(sorted(lone), 50),
        "pictures_rps": len(pictured) / seconds,
        "texts_rps_at_64": len(crowd) / seconds,
        "texts_nothing": _shown(alone),
        "texts_pictures": _shown(beside) | {"pictures/s": len(await flood) / (seconds + 1.0)},
    }


async def _measure_two(server: Server, started: Running, seconds: float) -> dict[str, Any]:
    texts = asks(WORDS, seed=1)
    await ask_at_once(server, texts, callers=16, seconds=3.0)
    crowd = await ask_at_once(server, texts, callers=64, seconds=seconds)
    load = asyncio.create_task(_texts(server, texts, rate=KILL_RATE, seconds=2 * seconds))
    await asyncio.sleep(seconds / 2)
    started.workers()[0].kill()
    return {"texts_rps_at_64_of_two": len(crowd) / seconds, "killed": _shown(await load)}


async def _texts(server: Server, texts: Iterator[Ask], *, rate: float, seconds: float) -> Summary:
    async with session() as client:
        outcomes = await offer(client, f"{server.url}search", texts, poisson_arrivals(rate, seconds))
    return summarise(outcomes, seconds=seconds)


def _shown(summary: Summary) -> dict[str, object]:
    wanted = ("answered_rate", "turned_away", "failed", "p50", "p95", "p99")
    return {name: value for name, value in asdict(summary).items() if name in wanted}


def _photos() -> list[bytes]:
    """Twenty JPEG files of 600 x 800 pixels: smooth fields of colour, which take as long to decode as photos."""
    chance, files = random.Random(0), []
    for _ in range(20):
        small = np.array([[[chance.randrange(256) for _ in "rgb"] for _ in range(12)] for _ in range(16)], np.uint8)
        file = io.BytesIO()
        Image.fromarray(small).resize((600, 800), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=44_000, help="(default: 44,000)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load (default: 8)")
    parser.add_argument("--models", type=Path, help="folder of checkpoint/ and models/, made there when missing")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
