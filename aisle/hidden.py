"""`hidden.json`: ids of products taken down at once, without a reindex.

The list outlives releases: a product that comes back with the next catalog stays hidden until it is unhidden.
"""

import json
from collections.abc import Iterable

from aisle.errors import ReleaseCorrupt, WorkspaceBusy
from aisle.files import write_json
from aisle.layout import Layout

FORMAT_VERSION = 1
_REMEDY = "put it right, or delete it and hide the products again with `aisle hide`"


def read_hidden(layout: Layout) -> frozenset[str]:
    """Ids of the hidden products; none when there is no file.

    Raises:
        ReleaseCorrupt: The file is not a list of ids of this format.
    """
    try:
        text = _text(layout)
        values = json.loads(text) if text is not None else None
    except (OSError, ValueError) as error:
        raise ReleaseCorrupt(f"{layout.hidden} cannot be read ({error}): {_REMEDY}") from error
    if text is None:
        return frozenset()
    if not isinstance(values, dict) or values.get("format_version") != FORMAT_VERSION:
        found = values.get("format_version") if isinstance(values, dict) else None
        raise ReleaseCorrupt(
            f"{layout.hidden} has format version {found}, this Aisle reads {FORMAT_VERSION}: {_REMEDY}"
        )
    ids = values.get("ids")
    if not isinstance(ids, list) or not all(isinstance(product_id, str) for product_id in ids):
        raise ReleaseCorrupt(f"{layout.hidden} has no list of texts named `ids`: {_REMEDY}")
    return frozenset(ids)


def _text(layout: Layout) -> str | None:
    if layout.store is not None:
        found = layout.store.get(layout.hidden.name)
        return found.data.decode() if found else None
    try:
        return layout.hidden.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def write_hidden(layout: Layout, ids: Iterable[str]) -> None:
    """Replace the list; readers see the old one or the new one.

    Raises:
        WorkspaceBusy: On a store, somebody else replaced it at this moment; theirs stays.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    values = {"format_version": FORMAT_VERSION, "ids": sorted(set(ids))}
    if layout.store is None:
        write_json(layout.hidden, values)
        return
    found = layout.store.get(layout.hidden.name)
    data = json.dumps(values, ensure_ascii=False, indent=2).encode()
    if layout.store.put(layout.hidden.name, data, replacing=found.tag if found else None) is None:
        raise WorkspaceBusy(f"somebody else has just changed what {layout.place} hides: look, and run again")
