"""`CURRENT`: the one mutable file of a workspace, naming the live release."""

from aisle.errors import ReleaseCorrupt, WorkspaceBusy
from aisle.files import write_atomically
from aisle.layout import Layout


def read_current(layout: Layout) -> str | None:
    """Id of the live release; None when nothing was published yet.

    Raises:
        ReleaseCorrupt: The file does not hold one plain release id.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    try:
        release_id = _text(layout)
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseCorrupt(f"{layout.current} cannot be read ({error}): run `aisle reindex`") from error
    if release_id is None:
        return None
    if not release_id or not release_id.replace("-", "").isalnum():
        raise ReleaseCorrupt(f"{layout.current} holds {release_id[:40]!r}, not a release id: run `aisle reindex`")
    return release_id


def _text(layout: Layout) -> str | None:
    if layout.store is not None:
        found = layout.store.get(layout.current.name)
        return found.data.decode().strip() if found else None
    try:
        return layout.current.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def current_tag(layout: Layout) -> str | None:
    """Which `CURRENT` a store holds, for `write_current`; None for none, and on this disk, where the lock suffices.

    Raises:
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    found = layout.store.get(layout.current.name) if layout.store is not None else None
    return found.tag if found else None


def write_current(layout: Layout, release_id: str, *, replacing: str | None = None) -> None:
    """Point `CURRENT` at a release that was verified; readers see the old id or the new one.

    Args:
        layout: The workspace.
        release_id: Which release.
        replacing: On a store, the tag that `CURRENT` had before the caller made sure that it may replace it: whoever
            was stopped for so long that another process took over must not undo what that one published.

    Raises:
        WorkspaceBusy: On a store, somebody else replaced it at this moment; theirs stays.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    text = f"{release_id}\n"
    if layout.store is None:
        write_atomically(layout.current, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return
    if layout.store.put(layout.current.name, text.encode(), replacing=replacing) is None:
        raise WorkspaceBusy(f"somebody else has just made another release of {layout.place} live: look, and run again")
