"""Rows of a catalog that training never sees, for commands that judge by them."""

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Roles, check_roles, identifier
from aisle.errors import CatalogError
from aisle.sources import open_source
from aisle.split import held_out


def held_out_rows(catalog: str, roles: Roles, *, share: float) -> NDArray[np.int64]:
    """Rows of the held-out split, int64, rising.

    Args:
        catalog: What `aisle.sources.open_source` opens.
        roles: Its column roles.
        share: Of all products; see `aisle.split`.

    Raises:
        CatalogError: It cannot be read, lacks a column, or none of its products is held out.
    """
    source = open_source(catalog)
    check_roles(roles, source.schema.names)
    ids = [identifier(value) for part in source.scan([roles.id]) for value in part.column(roles.id).to_pylist()]
    rows = np.flatnonzero(held_out(ids, share=share))
    if not len(rows):
        raise CatalogError(
            f"a share of {share:g} holds out none of {len(ids):,} products of {catalog}: give a larger one"
        )
    return rows
