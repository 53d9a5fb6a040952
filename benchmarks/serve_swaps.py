"""Fifty new releases while 200 requests a second come: nobody must fail, and no answer may hold two releases' products.

    python benchmarks/serve_swaps.py --json swaps.json

Two releases of the embedded model take turns as the live one; each time the whole release is verified, loaded and
warmed anew. Products carry their release in their ids, so every answer shows whether it is of one piece. Requests come
when they are due (Poisson), every query another one.
"""

import argparse
import asyncio
import re
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import uvloop
from report import print_bar, print_table, write_json
from servers import Running, Server, aisle, running
from synthetic import WORDS, write_release

import demo
from aisle.current import write_current
from aisle.layout import Layout
from aisle.settings import Settings
from loadtest.arrivals import poisson_arrivals
from loadtest.open_loop import offer, release_of, session
from loadtest.outcomes import OK, Outcome, summarise
from loadtest.requests import asks

MODEL = Path(demo.__file__).parent / "model"
MIXED = "mixed"
SETTLED = 5
"""Swaps after which memory is compared: the first ones fill pools and caches."""

_ID = re.compile(rb'"id":"([a-z]+)-')


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        releases = [
            write_release(layout, MODEL, products=arguments.products, name=name, seed=seed)
            for seed, name in enumerate(("first", "second"))
        ]
        server = aisle(layout, settings=replace(Settings(), poll_seconds=0.1))
        with running(server) as started:
            uvloop.run(_measure(server, started, layout, releases, arguments))


async def _measure(
    server: Server, started: Running, layout: Layout, releases: list[str], arguments: argparse.Namespace
) -> None:
    seconds = arguments.swaps * arguments.every
    arrivals = poisson_arrivals(arguments.rate, seconds + arguments.every)
    async with session() as client:
        offered = asyncio.create_task(offer(client, server.url + "search", asks(WORDS), arrivals, read=piece_of))
        memory = []
        for number in range(arguments.swaps):
            await asyncio.to_thread(write_current, layout, releases[number % 2])
            await asyncio.sleep(arguments.every)
            memory.append(started.memory_mib())
        outcomes = await offered
    report(outcomes, memory, seconds=seconds + arguments.every, arguments=arguments)


def piece_of(body: bytes) -> str:
    """The release of an answer, or `mixed` when a product is not of it."""
    release = release_of(body)
    return release if set(_ID.findall(body)) <= {release.rpartition("-")[2].encode()} else MIXED


def report(outcomes: list[Outcome], memory: list[float], *, seconds: float, arguments: argparse.Namespace) -> None:
    """Print what happened and the bars, and write the figures."""
    summary = summarise(outcomes, seconds=seconds)
    answered = sorted((outcome for outcome in outcomes if outcome.status == OK), key=lambda outcome: outcome.ended)
    turns = sum(one.release != other.release for one, other in pairwise(answered))
    figures = {
        "requests": summary.asked,
        "offered_rate": round(summary.offered_rate, 1),
        "p50_ms": round(summary.p50, 2),
        "p99_ms": round(summary.p99, 2),
        "worst_ms": round(summary.worst, 2),
        "not_answered": summary.turned_away + summary.failed,
        "mixed": sum(outcome.release == MIXED for outcome in outcomes),
        "turns": turns,
        "memory_mib": [round(value, 1) for value in memory],
        "memory_last_over_settled": round(memory[-1] / memory[min(SETTLED, len(memory) - 1)], 3),
    }
    title = f"{arguments.swaps} new releases of {arguments.products:,} products"
    print_table(title, [{name: value for name, value in figures.items() if name != "memory_mib"}])
    # Answers that were begun before a swap may end after the first of the new release: a turn more, and one back.
    print_bar("releases that were seen to come", turns + 1, at_least=arguments.swaps)
    print_bar("requests not answered with 200", figures["not_answered"], at_most=0)
    print_bar("answers that mix releases", figures["mixed"], at_most=0)
    print_bar(f"memory after the last swap / after {SETTLED}", figures["memory_last_over_settled"], at_most=1.1)
    if arguments.json:
        write_json(arguments.json, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=5_000, help="(default: 5,000)")
    parser.add_argument("--swaps", type=int, default=50, help="(default: 50)")
    parser.add_argument("--every", type=float, default=1.5, help="seconds between them (default: 1.5)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (default: 200)")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
