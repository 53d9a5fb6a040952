"""Turning searches away before anything of them is read: under overload that is most of what there is to do.

A search that gets past here is asked again at its door, when it is known what it costs (`serving.searcher`).
"""

from starlette.datastructures import Headers
from starlette.types import Scope

from serving.admission import Overloaded
from serving.errors import Failure, failure_of
from serving.search_routes import router
from serving.service_state import ServiceState

LONGEST_TEXT = 4096
"""A longer body of a search may hold a picture, which has a door of its own."""

_PICTURED = {("POST", "/search/image"): True, ("POST", "/search"): False, ("GET", "/search"): False}
_ROUTES = {
    (method, route.path): route  # type: ignore[attr-defined]
    for route in router.routes
    for method in route.methods or ()  # type: ignore[attr-defined]
    if (method, route.path) in _PICTURED  # type: ignore[attr-defined]
}


def turn_away(scope: Scope, headers: Headers) -> Failure | None:
    """What a search is told for which there is no room; None lets a request go on."""
    asked = (scope["method"], scope["path"])
    pictured = _PICTURED.get(asked)
    if pictured is None or (not pictured and not _is_short(headers)):
        return None
    state: ServiceState = scope["app"].state.service
    try:
        state.searcher.check(pictured=pictured)
    except Overloaded as error:
        scope["route"] = _ROUTES[asked]  # for the metrics: it was this one, although nobody looked for it
        return failure_of(error)
    return None


def _is_short(headers: Headers) -> bool:
    declared = headers.get("content-length", "0")  # an address has none
    return declared.isdecimal() and int(declared) <= LONGEST_TEXT
