"""What a file system says of a file's state, so that a file that did not change need not be read again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import fsspec

from aisle.errors import InvalidImage
from aisle.web import PER_HOST, web_headers

_TAGS = ("ETag", "etag", "md5Hash", "Content-MD5")
_TIMES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "modified")

_COARSE_SECONDS = 2.0
"""Some file systems keep times to two seconds (FAT), many remote ones to one."""

_FINE_SECONDS = 0.05
"""Those that keep nanoseconds take them from a clock that ticks some hundred times a second."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file and its state.

    Attributes:
        location: Where it lies, in full.
        state: Another one after every change of the file.
    """

    location: str
    state: str


def stamp(location: str, *, per_host: int = PER_HOST) -> Stamp | None:
    """Ask for a file's state, without reading it. To be asked for before the file is read, never after.

    Args:
        location: A path, or a URL of any fsspec scheme.
        per_host: By http, requests to one host at the same time, of this process.

    Returns:
        None where the file system does not tell: no size with a time of the last change, and no strong ETag; or the
        file changed so recently that it might change again without its time doing so. Such a file must be read.
    """
    path = location.removeprefix("file://")
    if "://" not in path:
        return _local(Path(path))
    return _web(location, per_host) if path.startswith(("http://", "https://")) else _remote(location)


def _local(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None  # whoever reads it finds out why
    # The time of the last change of the entry cannot be set back, as copying tools do with that of the content.
    if _settled(max(found.st_mtime_ns, found.st_ctime_ns)):
        return Stamp(str(path.absolute()), f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}")
    return None


def _settled(nanoseconds: int) -> bool:
    margin = _COARSE_SECONDS if nanoseconds % 1_000_000_000 == 0 else _FINE_SECONDS
    return time.time() - nanoseconds / 1e9 > margin


def _remote(location: str) -> Stamp | None:
    try:
        filesystem, path = fsspec.core.url_to_fs(location)
        filesystem.invalidate_cache(path)  # a listing from before says nothing of today
        state = state_of(filesystem.info(path))
    except (OSError, NotImplementedError):
        return None  # it cannot tell, or there is no such file: whoever reads it finds out
    return Stamp(location, state) if state else None


def _web(location: str, per_host: int) -> Stamp | None:
    try:
        return web_stamp(location, web_headers(location, per_host=per_host))
    except InvalidImage:
        return None  # whoever reads it finds out


def web_stamp(url: str, headers: Mapping[str, str]) -> Stamp | None:
    """The state that a host tells of a file by its headers; as `stamp`."""
    state = state_of({**headers, "size": headers.get("Content-Length")})
    return Stamp(url, state) if state else None


def state_of(info: Mapping[str, object]) -> str:
    """The state that fsspec's `info` of a file tells, empty when it tells none.

    Weak ETags (RFC 9110, section 8.8.1) are none: the bytes may change under them.
    """
    for name in _TAGS:
        tag = info.get(name)
        if isinstance(tag, str) and tag and not tag.startswith("W/"):
            return f"{info.get('size')}:{tag}"
    size = info.get("size")
    moment = next((moment for name in _TIMES if (moment := _moment(info.get(name))) is not None), None)
    if size is None or moment is None or not _settled(round(moment * 1e9)):
        return ""
    return f"{size}:{moment!r}"


def _moment(value: object) -> float | None:
    """Seconds since 1970 of whatever a file system calls a time."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def _parsed(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text)
        except ValueError:
            continue
    return None
