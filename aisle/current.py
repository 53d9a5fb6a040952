"""`CURRENT`: the one mutable file of a workspace, naming the live release."""

from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically
from aisle.layout import Layout


def read_current(layout: Layout) -> str | None:
    """Id of the live release; None when nothing was published yet.

    Raises:
        ReleaseCorrupt: The file does not hold one plain release id.
    """
    try:
        release_id = layout.current.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseCorrupt(f"{layout.current} cannot be read ({error}): run `aisle reindex`") from error
    if not release_id or not release_id.replace("-", "").isalnum():
        raise ReleaseCorrupt(f"{layout.current} holds {release_id[:40]!r}, not a release id: run `aisle reindex`")
    return release_id


def write_current(layout: Layout, release_id: str) -> None:
    """Point `CURRENT` at a release that was verified; readers see the old id or the new one."""
    write_atomically(layout.current, lambda temporary: temporary.write_text(f"{release_id}\n", encoding="utf-8"))
