"""Settings of the serving half: frozen, read from `AISLE_*` once, at an entry point.

Every setting has its row in docs/settings.md (a test compares them).
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from aisle.errors import SettingsError
from aisle.images import ImageLimits
from aisle.machine import Provider

PREFIX = "AISLE_"

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

DEEPEST_FILTERS = 64
"""Filters are read by recursion, for which Python's stack must be enough."""

_MAY_BE_ZERO = {
    *("batches_in_flight", "decode_workers", "search_workers"),
    *("drain_seconds", "key_requests_per_second", "address_requests_per_second"),
}


class LogFormat(StrEnum):
    """How lines of the log are written; `auto` is text on a terminal, JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class LoggedRequests(StrEnum):
    """Which requests have a line in the log; failed ones are those of status 500 and more."""

    ALL = "all"
    FAILED = "failed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a release is served. A field `workspace` is the variable `AISLE_WORKSPACE`, and so on.

    Attributes:
        workspace: Folder with `CURRENT`, `releases/` and `models/`; or where those lie on an object store, as a URL.
        cache: Folder that workspaces on object stores are mirrored in. A blank path for `~/.cache/aisle`.
        listen_host: IP address to listen on.
        listen_port: Port to listen on. (Not `AISLE_PORT`: Kubernetes sets that one for a service named `aisle`.)
        workers: Server processes; each holds its own copy of the model.
        provider: Where the model runs.
        encoder_threads: Threads of one encoder call on the CPU.
        batches_in_flight: Encoder calls of one kind that run at the same time. 0 for as many as a worker has cores.
        text_batch: Most texts in one encoder call.
        image_batch: Most pictures in one encoder call.
        text_queue: Most texts that are worked on or wait; past it the answer is 429.
        image_queue: Most pictures that are worked on or wait; past it the answer is 429.
        overload_seconds: After a 429, until a second went by without one, as much is let in as is done in this time.
        decode_workers: Pictures decoded at the same time. 0 for as many as a worker has cores.
        search_workers: Index searches that run at the same time. 0 for as many as a worker has cores.
        max_body_bytes: Longest request body.
        max_image_bytes: Longest picture file.
        max_image_pixels: Largest picture, width x height.
        max_text_length: Longest text of a query, in characters.
        max_filter_depth: Deepest nesting of a query's filters.
        max_batch_queries: Most queries of one batch.
        timeout_seconds: Longest time for one request.
        poll_seconds: How often `CURRENT` is read.
        drain_seconds: From SIGTERM to the end of accepting requests; meanwhile `/readyz` says 503. 0 for none.
        max_buffered_bytes: Request bodies in memory at the same time, all together.
        max_connections: Open connections of one worker.
        api_keys: `name=key` each; without any, and without a file of them, nobody needs one.
        api_key_file: The same, one a line. A blank path for none.
        open_images: Whether thumbnails need no key, as pictures of a page on another site cannot send one.
        key_requests_per_second: Of one key, on average. 0 for no limit.
        address_requests_per_second: Of one address without a key, on average. 0 for no limit.
        request_burst: Requests that a key or an address may make at once before that average counts.
        trusted_proxies: Networks whose `X-Forwarded-For` is believed.
        cors_origins: Sites whose pages may ask from a browser; `*` for any.
        image_url_hosts: Hosts that pictures of a query may be fetched from; `*.example.com` for all below one, `*` for
            any public one. Without any, addresses of pictures are refused.
        image_url_schemes: Of such addresses.
        image_url_seconds: Longest time to fetch one.
        image_url_fetches: Fetched at the same time.
        log_format: How lines of the log are written.
        log_requests: Which requests have one.
    """

    workspace: Path | str = Path("workspace")
    cache: Path = Path()
    listen_host: str = "127.0.0.1"
    listen_port: int = 3000
    workers: int = 1
    provider: Provider = Provider.AUTO
    encoder_threads: int = 1
    batches_in_flight: int = 0
    text_batch: int = 8
    image_batch: int = 8
    text_queue: int = 96
    image_queue: int = 64
    overload_seconds: float = 0.1
    decode_workers: int = 0
    search_workers: int = 0
    max_body_bytes: int = 24 * 1024 * 1024
    max_image_bytes: int = 16 * 1024 * 1024
    max_image_pixels: int = 64_000_000
    max_text_length: int = 2000
    max_filter_depth: int = 8
    max_batch_queries: int = 64
    timeout_seconds: float = 8.0
    poll_seconds: float = 2.0
    drain_seconds: float = 1.0
    max_buffered_bytes: int = 256 * 1024 * 1024
    max_connections: int = 4096
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    api_key_file: Path = Path()
    open_images: bool = False
    key_requests_per_second: float = 0.0
    address_requests_per_second: float = 0.0
    request_burst: int = 40
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    image_url_hosts: tuple[str, ...] = ()
    image_url_schemes: tuple[str, ...] = ("https",)
    image_url_seconds: float = 5.0
    image_url_fetches: int = 8
    log_format: LogFormat = LogFormat.AUTO
    log_requests: LoggedRequests = LoggedRequests.FAILED

    def __post_init__(self) -> None:
        for name, value in ((each.name, getattr(self, each.name)) for each in fields(self)):
            if isinstance(value, int | float) and not isinstance(value, bool):
                if name in _MAY_BE_ZERO and value == 0:
                    continue
                if not 0 < value < float("inf"):
                    least = "0 or greater" if name in _MAY_BE_ZERO else "greater than 0"
                    raise SettingsError(f"{variable(name)} is {value}; it must be {least}")
        if self.listen_port > 65535:
            raise SettingsError(f"{variable('listen_port')} is {self.listen_port}; the largest port is 65535")
        if self.max_filter_depth > DEEPEST_FILTERS:
            raise SettingsError(
                f"{variable('max_filter_depth')} is {self.max_filter_depth}; filters are read to {DEEPEST_FILTERS} deep"
            )
        try:
            ipaddress.ip_address(self.listen_host)
        except ValueError:
            raise SettingsError(
                f"{variable('listen_host')} is {self.listen_host!r}; an IP address is wanted, such as 127.0.0.1"
            ) from None
        for network in self.trusted_proxies:
            _check(network, ipaddress.ip_network, "trusted_proxies", "networks, such as 10.0.0.0/8, are wanted")
        for scheme in self.image_url_schemes:
            if scheme not in {"http", "https"}:
                raise SettingsError(f"{variable('image_url_schemes')} has {scheme!r}; https and http are possible")

    @property
    def proxy_networks(self) -> tuple[IPNetwork, ...]:
        """`trusted_proxies`, parsed."""
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)

    @property
    def image_limits(self) -> ImageLimits:
        """Caps on a picture in a query."""
        return ImageLimits(max_bytes=self.max_image_bytes, max_pixels=self.max_image_pixels)


