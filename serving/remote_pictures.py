"""Pictures that a query names by their address, fetched so that nobody reaches our own network through us.

See docs/security.md, "Pictures by their address", and docs/adr/017-picture-addresses-pinned-and-off.md.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from aisle.errors import ImageFault, InvalidImage, InvalidQuery
from aisle.settings import Settings
from serving.addresses import IPAddress, is_public

MAX_REDIRECTS = 3
"""Most redirects that are followed."""

MAX_ADDRESS = 2048
"""Longest address, in characters."""

_USUAL_PORTS = {"http": 80, "https": 443}
_REDIRECTS = {301, 302, 303, 307, 308}
_UNREACHABLE = "the picture's address could not be fetched: send the picture itself"
_NO_CERTIFICATE = "the host of the picture's address has no valid certificate for its name: send the picture itself"

Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Which addresses may be fetched.

    Attributes:
        hosts: `img.example.com`, `*.example.com` for all below it, `*` for any; each may end in `:port`.
        schemes: `https`, `http`.
    """

    hosts: tuple[str, ...]
    schemes: tuple[str, ...]

    def check(self, address: str) -> tuple[str, int]:
        """Host and port of an address.

        Raises:
            InvalidQuery: It may not be fetched; the message says why.
        """
        if not self.hosts:
            raise InvalidQuery("pictures are not taken by their address here: send the picture itself, as base64")
        if len(address) > MAX_ADDRESS:
            raise InvalidQuery(
                f"the picture's address has {len(address):,} characters; at most {MAX_ADDRESS:,} are taken"
            )
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            raise InvalidQuery("the picture's address cannot be read") from None
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme not in self.schemes:
            raise InvalidQuery(f"pictures are fetched by {' or '.join(self.schemes)}, not {parts.scheme[:20]!r}")
        if not host or parts.username is not None or parts.password is not None or not host.isascii():
            raise InvalidQuery("the picture's address needs a plain host: no user, no password, no unencoded letters")
        usual = _USUAL_PORTS[parts.scheme]
        port = usual if port is None else port
        if not any(_matches(host, port, rule.lower(), usual=usual) for rule in self.hosts):
            raise InvalidQuery(f"pictures are not fetched from {host[:80]!r} port {port}: send the picture itself")
        return host, port


class RemotePictures:
    """Fetches pictures, a few at a time. Use it within one event loop, and close it there."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolve | None = None,
        acceptable: Callable[[IPAddress], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            settings: Hosts, schemes, caps.
            resolve: Gives the addresses of a host and port; the system's own unless said otherwise.
            acceptable: Whether an address may be connected to.
            tls: Whose certificates are believed; None for the machine's authorities.
        """
        self._rules = AddressRules(hosts=settings.image_url_hosts, schemes=settings.image_url_schemes)
        self._most_bytes = settings.max_image_bytes
        self._seconds = settings.image_url_seconds
        self._turns = asyncio.Semaphore(settings.image_url_fetches)
        self._resolver = _PinningResolver(resolve or _resolve, acceptable)
        self._acceptable = acceptable
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, address: str) -> bytes:
        """The bytes behind an address, undecoded.

        Raises:
            InvalidQuery: The address may not be fetched.
            InvalidImage: It cannot be, in time, or holds too much. Why is not told: that is nobody's business here.
        """
        self._rules.check(address)
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                return await self._follow(address)
        except aiohttp.ClientConnectorCertificateError as error:
            raise InvalidImage(_NO_CERTIFICATE, fault=ImageFault.UNREADABLE) from error
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise InvalidImage(_UNREACHABLE, fault=ImageFault.UNREADABLE) from error

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            await self._session.close()

    async def _follow(self, address: str) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            host, _port = self._rules.check(address)
            self._check_literal(host)
            async with self._opened().get(address, allow_redirects=False) as response:
                if response.status in _REDIRECTS and (location := response.headers.get("Location")):
                    address = urljoin(address, location)
                    continue
                if response.status != 200:
                    raise InvalidImage(_UNREACHABLE, fault=ImageFault.UNREADABLE)
                return await self._read(response)
        raise InvalidImage(_UNREACHABLE, fault=ImageFault.UNREADABLE)

    def _check_literal(self, host: str) -> None:
        """An address as a host is not resolved, so it is checked here."""
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            if host.rpartition(".")[2].lower().startswith(tuple("0123456789")):
                raise _NotAcceptable from None  # 127.1, 0x7f.1, 2130706433: C libraries read these as addresses
            return
        if not self._acceptable(literal):
            raise _NotAcceptable

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._most_bytes:
            raise self._too_long()
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > self._most_bytes:
                raise self._too_long()
        return bytes(data)

    def _too_long(self) -> InvalidImage:
        return InvalidImage(
            f"the picture at that address has more than {self._most_bytes:,} bytes", fault=ImageFault.TOO_MANY_BYTES
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=self._resolver, use_dns_cache=False, force_close=True, ssl=self._tls or True
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "aisle"},
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                trust_env=False,
                auto_decompress=False,
                max_line_size=8190,
                max_field_size=8190,
            )
        return self._session


class _NotAcceptable(OSError):
    """An address in a network that is not public."""


class _PinningResolver(AbstractResolver):
    """Resolves a host once per connection, checks every address, and hands out just those: what was checked is used."""

    def __init__(self, resolve: Resolve, acceptable: Callable[[IPAddress], bool]) -> None:
        self._resolve = resolve
        self._acceptable = acceptable

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a host; aiohttp connects to one of them, and verifies the host's name."""
        _ = family
        addresses = await self._resolve(host, port)
        if not addresses or not all(self._acceptable(address) for address in addresses):
            raise _NotAcceptable
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _resolve(host: str, port: int) -> list[IPAddress]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def _matches(host: str, port: int, rule: str, *, usual: int) -> bool:
    name, _, wanted = rule.partition(":") if rule.count(":") == 1 else (rule, "", "")
    if (int(wanted) if wanted.isdecimal() else usual) != port:
        return False
    if name.startswith("*."):
        return host.endswith(name[1:])
    return name in ("*", host)
