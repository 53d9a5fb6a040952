"""A workspace on an object store and the local folder that mirrors it; a local workspace is its own mirror.

Everything but `CURRENT` and `hidden.json` is immutable, so a file that is here once is never asked for again. A file
is written here, whole, and then copied there under its final name, a manifest after what it names: what is there is
committed, and what is only here is not.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aisle.errors import AisleError, ModelError, ReleaseCorrupt, SettingsError
from aisle.files import link_or_copy, sha256
from aisle.layout import MODEL_MANIFEST, RELEASE_MANIFEST, Layout
from aisle.manifest import FileRecord, load_model_manifest, load_release_manifest, verify_files
from aisle.objects import COPY_BYTES, SCHEMES, ObjectStore, check_url, transfer

LEFT_SECONDS = 86_400.0
"""Age at which nobody is copying a half copied file any more."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file of a workspace.

    Attributes:
        path: Where it is here, or would be.
        bytes: Its length.
        modified: Seconds since 1970, by the clock of the disk or of the store.
    """

    path: Path
    bytes: int
    modified: float


def open_layout(workspace: str | Path, *, cache: Path | None = None) -> Layout:
    """The layout of a workspace by its path or URL.

    Args:
        workspace: A folder, or `s3://bucket/folder`.
        cache: Folder of mirrors; None takes `aisle` in the user's folder of caches.

    Raises:
        SettingsError: It is a URL of a kind that no workspace can be on.
    """
    text = str(workspace)
    if mistyped := re.match(rf"({'|'.join(SCHEMES)}):/(?=[^/])", text):
        raise SettingsError(f"workspace {text}: a URL has two slashes, {mistyped[1]}://{text[mistyped.end() :]}")
    if "://" not in text:
        return Layout(root=Path(text))
    if text.startswith("file://"):
        return Layout(root=Path(text.removeprefix("file://")))
    check_url(text)
    url = text.rstrip("/")
    base = cache or Path.home() / ".cache" / "aisle"
    readable = re.sub(r"[^A-Za-z0-9]+", "-", url).strip("-")[:60]
    name = f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    return Layout(root=base.expanduser().absolute() / name, store=ObjectStore(url))


def resolved(layout: Layout) -> Layout:
    """The same workspace by an absolute path, so that it is the same on every worker."""
    return Layout(root=layout.root.expanduser().resolve(), store=layout.store)


def pull(layout: Layout, path: Path) -> bool:
    """Make sure that a file is here; False when there is none.

    Raises:
        StoreUnreachable: The store does not answer, or refuses.
    """
    if layout.store is None or path.exists():
        return path.exists()
    return layout.store.download(_name(layout, path), path)


def pull_as(layout: Layout, path: Path, copy: Path) -> bool:
    """Copy a file of the store here under another name, unless it is here by that name; False when there is none."""
    return copy.exists() or (layout.store is not None and layout.store.download(_name(layout, path), copy))


def pull_all(layout: Layout, paths: Iterable[Path]) -> None:
    """Make sure that files are here, those that exist; several at a time."""
    if layout.store is not None:
        transfer(partial(pull, layout), [path for path in paths if not path.exists()])


def push(layout: Layout, path: Path, *, source: Path | None = None) -> None:
    """Copy a file to the store.

    Args:
        layout: The workspace.
        path: Its final name.
        source: Where its content is now; None when it has its final name.
    """
    if layout.store is not None:
        layout.store.upload(source or path, _name(layout, path))


def push_folder(layout: Layout, source: Path, target: Path, *, manifest: str) -> None:
    """Copy the files of a folder to the store, its manifest last.

    Args:
        layout: The workspace.
        source: Where they are now.
        target: Their final folder.
        manifest: Name of the manifest.
    """
    if layout.store is None:
        return
    names = sorted(path.name for path in source.iterdir() if path.is_file() and path.name != manifest)
    for name in [*names, manifest]:
        push(layout, target / name, source=source / name)


def push_release(layout: Layout, source: Path, target: Path, *, live: str | None) -> None:
    """Copy a release to the store, its manifest last; what the live release holds too is copied there, not sent again.

    Args:
        layout: The workspace.
        source: Where its files are now.
        target: Its final folder.
        live: Id of the live release, which is here; None when there is none.
    """
    if layout.store is None:
        return
    there: dict[tuple[int, str], Path] = {}
    if live is not None and (layout.release(live) / RELEASE_MANIFEST).exists():
        folder = layout.release(live)
        there = {
            (one.bytes, one.sha256): folder / one.name for one in load_release_manifest(folder, verify=False).files
        }
    for record in load_release_manifest(source, verify=False).files:
        held = there.get((record.bytes, record.sha256)) if record.bytes <= COPY_BYTES else None
        if held is None or not layout.store.copy(_name(layout, held), _name(layout, target / record.name)):
            push(layout, target / record.name, source=source / record.name)
    push(layout, target / RELEASE_MANIFEST, source=source / RELEASE_MANIFEST)


def exists(layout: Layout, path: Path) -> bool:
    """Whether a file belongs to the workspace; on a store that is the store's word, whatever lies here."""
    return path.exists() if layout.store is None else layout.store.holds(_name(layout, path))


def files_below(layout: Layout, folder: Path) -> list[FileInfo]:
    """All files of the workspace below a folder, by name."""
    if layout.store is not None:
        found = layout.store.objects(_name(layout, folder))
        return [FileInfo(layout.root / one.name, one.bytes, one.modified) for one in found]
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [FileInfo(path, path.stat().st_size, path.stat().st_mtime) for path in paths]


