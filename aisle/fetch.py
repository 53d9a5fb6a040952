"""A picture as a catalog holds it (bytes, base64, path, URL) to the bytes of its file."""

from dataclasses import dataclass
from pathlib import Path

import fsspec

from aisle.errors import ImageFault, InvalidImage, SettingsError
from aisle.images import ImageLimits, decode_base64
from aisle.sources import ImageValue
from aisle.stamps import Stamp, stamp, web_stamp
from aisle.web import PER_HOST, fetch_web

_BASE64_STARTS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR")
"""How JPEG, PNG, GIF and WebP begin in base64."""

_HTTP = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture that was read.

    Attributes:
        data: The file's bytes, undecoded; None when the catalog names no picture.
        stamp: Its state as it was read; None where reading does not tell.
    """

    data: bytes | None
    stamp: Stamp | None = None


def fetch_image(value: ImageValue, *, folder: str, limits: ImageLimits, per_host: int = PER_HOST) -> bytes | None:
    """The bytes of `fetch_picture`."""
    return fetch_picture(value, folder=folder, limits=limits, per_host=per_host).data


def fetch_picture(value: ImageValue, *, folder: str, limits: ImageLimits, per_host: int = PER_HOST) -> Fetched:
    """Read one picture.

    Args:
        value: Bytes; or a data URI, base64, a path or a URL of any fsspec scheme; or None.
        folder: What a relative path is relative to.
        limits: `max_bytes` is checked before anything is read where the size is known.
        per_host: By http, requests to one host at the same time, of this process.

    Raises:
        InvalidImage: Not found, unreadable, too large; or a store that does not give it now, after some tries.
    """
    if value is None or value == "":
        return Fetched(None)
    if isinstance(value, bytes):
        return Fetched(value)
    location = _location(value, folder)
    if location is None:
        return Fetched(decode_base64(value.partition(",")[2] if value.startswith("data:") else value))
    try:
        return (
            _read_local(Path(location), limits) if "://" not in location else _read_remote(location, limits, per_host)
        )
    except InvalidImage:
        raise
    except FileNotFoundError as error:
        raise InvalidImage(f"picture {value} does not exist", fault=ImageFault.NOT_FOUND) from error
    except SettingsError:
        raise
    except Exception as error:  # file systems are plug-ins: each raises what its own libraries raise
        raise InvalidImage(f"picture {value} cannot be read: {error}", fault=_fault(location, error)) from error


def web_location(value: ImageValue, *, folder: str) -> str | None:
    """URL of a picture by http, whose state comes with it; None for any other."""
    location = _location(value, folder) if isinstance(value, str) and value else None
    return location if location is not None and location.startswith(_HTTP) else None


def picture_stamp(value: ImageValue, *, folder: str, per_host: int = PER_HOST) -> Stamp | None:
    """Where a picture lies and in which state, without reading it.

    Args:
        value: As in `fetch_image`.
        folder: As in `fetch_image`.
        per_host: As in `fetch_image`.

    Returns:
        None for pictures that lie in the catalog itself, and where the file system does not tell: those must be read.

    Raises:
        InvalidImage: The file system fails in a way of its own; reading would as well.
    """
    location = _location(value, folder) if isinstance(value, str) and value else None
    if location is None:
        return None
    try:
        return stamp(location, per_host=per_host)
    except Exception as error:  # see `fetch_image`
        raise InvalidImage(f"picture {location} cannot be read: {error}", fault=ImageFault.UNREADABLE) from error


def _location(value: str, folder: str) -> str | None:
    """Path or URL of a picture that lies in a file of its own; None when `value` is the picture."""
    if value.startswith("data:") or (value.startswith(_BASE64_STARTS) and len(value) > 64):
        return None
    return value if "://" in value or value.startswith("/") else f"{folder.rstrip('/')}/{value}"


def _fault(location: str, error: Exception) -> ImageFault:
    """What a remote file system cannot give today it may give tomorrow, unless it says that it will not."""
    final = (PermissionError, IsADirectoryError, ImportError, ValueError, NotImplementedError)
    return ImageFault.UNREADABLE if "://" not in location or isinstance(error, final) else ImageFault.UNREACHABLE


def _read_remote(location: str, limits: ImageLimits, per_host: int) -> Fetched:
    if location.startswith(_HTTP):
        answer = fetch_web(location, max_bytes=limits.max_bytes, per_host=per_host)
        return Fetched(answer.data, web_stamp(location, answer.headers))
    with fsspec.open(location, "rb", **_options(location)) as stream:
        return Fetched(stream.read(limits.max_bytes + 1))


def _options(location: str) -> dict[str, object]:
    """Time-outs for a file system whose own are minutes; it tries again by itself."""
    if location.startswith(("s3://", "s3a://")):
        return {"config_kwargs": {"connect_timeout": 10, "read_timeout": 30}}
    return {}


def _read_local(path: Path, limits: ImageLimits) -> Fetched:
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise InvalidImage(
            f"picture {path.name} has {size:,} bytes; at most {limits.max_bytes:,} are accepted",
            fault=ImageFault.TOO_MANY_BYTES,
        )
    return Fetched(path.read_bytes())
