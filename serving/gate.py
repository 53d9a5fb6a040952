"""Who comes past the edge: whoever has a key where keys are wanted, and asks no more often than it may."""

from starlette.datastructures import Headers
from starlette.types import Scope

from aisle.errors import AisleError
from aisle.settings import Settings
from serving.addresses import caller_address
from serving.keys import ApiKeys, key_of
from serving.rate_limits import RateLimit

PROBES = ("/livez", "/readyz")
"""Asked by the platform, which has no key."""

_UNCOUNTED = ("/static/", "/images/")
"""What a page loads by the dozen, and costs next to nothing."""


class Unauthorized(AisleError):
    """A request without a key of ours, where one is wanted."""


class Gate:
    """One worker's."""

    def __init__(self, settings: Settings, *, keys: ApiKeys) -> None:
        """Open for whoever the settings let in.

        Args:
            settings: Rates, trusted proxies, whether thumbnails are open.
            keys: From `read_keys`.
        """
        self._keys = keys
        self._open_images = settings.open_images
        self._proxies = settings.proxy_networks
        burst = settings.request_burst
        self._of_keys = RateLimit(per_second=settings.key_requests_per_second, burst=burst)
        self._of_addresses = RateLimit(per_second=settings.address_requests_per_second, burst=burst)

    def admit(self, scope: Scope, headers: Headers) -> None:
        """Let a request in, and note the name of its key in `scope["state"]["key"]`.

        Raises:
            Unauthorized: It has no key of ours.
            TooManyRequests: Its key, or its address, asks too often.
        """
        path = scope["path"]
        state = scope.setdefault("state", {})
        state["key"] = name = self._key_name(headers)
        if name is None and self._keys and not self._is_open(path):
            self._of_addresses.take(self._address(scope, headers))  # guessing is counted as well
            raise Unauthorized(
                "a key is wanted here: send it as `X-API-Key`, or as `Authorization: Bearer`"
                if key_of(headers) is None
                else "this key is not known here"
            )
        if path not in ("/", *PROBES) and not path.startswith(_UNCOUNTED):
            self.count(scope, headers)

    def count(self, scope: Scope, headers: Headers, *, work: int = 1) -> None:
        """Count work of an admitted request.

        Raises:
            TooManyRequests: Its key, or its address, has nothing left.
        """
        name = scope["state"]["key"]
        if name is not None:
            self._of_keys.take(name, work)
        elif self._of_addresses:
            self._of_addresses.take(self._address(scope, headers), work)

    def _key_name(self, headers: Headers) -> str | None:
        given = key_of(headers) if self._keys else None
        return None if given is None else self._keys.name_of(given)

    def _is_open(self, path: str) -> bool:
        return path in PROBES or (self._open_images and path.startswith("/images/"))

    def _address(self, scope: Scope, headers: Headers) -> str:
        client = scope.get("client")
        forwarded = headers.getlist("x-forwarded-for")
        return caller_address(client[0] if client else None, forwarded, proxies=self._proxies)
