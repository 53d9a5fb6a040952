"""Aisle's engine and batchers behind one Starlette route: no checks, no metrics, no page. What is left is their cost.

python benchmarks/bare_service.py WORKSPACE PORT
"""

import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as serving/service.py does

from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aisle.current import read_current
from aisle.layout import Layout
from aisle.settings import Settings
from serving.answers import answer_json
from serving.query import Query
from serving.searcher import Searcher
from serving.snapshot import load_snapshot


class NobodyWatches:
    """A `SearchObserver` that costs nothing."""

    def batch(self, queue: str, size: int, /) -> None:
        """Nothing."""

    def depth(self, queue: str, waiting: int, /) -> None:
        """Nothing."""

    def cached_text(self, hit: bool, /) -> None:
        """Nothing."""

    def joined_search(self) -> None:
        """Nothing."""


def create_app(workspace: Path) -> Starlette:
    """Load the live release and make the application."""
    layout = Layout(workspace)
    release_id = read_current(layout)
    if release_id is None:
        raise SystemExit(f"{workspace} holds no release")
    snapshot = load_snapshot(layout, release_id)
    searcher = Searcher(Settings(), observer=NobodyWatches())

    async def search(request: Request) -> Response:
        body = json.loads(await request.body())
        answer = await searcher.search(snapshot, Query(text=body["text"], k=body["k"]))
        return Response(answer_json(answer), media_type="application/json")

    async def readyz(request: Request) -> Response:  # noqa: ARG001 - Starlette hands it over
        return Response()

    return Starlette(routes=[Route("/search", search, methods=["POST"]), Route("/readyz", readyz)])


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    app = create_app(given.workspace)
    uvicorn.run(
        app, host="127.0.0.1", port=given.port, loop="uvloop", http="httptools", log_level="error", access_log=False
    )


if __name__ == "__main__":
    main()
