"""Which index a release gets, what it will take, and why."""

import math
import re
from dataclasses import dataclass

from aisle.errors import SettingsError
from aisle.manifest import IndexKind

EXACT_UP_TO = 50_000
"""Products up to which an exact scan is fast enough: about 2 ms a query on one core at 2 x 512 dimensions."""

LEAST_TRAINING_ROWS = 39
"""Per list: below it FAISS warns that the k-means is poor."""

TRAINING_ROWS = 64
"""Per list, where there are that many."""

TRAINING_BYTES = 4 * 2**30
"""Most memory that the training sample may take: beyond some ten million products lists grow longer, not more."""

GRAPH_NEIGHBOURS = 32
"""Of a node of an HNSW graph; twice as many on its lowest layer."""

BY_SIZE = (IndexKind.IVF, IndexKind.IVF_SQ8, IndexKind.IVF_PQ, IndexKind.IVF_RABITQ)
"""Kinds for many products, the fastest and largest first."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """How an index is built.

    Attributes:
        kind: The family.
        nlist: Inverted lists; 0 where there are none.
        training_rows: Products that lists and codes are learnt from; 0 where nothing is.
        memory_bytes: What one open index takes, all of it in use. `vectors.npy` is not in it: it is read from the disk.
        disk_bytes: Of the index and `vectors.npy`.
        reason: Why, in words.
    """

    kind: IndexKind
    nlist: int
    training_rows: int
    reason: str
    memory_bytes: int = 0
    disk_bytes: int = 0


def plan_index(
    products: int,
    *,
    width: int,
    memory: int | None = None,
    recall_target: float = 0.99,
    forced: IndexKind | None = None,
) -> IndexPlan:
    """Choose by the number of products, the memory they may take and the recall they must have.

    Args:
        products: At least 1.
        width: Length of a product vector: two halves.
        memory: Most bytes that an open index may take; None sets no limit.
        recall_target: Only an exact scan promises 1.
        forced: The kind that was asked for; None chooses.

    Raises:
        SettingsError: No kind fits into `memory`, or the forced one does not.
    """
    if forced is not None:
        plan = _plan(forced, products, width=width, why=f"{products:,} products, and {forced} was asked for")
        if memory is not None and plan.memory_bytes > memory:
            raise SettingsError(
                f"an index of the kind {forced} over {products:,} products takes {in_words(plan.memory_bytes)} of "
                f"memory, and at most {in_words(memory)} are allowed: choose another --index, or raise --memory"
            )
        return plan
    kinds: tuple[IndexKind, ...] = BY_SIZE
    why = f"{products:,} products, and exact is the choice up to {EXACT_UP_TO:,}"
    if products <= EXACT_UP_TO:
        kinds = (IndexKind.EXACT, *BY_SIZE)
    elif recall_target >= 1.0:
        kinds, why = (IndexKind.EXACT,), f"{products:,} products, and only an exact scan promises a recall of 1"
    plans = [_plan(kind, products, width=width, why=why) for kind in kinds]
    fitting = [plan for plan in plans if memory is None or plan.memory_bytes <= memory]
    if not fitting:
        raise SettingsError(
            f"{products:,} products take at least {in_words(plans[-1].memory_bytes)} of memory (as {kinds[-1]}), and "
            f"at most {in_words(memory or 0)} are allowed: raise --memory" + _or_lower(recall_target)
        )
    if fitting[0] is plans[0]:
        return plans[0]
    why = (
        f"{products:,} products: {plans[0].kind} would take {in_words(plans[0].memory_bytes)}, and at most "
        f"{in_words(memory or 0)} are allowed"
    )
    return _plan(fitting[0].kind, products, width=width, why=why)


def _or_lower(recall_target: float) -> str:
    return ", or lower --recall-target" if recall_target >= 1.0 else ""


def _plan(kind: IndexKind, products: int, *, width: int, why: str) -> IndexPlan:
    nlist, training_rows = 0, 0
    if kind.has_lists:
        most = TRAINING_BYTES // (4 * width)
        by_size, by_training = round(4 * math.sqrt(products)), min(products, most) // LEAST_TRAINING_ROWS
        nlist = max(1, min(by_size, by_training))
        training_rows = min(products, nlist * TRAINING_ROWS, most)
        chosen = "4 x the square root" if by_size <= by_training else f"{LEAST_TRAINING_ROWS} products to learn each"
        why = f"{why}; {nlist:,} lists: {chosen}"
    memory = products * bytes_per_product(kind, width=width) + 4 * nlist * width
    return IndexPlan(
        kind=kind,
        nlist=nlist,
        training_rows=training_rows,
        reason=why,
        memory_bytes=memory,
        disk_bytes=memory + (2 * width * products if kind.refined else 0),
    )


def bytes_per_product(kind: IndexKind, *, width: int) -> int:
    """What one product takes in an open index: its code, its id, and the number of its list."""
    match kind:
        case IndexKind.EXACT:
            return 2 * width + 48  # the row's id both ways, once in a hash table
        case IndexKind.HNSW:
            return 2 * width + 4 * (2 * GRAPH_NEIGHBOURS + 4) + 16
        case IndexKind.IVF:
            return 2 * width + 8 + 4 + 8  # and its place, to read it back
        case IndexKind.IVF_SQ8:
            return width + 8 + 4
        case IndexKind.IVF_PQ:
            return width // 4 + 8 + 4
        case IndexKind.IVF_RABITQ:
            return -(-width // 8) + 8 + 8 + 4  # two factors beside the bits


def in_words(count: int) -> str:
    """Bytes for people: `1.5 GB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def read_bytes(text: str) -> int:
    """A number of bytes as people write it: `8GB`, `500 MB`, `1.5 TB`, `1000000`. A kB has 1000.

    Raises:
        SettingsError: It is none.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)b?\s*", text.lower())
    if not found or not (count := int(float(found[1]) * 1000 ** "_kmgt".index(found[2] or "_"))):
        raise SettingsError(f"{text!r} is no amount of memory; write 8GB or 500MB")
    return count
