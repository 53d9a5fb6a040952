"""A release's index from that of the live release: what stands there already is taken over, the rest is a part more.

A vector is known by its bytes, so it does not matter whether a product was renamed, moved or changed its price. Parts
are immutable: they are linked into the new release, and `entries.npy` says where its products stand. What equals a
clean rebuild then, and when one is due, is decided in docs/adr/011.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.entries import read_entries, write_entries
from aisle.errors import AisleError, ReleaseCorrupt, StoreUnreachable
from aisle.files import link_or_copy
from aisle.index import ProductIndex
from aisle.layout import ENTRIES, INDEX, TRAINED, VECTORS, Layout, part_name
from aisle.manifest import ReleaseManifest, load_release_manifest, verify_files
from aisle.mirror import pull_release
from aisle.types import ProductVectors, RowIds
from batch.build import BuildOptions, BuiltIndex, write_part
from batch.index_device import index_device
from batch.index_family import add, gpu_quantizer
from batch.index_plan import IndexPlan, bytes_per_product
from batch.progress import ProgressSink
from batch.stored import BLOCK_ROWS, StoredVectors

MOST_APPENDED = 0.2
"""Part of the products that may stand outside of what the lists were learnt from."""

MOST_NOBODYS = 0.2
"""Part of the entries that may be of products that are gone."""

MOST_PARTS = 8
"""Appended parts; one more, and all that was appended becomes one part. Every query visits every part."""

Keys = NDArray[np.uint64]
"""128 bits of a hash over each vector's float16 bytes: uint64 `[n, 2]`."""


class CompactionDue(Exception):
    """The index has to be built anew; the message says why."""


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """The index of the live release.

    Attributes:
        folder: Of the release.
        manifest: Of the release.
        sizes: Entries of each part.
        base_parts: How many of them were filled when the lists were learnt.
    """

    folder: Path
    manifest: ReleaseManifest
    sizes: tuple[int, ...]
    base_parts: int

    def entries(self) -> RowIds:
        """The entry of each of its products, int64 `[products]`."""
        if self.manifest.index.parts:
            return read_entries(self.folder / ENTRIES)
        return np.arange(self.manifest.products)


def append_index(
    vectors: StoredVectors,
    plan: IndexPlan,
    *,
    layout: Layout,
    live: str,
    folder: Path,
    options: BuildOptions,
    memory: int | None,
    progress: ProgressSink,
) -> BuiltIndex:
    """Make the index of a new release from the live one's.

    Args:
        vectors: Of all products.
        plan: What would be built anew.
        layout: The workspace.
        live: Id of the live release.
        folder: The new release's.
        options: See there.
        memory: Most bytes that an open index may take; None sets no limit.
        progress: Is told of rows.

    Raises:
        CompactionDue: There is nothing to append to, or too much has changed since the lists were learnt.
        StoreUnreachable: The workspace's store does not answer, or refuses.
    """
    index = _live_index(layout, live, plan, vectors)
    entries = matched(
        vector_keys(_stored_blocks(index)), vector_keys(block for _, block in vectors.blocks()), index.entries()
    )
    base = sum(index.sizes[: index.base_parts])
    kept = index.sizes
    if len(kept) - index.base_parts >= MOST_PARTS:
        kept = index.sizes[: index.base_parts]
        entries[entries >= base] = -1
    fresh = np.flatnonzero(entries < 0).astype(np.int64)
    sizes = (*kept, len(fresh)) if len(fresh) else kept
    _check_shares(entries, base=base, held=sum(sizes))
    plan = _appended_plan(plan, index, width=2 * vectors.dimension, held=sum(sizes), added=len(fresh))
    if memory is not None and plan.memory_bytes > memory:
        raise CompactionDue("with the vectors of products that are gone it takes more memory than is allowed")
    progress.advanced(len(vectors) - len(fresh))
    files = list(_part_files(index, count=len(kept)))
    for name in files:
        link_or_copy(index.folder / name, folder / name)
    device = index_device(options.device)
    if len(fresh):
        part = faiss.read_index(str(folder / TRAINED))
        quantizer = gpu_quantizer(part, device)
        for first, block in _fresh_blocks(vectors, fresh):
            add(part, block, first=first, quantizer=quantizer)
            progress.advanced(len(block))
        blocks = (block for _, block in _fresh_blocks(vectors, fresh))
        files += write_part(part, plan.kind, folder, number=len(kept), blocks=blocks)
        entries[fresh] = sum(kept) + np.arange(len(fresh))
    write_entries(entries, folder / ENTRIES)
    return BuiltIndex(
        plan=plan,
        parts=sizes,
        base_parts=index.base_parts,
        files=(*files, ENTRIES),
        added=len(fresh),
        device=device,
    )


