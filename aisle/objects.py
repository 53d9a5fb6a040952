"""An object store below one URL: named bytes, replaced as a whole, under a condition where two might replace them.

Retries with back-off, time-outs and signatures are obstore's. What it cannot mend becomes one line that names the URL.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from aisle.aws_profile import profile_options
from aisle.errors import SettingsError, StoreRefused, StoreUnreachable
from aisle.files import write_atomically

TRANSFERS = 16
"""Files that are copied at the same time."""

RANGE_BYTES = 32 * 1024 * 1024
"""What one request reads of a large object: in memory, and begun again when the line breaks."""

COPY_BYTES = 5 * 10**9
"""Largest object that S3 copies in one request."""

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
"""Of stores with conditional writes. Only S3 is tested."""

RETRY_TIME = timedelta(seconds=60)
"""How long a request that the store fails is tried again, with growing pauses."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.25), timedelta(seconds=8)
"""Between two tries; pauses double, give or take chance."""


_KEYS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION (or the profile in ~/.aws that AWS_PROFILE names)"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object with its content.

    Attributes:
        data: All of it.
        tag: Another one after every change.
        modified: When, by the store's clock.
    """

    data: bytes
    tag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as listings show it.

    Attributes:
        name: Below the URL.
        bytes: Its length.
        modified: Seconds since 1970, by the store's clock.
    """

    name: str
    bytes: int
    modified: float


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A bucket, or a folder of one. Small: it travels to workers, which connect themselves.

    Attributes:
        url: `s3://bucket/folder`, or another scheme that obstore knows (`gs`, `az`, ...).
    """

    url: str

    def get(self, name: str) -> Stored | None:
        """Read a small object; None when there is none.

        Raises:
            StoreUnreachable: The store does not answer, or refuses.
        """
        import obstore

        with self._told("read", name):
            try:
                found = obstore.get(_store(self.url), name)
                data = bytes(found.bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None
        return Stored(data=data, tag=str(found.meta["e_tag"]), modified=found.meta["last_modified"])

    def put(self, name: str, data: bytes, *, replacing: str | None) -> str | None:
        """Write a small object if it still is what it was.

        Args:
            name: Of the object.
            data: All of it.
            replacing: Tag of what it replaces; None when there must be nothing yet.

        Returns:
            Its tag; None when somebody else was first with something else, and nothing was written.

        Raises:
            StoreUnreachable: The store does not answer, or refuses.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._told("write", name):
            try:
                mode: Any = "create" if replacing is None else {"e_tag": replacing}
                done = obstore.put(_store(self.url), name, data, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                found = self.get(name)  # where the answer to the first try was lost, the second one meets the first
                return found.tag if found is not None and found.data == data else None
        return str(done["e_tag"])

    def now(self, name: str) -> datetime:
        """The store's clock, read off an object that is written for that."""
        import obstore

        with self._told("write", name):
            obstore.put(_store(self.url), name, b"", use_multipart=False)
            found: datetime = obstore.head(_store(self.url), name)["last_modified"]
        return found

    def holds(self, name: str) -> bool:
        """Whether there is such an object."""
        return self._size(name) is not None

    def download(self, name: str, path: Path) -> bool:
        """Copy an object into a file, which appears whole or not at all; False when there is none."""
        import obstore

        size = self._size(name)
        if size is None:
            return False

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                for start in range(0, size, RANGE_BYTES):
                    with self._told("read", name):
                        length = min(RANGE_BYTES, size - start)
                        part = obstore.get_range(_store(self.url), name, start=start, length=length)
                    stream.write(part)

        write_atomically(path, write)
        return True

    def upload(self, path: Path, name: str) -> None:
        """Copy a file that is whole into an object; large ones in parts, that become one object in the end."""
        import obstore

        with self._told("write", name):
            obstore.put(_store(self.url), name, path)

    def copy(self, name: str, copy: str) -> bool:
        """Copy an object within the store, at most `COPY_BYTES` of it; False when there is none."""
        import obstore

        with self._told("copy", name):
            try:
                obstore.copy(_store(self.url), name, copy)
            except FileNotFoundError:
                return False
        return True

    def objects(self, folder: str) -> list[ObjectInfo]:
        """Objects below a folder, in the order of their names."""
        import obstore

        found = []
        with self._told("list", folder):
            for page in obstore.list(_store(self.url), f"{folder}/"):
                found += [ObjectInfo(one["path"], one["size"], one["last_modified"].timestamp()) for one in page]
        return sorted(found, key=lambda one: one.name)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders right below a folder."""
        import obstore

        with self._told("list", folder):
            found = obstore.list_with_delimiter(_store(self.url), f"{folder}/")
        return sorted(prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in found["common_prefixes"])

    def remove(self, names: Sequence[str]) -> None:
        """Delete objects; those that are gone already are no error."""
        import obstore

        if names:
            with self._told("delete", names[0]):
                obstore.delete(_store(self.url), list(names))

    def _size(self, name: str) -> int | None:
        import obstore

        with self._told("read", name):
            try:
                size: int = obstore.head(_store(self.url), name)["size"]
            except FileNotFoundError:
                return None
        return size

    @contextmanager
    def _told(self, verb: str, name: str) -> Iterator[None]:
        """A failure of the store as one line with the way out. Failures of the local disk pass."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError, PermissionError) as error:
            kind, what, way_out = _explained(str(error))
            raise kind(f"cannot {verb} {self.url}/{name}: {what}. {way_out}") from error


def transfer(function: Any, things: Iterable[Any]) -> list[Any]:
    """Call a function that copies something for many things at a time, and give all results in order."""
    with ThreadPoolExecutor(TRANSFERS) as pool:
        return list(pool.map(function, things))


def _explained(text: str) -> tuple[type[StoreUnreachable], str, str]:
    """What kind of error it is, what went wrong, and what to do: out of a message of many lines."""
    code = re.search(r"<Code>(\w+)</Code>", text)
    said = re.search(r"<Message>([^<]+)</Message>", text)
    status = re.search(r"status code: (\d+ [A-Z][A-Za-z ]+)", text)
    line = text.split("\n\nDebug source", maxsplit=1)[0].split("Error performing", maxsplit=1)[-1].splitlines()[0]
    what = f"{code[1]}: {said[1]}" if code and said else (status[1].strip() if status else line.strip())
    if code and code[1] == "NoSuchBucket":
        return StoreRefused, what, "Make the bucket, or check the URL"
    if (code and code[1] in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"}) or re.search(
        r"status code: 40[13]|169\.254\.|credential", text
    ):
        return StoreRefused, what, f"Check {_KEYS}, and what the key may do"
    return StoreUnreachable, what, "Check the network and AWS_ENDPOINT_URL; nothing is lost: run again"


def check_url(url: str) -> None:
    """Make sure that a URL is that of a store that a workspace can be on.

    Raises:
        SettingsError: It is not.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise SettingsError(
            f"workspace {url}: a workspace is a folder, or s3://bucket/folder (gs:// and az:// as well). {scheme}:// "
            "has no conditional writes, without which two runs could not be kept apart; a catalog may lie there"
        )
    if not rest.strip("/"):
        raise SettingsError(f"workspace {url} names no bucket: s3://bucket/folder is one")


@lru_cache(maxsize=8)
def _store(url: str) -> Any:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise SettingsError(f"{url} needs the package obstore: pip install 'aisle[s3]'") from error
    options: dict[str, Any] = {"timeout": "120s", "connect_timeout": "10s"}
    more: dict[str, Any] = profile_options() if url.startswith("s3") else {}
    if str(more.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL", "")).startswith("http://"):
        options["allow_http"] = True
    kind: Any = from_url
    try:
        return kind(url, client_options=options, retry_config=_retries(), **more)
    except (BaseError, ValueError) as error:
        said = str(error).split("\n\nDebug source", maxsplit=1)[0].splitlines()[0]
        raise SettingsError(
            f"workspace {url} cannot be opened: {said}; its keys are read from the environment"
        ) from error


def _retries() -> dict[str, Any]:
    """Time ends the tries, not their number: a store that restarts says 503 quickly and many times."""
    pauses = {"init_backoff": FIRST_PAUSE, "max_backoff": LONGEST_PAUSE, "base": 2.0}
    return {"max_retries": 1000, "retry_timeout": RETRY_TIME, "backoff": pauses}
