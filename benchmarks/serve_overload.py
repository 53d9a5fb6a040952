"""Three times more requests than can be answered, for a minute: what is still answered, how soon, and at what memory.

    python benchmarks/serve_overload.py --json overload.json

The capacity is what 64 patient callers get answered. Then requests come when they are due, whatever became of those
before: at 0.8 of the capacity, and at 3 times it. The client runs on the same machine and takes its share of it, which
the table shows. 44,000 random products, a ViT-B/32-size int8 model, every query another one.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import uvloop
from callers import ask_at_once, ask_when_due
from report import print_bar, print_table, write_json
from servers import Running, Server, aisle, running
from synthetic import WORDS, make_model, write_release

from aisle.layout import Layout
from loadtest.arrivals import poisson_arrivals
from loadtest.outcomes import Summary, summarise
from loadtest.requests import asks

NORMAL, FLOOD = 0.8, 3.0


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        _, bundle = make_model(arguments.models or layout.root / "made")
        write_release(layout, bundle, products=arguments.products)
        server = aisle(layout)
        with running(server) as started:
            uvloop.run(_measure(server, started, arguments))


async def _measure(server: Server, started: Running, arguments: argparse.Namespace) -> None:
    queries = asks(WORDS)
    await ask_at_once(server, queries, callers=64, seconds=3.0)
    seconds = arguments.capacity_seconds
    capacity = len(await ask_at_once(server, queries, callers=64, seconds=seconds)) / seconds
    print(f"capacity: {capacity:.0f} answers a second to 64 callers", flush=True)
    rows, summaries = [], []
    memory = [started.memory_mib()]
    for factor, seconds in ((NORMAL, arguments.normal_seconds), (FLOOD, arguments.flood_seconds)):
        arrivals = poisson_arrivals(factor * capacity, seconds)
        client, workers, began = time.process_time(), started.cpu_seconds(), time.monotonic()
        summary = summarise(await ask_when_due(server, queries, arrivals), seconds=seconds)
        summaries.append(summary)
        memory.append(started.memory_mib())
        spent = time.monotonic() - began
        cores = {
            "client cores": (time.process_time() - client) / spent,
            "server cores": (started.cpu_seconds() - workers) / spent,
        }
        rows.append(_row(factor, summary, memory[-1]) | cores)
        await asyncio.sleep(2)
    print_table(f"Offered rates as factors of {capacity:.0f}/s; milliseconds of what was answered", rows)
    normal, flood = summaries
    figures = {
        "capacity": round(capacity, 1),
        "goodput_over_capacity": round(flood.answered_rate / capacity, 3),
        "p99_flood_over_normal": round(flood.p99 / normal.p99, 3),
        "memory_after_over_before": round(memory[2] / memory[1], 3),
        "failed": normal.failed + flood.failed,
    }
    print_bar("answers a second at 3x / capacity", figures["goodput_over_capacity"], at_least=0.8)
    print_bar("p99 of the answered at 3x / at 0.8x", figures["p99_flood_over_normal"], at_most=2.0)
    print_bar("memory after the flood / before", figures["memory_after_over_before"], at_most=1.05)
    print_bar("neither answered nor told to come back", figures["failed"], at_most=0)
    if arguments.json:
        write_json(arguments.json, figures | {"runs": rows})


def _row(factor: float, summary: Summary, memory: float) -> dict[str, object]:
    return {
        "factor": factor,
        "offered/s": summary.offered_rate,
        "answered/s": summary.answered_rate,
        "429": summary.turned_away,
        "failed": summary.failed,
        "p50": summary.p50,
        "p95": summary.p95,
        "p99": summary.p99,
        "client late p99": summary.late_p99,
        "MiB": memory,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=44_000, help="(default: 44,000)")
    parser.add_argument("--capacity-seconds", type=float, default=10.0, help="(default: 10)")
    parser.add_argument("--normal-seconds", type=float, default=20.0, help="at 0.8 of the capacity (default: 20)")
    parser.add_argument("--flood-seconds", type=float, default=60.0, help="at 3 times the capacity (default: 60)")
    parser.add_argument("--models", type=Path, help="folder of checkpoint/ and models/, made there when missing")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