def _live_index(layout: Layout, release_id: str, plan: IndexPlan, vectors: StoredVectors) -> LiveIndex:
    try:
        pull_release(layout, release_id)
        folder = layout.release(release_id)
        manifest = load_release_manifest(folder, verify=False)
        live = LiveIndex(
            folder=folder,
            manifest=manifest,
            sizes=manifest.index.parts or (manifest.products,),
            base_parts=max(1, manifest.index.base_parts),
        )
        if manifest.index.kind is not plan.kind:
            raise CompactionDue(f"the index of {release_id} is {manifest.index.kind}, of another kind")
        if manifest.model_fingerprint != vectors.fingerprint:
            raise CompactionDue(f"{release_id} has vectors of another model")
        if not (folder / TRAINED).exists():
            raise CompactionDue(f"{release_id} was too small to be appended to")
        files = {*_part_files(live, count=len(live.sizes)), ENTRIES}
        verify_files(folder, [record for record in manifest.files if record.name in files], error=ReleaseCorrupt)
    except StoreUnreachable:
        raise
    except AisleError as error:  # a live release that cannot be read must not keep its successor from coming
        raise CompactionDue(f"the live release cannot be read: {error}") from error
    return live


def _part_files(live: LiveIndex, *, count: int) -> Iterator[str]:
    yield TRAINED
    for part in range(count):
        yield part_name(INDEX, part)
        if live.manifest.index.kind.refined:
            yield part_name(VECTORS, part)


def _stored_blocks(live: LiveIndex) -> Iterator[ProductVectors]:
    index = ProductIndex.open(live.folder, live.manifest.index)
    for first in range(0, len(index), BLOCK_ROWS):
        yield index.vectors(np.arange(first, min(first + BLOCK_ROWS, len(index)), dtype=np.int64))


def _fresh_blocks(vectors: StoredVectors, rows: RowIds) -> Iterator[tuple[int, ProductVectors]]:
    for first in range(0, len(rows), BLOCK_ROWS):
        yield first, vectors.take(rows[first : first + BLOCK_ROWS])


def _check_shares(entries: RowIds, *, base: int, held: int) -> None:
    products = len(entries)
    appended = products - int(np.count_nonzero((entries >= 0) & (entries < base)))
    if appended > MOST_APPENDED * products:
        raise CompactionDue(
            f"{appended:,} of {products:,} products came or changed since its lists were learnt, more than "
            f"{MOST_APPENDED:.0%}"
        )
    nobodys = held - products
    if nobodys > MOST_NOBODYS * held:
        raise CompactionDue(
            f"{nobodys:,} of its {held:,} vectors are of products that are gone or have changed, more than "
            f"{MOST_NOBODYS:.0%}"
        )


def _appended_plan(plan: IndexPlan, live: LiveIndex, *, width: int, held: int, added: int) -> IndexPlan:
    nlist = live.manifest.index.nlist
    memory = held * bytes_per_product(plan.kind, width=width) + 4 * nlist * width
    return replace(
        plan,
        nlist=nlist,
        training_rows=0,
        reason=f"{added:,} products appended to the index of {live.manifest.id}",
        memory_bytes=memory,
        disk_bytes=memory + (2 * width * held if plan.kind.refined else 0),
    )


def vector_keys(blocks: Iterable[ProductVectors]) -> Keys:
    """Know vectors by their bytes, as they are stored.

    Args:
        blocks: float32 `[n, 2 * dimension]` each; every number is a float16.
    """
    found = bytearray()
    for block in blocks:
        for row in np.ascontiguousarray(block, dtype=np.float16):
            found += blake2b(row.data, digest_size=16).digest()
    return np.frombuffer(found, dtype=np.uint64).reshape(-1, 2)


def matched(held: Keys, wanted: Keys, entries: RowIds) -> RowIds:
    """Find an entry for each vector that is held already; equal vectors get one each, in their order.

    Args:
        held: Of what stands in an index.
        wanted: Of what is to stand in the next one.
        entries: int64 `[held]`: where each of `held` stands.

    Returns:
        int64 `[wanted]`; -1 where there is none, or none is left.
    """
    keys = np.concatenate([held, wanted])
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: of equal keys those of `held` come first, both in order
    keys = keys[order]
    begins = np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)])[: len(keys)]
    group = np.cumsum(begins) - 1
    here = order < len(held)
    # How many of `held` precede each within its group: the place of a wanted one among those of its kind follows.
    places = np.arange(len(keys)) - np.flatnonzero(begins)[group]
    count = np.bincount(group[here], minlength=int(begins.sum()))[group]
    partner = np.flatnonzero(begins)[group] + places - count
    found = np.full(len(wanted), -1, dtype=np.int64)
    mine = np.flatnonzero(~here & (places < 2 * count))
    found[order[mine] - len(held)] = entries[order[partner[mine]]]
    return found