def is_url(workspace: Path | str) -> bool:
    """Whether a workspace lies on an object store."""
    return "://" in str(workspace)


def variable(field: str) -> str:
    """Name of the environment variable of a field."""
    return PREFIX + field.upper()


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read settings; what is not set, or set to nothing, has its default.

    Args:
        environ: Such as `os.environ`.

    Raises:
        SettingsError: A value cannot be used; the message names the variable.
    """
    given = {field.name: environ.get(variable(field.name), "").strip() for field in fields(Settings)}
    return Settings(**{name: _parse(name, text) for name, text in given.items() if text})


def to_environment(settings: Settings) -> dict[str, str]:
    """Variables that read back as `settings`, whatever the working directory of the reader."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    if not is_url(settings.workspace):
        values["workspace"] = Path(settings.workspace).expanduser().resolve()
    if settings.cache != Path():
        values["cache"] = settings.cache.expanduser().resolve()
    if settings.api_key_file != Path():
        values["api_key_file"] = settings.api_key_file.expanduser().resolve()
    return {variable(name): _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    if value == Path():
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _check(value: str, parse: Callable[[str], object], name: str, wanted: str) -> None:
    try:
        parse(value)
    except ValueError:
        raise SettingsError(f"{variable(name)} has {value!r}; {wanted}") from None


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[text.lower()]


def _parse(name: str, text: str) -> Any:
    if name == "workspace" and is_url(text):
        return text
    kind = type(getattr(_DEFAULTS, name))
    if kind is tuple:
        return tuple(item.strip() for item in text.split(",") if item.strip())
    if kind is Path or isinstance(getattr(_DEFAULTS, name), Path):
        return Path(text).expanduser()
    reader: Callable[[str], Any] = _boolean if kind is bool else kind
    try:
        return reader(text)
    except ValueError as error:
        raise SettingsError(f"{variable(name)} is {text!r}; {_WANTED[kind]} is wanted") from error


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_DEFAULTS = Settings()
_WANTED: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Provider: f"one of {', '.join(Provider)}",
    LogFormat: f"one of {', '.join(LogFormat)}",
    LoggedRequests: f"one of {', '.join(LoggedRequests)}",
}
