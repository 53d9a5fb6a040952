"""API keys: who may ask. Off until a key is set."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers

from aisle.errors import SettingsError
from aisle.settings import Settings, variable

SHORTEST_KEY = 16
"""In characters: what is shorter can be guessed."""

_WAY_OUT = "write `name=key`, with a key such as `openssl rand -hex 24` gives"


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The accepted keys, as digests: no key lies in memory longer than it takes to read it.

    Attributes:
        digests: SHA-256 of each key, by the key's name. None of them: nobody needs a key.
    """

    digests: Mapping[str, bytes]

    def __bool__(self) -> bool:
        return bool(self.digests)

    def name_of(self, key: str) -> str | None:
        """Name of a key; None when it is not one of ours.

        Takes the same time for every key: digests have one length, and all are compared.
        """
        given = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        found = None
        for name, digest in self.digests.items():
            if hmac.compare_digest(given, digest):
                found = name
        return found


def read_keys(settings: Settings) -> ApiKeys:
    """The keys of the settings and of their file.

    Raises:
        SettingsError: The file cannot be read, or a key has no name, another's name, or is too short. No message shows
            a key.
    """
    digests = dict(_named(settings.api_keys, where=variable("api_keys")))
    if settings.api_key_file != Path():
        where = variable("api_key_file")
        try:
            text = settings.api_key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{where} is {settings.api_key_file}, which cannot be read: {error}") from error
        lines = [line.strip() for line in text.splitlines()]
        of_file = _named([line for line in lines if line and not line.startswith("#")], where=where)
        if not of_file:
            raise SettingsError(f"{where} is {settings.api_key_file}, which holds no key: {_WAY_OUT}, one a line")
        if twice := digests.keys() & of_file.keys():
            raise SettingsError(f"{where} has a second key named {min(twice)!r}: names must differ")
        digests |= of_file
    return ApiKeys(digests)


def key_of(headers: Headers) -> str | None:
    """The key a request came with: `X-API-Key`, `Authorization: Bearer`, or the password of `Authorization: Basic`.

    Basic is what a browser sends after it has asked for name and password; the name is not looked at.
    """
    if given := headers.get("x-api-key"):
        return given
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            try:
                pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return None
            return pair.partition(":")[2] or None
    return None


def _named(entries: Iterable[str], *, where: str) -> dict[str, bytes]:
    digests: dict[str, bytes] = {}
    for number, entry in enumerate(entries, start=1):
        name, equals, key = (part.strip() for part in entry.partition("="))
        if not (name and equals and key):
            raise SettingsError(f"{where}: entry {number} is no name and key: {_WAY_OUT}")
        if name in digests:
            raise SettingsError(f"{where} has a second key named {name!r}: names must differ")
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"{where}: the key named {name!r} has {len(key)} characters, fewer than {SHORTEST_KEY}: {_WAY_OUT}"
            )
        digests[name] = hashlib.sha256(key.encode()).digest()
    return digests
