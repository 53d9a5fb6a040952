"""Where a request comes from, and which addresses belong to nobody's own network."""

import ipaddress
from collections.abc import Sequence

from aisle.settings import IPNetwork

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED = tuple(map(ipaddress.ip_network, ("2001::/32", "2002::/16", "192.88.99.0/24", "192.0.0.0/24")))
"""Teredo, 6to4 and its relays, and other translators: addresses in disguise, and nobody's web server."""


def is_public(address: IPAddress) -> bool:
    """Whether an address lies in the public internet, where nothing of ours answers.

    Not so are loopback, private, link-local (cloud metadata among them), shared (CGNAT), multicast, reserved and
    documentation addresses, and IPv6 addresses that stand for such an IPv4 one. See RFC 6890 and IANA's
    special-purpose registries, which `ipaddress.is_global` follows.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _TRANSLATED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def caller_address(peer: str | None, forwarded: Sequence[str], *, proxies: Sequence[IPNetwork]) -> str:
    """Address of whoever asks, as the nearest machine that is not one of our proxies tells it.

    Args:
        peer: Address of the connection; None when there is none (a Unix socket).
        forwarded: Every `X-Forwarded-For` header in its order. Anybody can write anything at its left end; each proxy
            adds at the right whom it was called by.
        proxies: Networks of proxies that are believed.

    Returns:
        An IPv4 address, or the /64 of an IPv6 one: that is what one caller is given. `unknown` when there is no peer.
    """
    if peer is None:
        return "unknown"
    found = _parse(peer)
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while found is not None and hops and any(found in network for network in proxies):
        hop = _parse(hops.pop())
        if hop is None:
            break  # not an address: the proxy before it is the last that is known
        found = hop
    return peer if found is None else _bucket(found)


def _parse(text: str) -> IPAddress | None:
    host = text.strip().removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]  # an IPv4 address with a port
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _bucket(address: IPAddress) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)).network_address) + "/64"
    return str(address)
