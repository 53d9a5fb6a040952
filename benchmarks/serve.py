"""What a text search takes: Aisle's service, its bare engine, and the service most teams write first, in one run.

All serve the same 44,000 random products and the same ViT-B/32-size model with random weights (speed depends on
neither). Every query is another one, k = 24; the client runs on the same machine and takes its share of it.

    python benchmarks/serve.py --json serve.json

1. `bare`: the engine and batchers behind one Starlette route (bare_service.py).
2. `aisle`: the whole service as `aisle serve` starts it, on BentoML.
3. `usual`: FastAPI, transformers, torch and IndexFlatIP (usual_service.py), which compares with pictures alone.

Each round: one request at a time, of each server in turn; then 64 callers of `bare` and of `aisle`; a lone caller of
`aisle` before and after its 64; 32 callers of `aisle` and of `usual`.
"""

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from callers import ask_at_once, ask_in_turn
from report import print_bar, print_table, write_json
from servers import Server, aisle, bare, running, usual
from synthetic import WORDS, make_model, write_release

from aisle.layout import Layout
from loadtest.outcomes import percentile
from loadtest.requests import Ask, asks


@dataclass
class Measured:
    """Milliseconds of single requests per round, and requests a second."""

    alone: list[list[float]] = field(default_factory=list)
    crowd: dict[int, list[list[float]]] = field(default_factory=dict)
    rates: dict[int, list[float]] = field(default_factory=dict)


@dataclass
class Burst:
    """Medians of a lone caller of `aisle`, in milliseconds: before and after 64 others."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as name:
        layout = Layout(Path(name))
        checkpoint, bundle = make_model(arguments.models or layout.root / "made")
        release = write_release(layout, bundle, products=arguments.products)
        contestants = [bare(layout), aisle(layout), usual(checkpoint, layout.release(release))]
        with contextlib.ExitStack() as stack:
            for contestant in contestants:
                stack.enter_context(running(contestant))
            measured, burst = uvloop.run(_measure(contestants, arguments))
    report(measured, burst, arguments)


async def _measure(contestants: list[Server], arguments: argparse.Namespace) -> tuple[dict[str, Measured], Burst]:
    queries, burst = asks(WORDS), Burst()
    measured = {contestant.name: Measured() for contestant in contestants}
    bare_one, aisle_one, usual_one = contestants
    for contestant in contestants:  # sessions, caches and pools of all are warm before the clock runs
        await ask_at_once(contestant, queries, callers=8, seconds=2.0)
    for number in range(arguments.rounds):
        spent = await ask_in_turn(contestants, queries, requests=arguments.requests)
        for contestant, times in zip(contestants, spent, strict=True):
            measured[contestant.name].alone.append(times)
        pair = [bare_one, aisle_one]
        for contestant in pair if number % 2 == 0 else reversed(pair):
            if contestant is aisle_one:
                burst.before.append(await _lone_median(aisle_one, queries, arguments.requests))
            await _crowd(contestant, queries, measured, callers=64, seconds=arguments.seconds)
            if contestant is aisle_one:
                burst.after.append(await _lone_median(aisle_one, queries, arguments.requests))
        for contestant in (aisle_one, usual_one):
            await _crowd(contestant, queries, measured, callers=32, seconds=arguments.seconds)
        medians = ", ".join(
            f"{name} {percentile(sorted(m.alone[-1]), 50):.1f} ms, {next(iter(m.rates.values()))[-1]:.0f}/s"
            for name, m in measured.items()
        )
        print(f"round {number + 1}: {medians}", flush=True)
    return measured, burst


async def _lone_median(server: Server, queries: Iterator[Ask], requests: int) -> float:
    return percentile(sorted((await ask_in_turn([server], queries, requests=requests))[0]), 50)


async def _crowd(
    server: Server, queries: Iterator[Ask], measured: dict[str, Measured], *, callers: int, seconds: float
) -> None:
    times = await ask_at_once(server, queries, callers=callers, seconds=seconds)
    measured[server.name].crowd.setdefault(callers, []).append(times)
    measured[server.name].rates.setdefault(callers, []).append(len(times) / seconds)


def report(measured: dict[str, Measured], burst: Burst, arguments: argparse.Namespace) -> None:
    """Print the tables and the bars, and write the figures."""
    title = f"Text search over {arguments.products:,} products, medians of {arguments.rounds} rounds"
    alone = [
        {"server": name} | {f"p{percent}_ms": _middle(of.alone, percent) for percent in (50, 95, 99)}
        for name, of in measured.items()
    ]
    crowds = [
        {"server": name, "callers": callers, "rps": statistics.median(rates)}
        | {f"p{percent}_ms": _middle(of.crowd[callers], percent) for percent in (50, 95, 99)}
        for name, of in measured.items()
        for callers, rates in of.rates.items()
    ]
    print_table(f"{title}, one caller", alone)
    print_table(f"{title}, many callers", crowds)
    # Within a round all met the same weather, so its ratio is steadier than the ratio of the medians.
    ours, plain, theirs = measured["aisle"], measured["bare"], measured["usual"]
    figures = {
        "lone_p50_over_bare": _ratio([_p50(times) for times in ours.alone], [_p50(times) for times in plain.alone]),
        "rps_at_64_over_bare": _ratio(ours.rates[64], plain.rates[64]),
        "rps_at_32_over_usual": _ratio(ours.rates[32], theirs.rates[32]),
        "lone_p50_after_burst_over_before": _ratio(burst.after, burst.before),
    }
    print_bar("aisle / bare, p50 of one caller", figures["lone_p50_over_bare"], at_most=1.2)
    print_bar("aisle / bare, throughput of 64 callers", figures["rps_at_64_over_bare"], at_least=0.85)
    print_bar("aisle / usual, throughput of 32 callers", figures["rps_at_32_over_usual"], at_least=5.0)
    print_bar("aisle, a lone p50 after 64 callers / before", figures["lone_p50_after_burst_over_before"], at_most=1.2)
    if arguments.json:
        write_json(arguments.json, figures | {"products": arguments.products, "alone": alone, "crowds": crowds})


def _p50(times: list[float]) -> float:
    return percentile(sorted(times), 50)


def _middle(rounds: list[list[float]], percent: int) -> float:
    return statistics.median(percentile(sorted(times), percent) for times in rounds)


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(our / their for our, their in zip(ours, theirs, strict=True)), 3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=44_000, help="(default: 44,000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--requests", type=int, default=60, help="per round, one at a time (default: 60)")
    parser.add_argument("--seconds", type=float, default=4.0, help="per round and crowd (default: 4)")
    parser.add_argument("--models", type=Path, help="folder of checkpoint/ and models/, made there when missing")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