def folders_below(layout: Layout, folder: Path) -> list[str]:
    """Names of the folders right below a folder, without those in the making."""
    if layout.store is not None:
        return [name for name in layout.store.folders(_name(layout, folder)) if not name.startswith(".")]
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def remove(layout: Layout, paths: Sequence[Path]) -> None:
    """Delete files, on the store in one go and then here."""
    if layout.store is not None:
        layout.store.remove([_name(layout, path) for path in paths])
    for path in paths:
        path.unlink(missing_ok=True)


def forget(layout: Layout, folder: Path) -> list[FileInfo]:
    """Delete what lies here of a folder and is no longer in the store; what is in the store is the answer."""
    found = files_below(layout, folder)
    if layout.store is not None and folder.is_dir():
        there = {one.path for one in found}
        for path in folder.rglob("*"):
            if path.is_file() and path not in there:
                path.unlink()
    return found


def pull_release(layout: Layout, release_id: str) -> None:
    """Make sure that a release is here, each file compared with its hash; manifest last.

    Raises:
        ReleaseCorrupt: What the store holds is not what its manifest says.
        StoreUnreachable: The store does not answer, or refuses.
    """
    folder = layout.release(release_id)
    if layout.store is None or ((folder / RELEASE_MANIFEST).exists() and _whole(folder)):
        return
    if not pull(layout, folder / RELEASE_MANIFEST):
        raise ReleaseCorrupt(f"{layout.store.url} has no release {release_id}: `aisle releases list` shows those")
    records = load_release_manifest(folder, verify=False).files
    _pull_files(layout, folder, records, error=ReleaseCorrupt)


def _whole(folder: Path) -> bool:
    return all((folder / one.name).exists() for one in load_release_manifest(folder, verify=False).files)


def drop_altered(layout: Layout, release_id: str) -> None:
    """Delete here what is not what a release's manifest says, so that `pull_release` gets it from the store again.

    The manifest, whose own hash nobody keeps, goes in any case. Files are looked at where the release was here as a
    whole: what the store itself altered never came here. A workspace on this disk is left as it is.
    """
    folder = layout.release(release_id)
    if layout.store is None:
        return
    with suppress(ReleaseCorrupt):
        for record in load_release_manifest(folder, verify=False).files if _whole(folder) else ():
            try:
                verify_files(folder, [record], error=ReleaseCorrupt)
            except ReleaseCorrupt:
                (folder / record.name).unlink(missing_ok=True)
    (folder / RELEASE_MANIFEST).unlink(missing_ok=True)


def sweep_releases(layout: Layout, *, using: Collection[str]) -> None:
    """Delete here what the store no longer has of releases, and what a process that was killed left half copied.

    Whoever has a deleted file mapped goes on with it. Releases that are being built here are left alone.

    Args:
        layout: The workspace; one on this disk has nothing to be swept.
        using: Ids of releases that stay, whatever the store says.

    Raises:
        StoreUnreachable: The store does not answer, or refuses; nothing was deleted.
    """
    if layout.store is None:
        return
    here = [path for path in layout.releases.glob("[!.]*") if path.is_dir()]
    # Asked second: a release that somebody copies there just now has a folder here only after that.
    there = {*using, *folders_below(layout, layout.releases)}
    for folder in here:
        if folder.name not in there:
            shutil.rmtree(folder, ignore_errors=True)
        for path in folder.glob(".*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                    path.unlink()


def pull_model(layout: Layout, fingerprint: str) -> None:
    """Make sure that a model bundle is here, each file compared with its hash.

    Raises:
        ModelError: The store has no such model, or not what its manifest says.
        StoreUnreachable: The store does not answer, or refuses.
    """
    folder = layout.model(fingerprint)
    if layout.store is not None and pull(layout, folder / MODEL_MANIFEST):
        _pull_files(layout, folder, load_model_manifest(folder, verify=False).files, error=ModelError)


def push_model(layout: Layout, folder: Path) -> None:
    """Copy a model bundle to the store, unless it is there."""
    if layout.store is not None and not exists(layout, folder / MODEL_MANIFEST):
        push_folder(layout, folder, folder, manifest=MODEL_MANIFEST)


def _pull_files(layout: Layout, folder: Path, records: Sequence[FileRecord], *, error: type[AisleError]) -> None:
    def fetch(record: FileRecord) -> None:
        path = folder / record.name
        if path.exists() or _linked(layout, path, record):
            return
        arriving = path.with_name(f".{record.name}.arriving-{os.getpid()}")
        try:
            if layout.store is None or not layout.store.download(_name(layout, path), arriving):
                raise error(f"{layout.place} has no {_name(layout, path)} though the manifest names it: make it again")
            if sha256(arriving) != record.sha256:
                raise error(f"{layout.place}/{_name(layout, path)} was altered (its SHA-256 is not the manifest's)")
            arriving.replace(path)
        finally:
            arriving.unlink(missing_ok=True)

    transfer(fetch, records)


def _linked(layout: Layout, path: Path, record: FileRecord) -> bool:
    """Take a file over from another release that is here and has the same one."""
    for other in sorted(layout.releases.glob(f"*/{record.name}"), reverse=True):
        with suppress(OSError):  # it may be swept just now
            if other.stat().st_size == record.bytes and sha256(other) == record.sha256:
                link_or_copy(other, path)
                return True
    return False


def pull_models(layout: Layout) -> None:
    """Make sure that the manifests of all models are here."""
    if layout.store is not None:
        pull_all(layout, [layout.model(name) / MODEL_MANIFEST for name in folders_below(layout, layout.models)])


def _name(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.root).as_posix()
