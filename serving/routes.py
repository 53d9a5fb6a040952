"""The whole HTTP interface: searching, products, and what whoever runs the service asks.

Responses are bytes written by `serving.answers`; the models only document them.
"""

import asyncio

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Match, Route

from serving import knn_routes, openai_routes, product_routes, search_routes
from serving.answers import describe_release, release_json, to_json
from serving.metrics import CONTENT_TYPE
from serving.response_schemas import ReleaseResponse, Status
from serving.service_state import documented, json_response, live, state_of
from web import STATIC

router = APIRouter()

ROUTERS = (search_routes.router, product_routes.router, openai_routes.router, knn_routes.router, router)
"""In the order in which they are asked: `/products/{id}/similar` comes before `/products/{id}`."""


@router.get(
    "/release",
    summary="The live release",
    response_class=Response,
    responses=documented(ReleaseResponse, 503),
)
async def release(request: Request) -> Response:
    """Which release answers, what it holds, what can be filtered by, and whether a newer one was refused."""
    state, snapshot = state_of(request), live(request)
    description = state.descriptions.get(snapshot)
    if description is None:
        description = await asyncio.to_thread(describe_release, snapshot)
        state.descriptions.clear()
        state.descriptions[snapshot] = description
    watcher = state.watcher
    return json_response(release_json(description, refused=watcher.refused, hidden_fault=watcher.hidden_fault))


@router.get(
    "/livez", summary="Whether the process runs", response_class=Response, responses=documented(Status, guarded=False)
)
async def livez() -> Response:
    """Always 200: a service without a release is alive."""
    return json_response(b'{"status":"alive"}')


@router.get(
    "/readyz",
    summary="Whether searches are answered",
    response_class=Response,
    responses=documented(Status, 503, guarded=False),
)
async def readyz(request: Request) -> Response:
    """Found out by searching, at most every few seconds."""
    state, snapshot = state_of(request), live(request)
    state.drain.check()
    await state.canary.check(snapshot)
    return json_response(to_json({"status": "ready", "release": snapshot.id}))


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts of all workers of this server."""
    exposed = await asyncio.to_thread(state_of(request).metrics.expose)
    return Response(exposed, headers={"Content-Type": CONTENT_TYPE})


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """The search page."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def unmatched(request: Request) -> Response:
    """Last of all routes: 405 when another method would have matched, else 404.

    Without it BentoML's own pages would answer for paths that are not ours.
    """
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL]
    if matching:
        allowed = sorted({method for route in matching for method in route.methods or ()})
        raise HTTPException(405, f"{request.method} is not possible here", headers={"Allow": ", ".join(allowed)})
    raise HTTPException(404, f"there is nothing at {request.url.path[:200]}")
