"""Durable local writes and content keys.

A file appears whole or not at all: temporary name, fsync, rename, fsync of the folder.
"""

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a disk, or of a share of it, that is full."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, make it durable, and rename it.

    Args:
        path: The final name; its folder is made when missing.
        write: Called with the temporary path. When it raises, nothing is left behind.

    Raises:
        OSError: The disk is full, say; `errno` and the file's name tell.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{uuid.uuid4().hex[:8]}")
    try:
        with telling_full_disk(path):
            write(temporary)
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def telling_full_disk(path: Path) -> Iterator[None]:
    """A full disk as the same error whoever finds it: FAISS tells of it in words, Arrow without the file's name."""
    try:
        yield
    except RuntimeError as error:
        if os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    except OSError as error:
        if error.errno not in NO_ROOM or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def link_or_copy(source: Path, target: Path) -> None:
    """Have an immutable file in a second folder as well: a link where the file system has them, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        write_atomically(target, lambda temporary: shutil.copyfile(source, temporary))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: object) -> None:
    """Write UTF-8 JSON, indented by two, with a final newline, atomically."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    write_atomically(path, lambda temporary: temporary.write_text(f"{text}\n", encoding="utf-8"))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(*parts: str | bytes) -> str:
    """A 128-bit BLAKE2b key over length-prefixed parts, as 32 hexadecimal digits."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()
