"""Products taken down at once, and put back: no reindex, no new release."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from aisle.current import read_current
from aisle.errors import ReleaseCorrupt, SettingsError
from aisle.hidden import read_hidden, write_hidden
from aisle.layout import PRODUCTS, Layout
from aisle.mirror import pull
from batch.lock import hold

WAIT_SECONDS = 30.0
"""For whoever else hides products: a moment's work."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What came of it.

    Attributes:
        changed: Products that were hidden, or put back, now; in the order given.
        unchanged: Those that were so before.
        unknown: Those of them all that the live release does not have.
        hidden: Products that are hidden now, in all.
    """

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    unknown: tuple[str, ...]
    hidden: int


def hide_products(layout: Layout, ids: Sequence[str]) -> Hidden:
    """Hide products, known or not: one that comes with a later catalog is hidden then.

    Raises:
        SettingsError: An id is empty.
        ReleaseCorrupt: The list or the live release cannot be read.
        IncompleteRun: Another process has been changing the list all the while.
    """
    return _change(layout, ids, hide=True)


def unhide_products(layout: Layout, ids: Sequence[str]) -> Hidden:
    """Show hidden products again.

    Raises:
        SettingsError: An id is empty.
        ReleaseCorrupt: The list or the live release cannot be read.
        IncompleteRun: Another process has been changing the list all the while.
    """
    return _change(layout, ids, hide=False)


def _change(layout: Layout, ids: Sequence[str], *, hide: bool) -> Hidden:
    wanted = list(dict.fromkeys(ids))
    if not all(wanted):
        raise SettingsError("a product id is empty: name the products to hide by their ids")
    unknown = _unknown(layout, wanted)
    with hold(layout.hidden_lock, doing="hiding products", store=layout.store, wait=WAIT_SECONDS):
        before = read_hidden(layout)
        after = before | set(wanted) if hide else before - set(wanted)
        if after != before:
            write_hidden(layout, after)
    return Hidden(
        changed=tuple(product_id for product_id in wanted if (product_id in before) != hide),
        unchanged=tuple(product_id for product_id in wanted if (product_id in before) == hide),
        unknown=unknown,
        hidden=len(after),
    )


def _unknown(layout: Layout, ids: Sequence[str]) -> tuple[str, ...]:
    live = read_current(layout)
    if live is None:
        return tuple(ids)
    path = layout.release(live) / PRODUCTS
    pull(layout, path)
    try:
        with pa.memory_map(str(path)) as source:
            there = pa.ipc.open_file(source).read_all().column("id")
            known = pc.is_in(pa.array(ids, pa.string()), value_set=there.combine_chunks()).to_pylist()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ReleaseCorrupt(f"{path} cannot be read ({error}): run `aisle reindex`") from error
    return tuple(product_id for product_id, found in zip(ids, known, strict=True) if not found)
