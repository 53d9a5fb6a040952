"""`aisle loadtest`: what a running service answers at a given rate, and how soon."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urljoin

import typer

from cli.console import complain, out, say, table

if TYPE_CHECKING:
    from loadtest.deployment import Deployment
    from loadtest.outcomes import Outcome, Summary
    from loadtest.requests import Ask

LATE_MS = 10.0
"""A test that sends so much too late measures itself."""

_RECALL = {"text": "text", "picture": "image"}
"""Kind of request to kind of query, as the release names it."""


def loadtest(
    url: Annotated[str, typer.Argument(help="Address of the service, such as http://127.0.0.1:3000.")],
    rate: Annotated[list[float] | None, typer.Option(help="Requests a second; may be repeated.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each rate is offered.", min=0.1)] = 30.0,
    texts: Annotated[
        Path | None, typer.Option(help="File of queries, one a line; default: distinct ones of the titles' words.")
    ] = None,
    pictures: Annotated[float, typer.Option(help="Share of queries by picture.", min=0.0, max=1.0)] = 0.0,
    k: Annotated[int, typer.Option("-k", help="Hits wanted.")] = 24,
    key: Annotated[str | None, typer.Option(help="An API key.", envvar="AISLE_KEY")] = None,
    seed: Annotated[int, typer.Option(help="Of queries and arrivals.")] = 0,
    save: Annotated[Path | None, typer.Option("--json", help="Write the figures there.")] = None,
) -> None:
    """Offer requests at fixed rates, and print percentiles of the waiting times beside the index's recall.

    Requests come when they are due, like shoppers, whatever became of those before; waiting is counted from then. Rates
    are offered one after the other. 429 is no failure: it is what an overloaded service should say.
    """
    import uvloop

    from loadtest.deployment import NotAisle

    rates = rate or [20.0]
    if min(rates) <= 0:
        raise typer.BadParameter("a rate is greater than 0", param_hint="--rate")
    lines = [line for line in texts.read_text(encoding="utf-8").splitlines() if line.strip()] if texts else []
    if texts is not None and not lines:
        raise typer.BadParameter(f"{texts} holds no query", param_hint="--texts")
    if lines and pictures:
        raise typer.BadParameter("queries of a file are texts; leave one out", param_hint="--pictures")
    try:
        uvloop.run(_run(url.rstrip("/") + "/", rates, seconds, lines, pictures, k=k, key=key, seed=seed, save=save))
    except (NotAisle, ValueError) as error:
        complain(str(error))
        raise typer.Exit(1) from error


async def _run(
    url: str,
    rates: Sequence[float],
    seconds: float,
    lines: Sequence[str],
    pictures: float,
    *,
    k: int,
    key: str | None,
    seed: int,
    save: Path | None,
) -> None:
    from loadtest.arrivals import poisson_arrivals
    from loadtest.deployment import look_at
    from loadtest.open_loop import offer, session
    from loadtest.requests import asks, phrases

    rows: list[dict[str, Any]] = []
    async with session(key=key) as client:
        deployment = await look_at(client, url, pictures=pictures > 0)
        say(f"{url} serves {deployment.release} with {deployment.products:,} products")
        queries: Iterator[Ask] = (
            phrases(lines, k=k)
            if lines
            else asks(deployment.words, deployment.pictures, pictured=pictures, k=k, seed=seed)
        )
        for number, rate in enumerate(rates):
            arrivals = poisson_arrivals(rate, seconds, seed=seed + number)
            outcomes = await offer(client, urljoin(url, "search"), queries, arrivals)
            for kind in sorted({outcome.kind for outcome in outcomes}):
                rows.append(_row(kind, rate, outcomes, deployment, seconds=seconds))
    _show(rows)
    if save is not None:
        save.write_text(json.dumps({"release": deployment.release, "runs": rows}, indent=2) + "\n", encoding="utf-8")


def _row(
    kind: str, rate: float, outcomes: Sequence["Outcome"], deployment: "Deployment", *, seconds: float
) -> dict[str, Any]:
    from loadtest.outcomes import summarise

    summary: Summary = summarise([outcome for outcome in outcomes if outcome.kind == kind], seconds=seconds)
    recall = deployment.recall.get(_RECALL[kind])
    return {"kind": kind, "rate": rate, **asdict(summary), "recall_at_10": recall}


def _show(rows: Sequence[dict[str, Any]]) -> None:
    shown = table(
        *("kind", ">offered/s", ">answered/s", ">429", ">failed"), *(">p50 ms", ">p95 ms", ">p99 ms", ">recall@10")
    )
    for row in rows:
        recall = row["recall_at_10"]
        shown.add_row(
            row["kind"],
            *(f"{row[name]:.1f}" for name in ("offered_rate", "answered_rate")),
            *(f"{row['turned_away']:,}", f"{row['failed']:,}"),
            *(f"{row[name]:.1f}" for name in ("p50", "p95", "p99")),
            "" if recall is None else f"{recall:.3f}",
        )
    out.print(shown)
    late = max((row["late_p99"] for row in rows), default=0.0)
    if late > LATE_MS:
        say(f"the test itself was up to {late:.0f} ms late: run it on another machine, or at lower rates")
