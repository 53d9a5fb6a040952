"""A catalog made ready: texts, decoded pictures, and the split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aisle.errors import CatalogError
from aisle.sources import Source, open_source
from aisle.split import held_out
from train.pairs import MISSING, Menu, Rows, read_menu, roles_of
from train.pictures import Pictures, decode_pictures
from train.recipe import CatalogRecipe
from train.rivals import Rivals, read_rivals

_LEAST = 2
"""Products below which nothing can be contrasted."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """One catalog to learn from.

    Attributes:
        recipe: How it is read.
        menu: Its texts, one row per row of the catalog.
        pictures: Its pictures, likewise.
        training: Row numbers to learn from, int64.
        validation: Row numbers held out, int64.
        rejected: Row number to the reason why it is in neither.
        rivals: What its products are, when rivals are to be shown together.
    """

    recipe: CatalogRecipe
    menu: Menu
    pictures: Pictures
    training: Rows
    validation: Rows
    rejected: dict[int, str]
    rivals: Rivals | None


@dataclass(frozen=True, slots=True)
class OpenCatalog:
    """A catalog whose texts were read and whose pictures were not."""

    recipe: CatalogRecipe
    source: Source
    image: str
    menu: Menu
    rivals: Rivals | None


def open_catalog(recipe: CatalogRecipe, *, hard_negatives: bool) -> OpenCatalog:
    """Open a catalog and read its texts.

    Args:
        recipe: How.
        hard_negatives: Whether to read what its products are.

    Raises:
        CatalogError: It has no location, cannot be read, or lacks what its recipe names.
    """
    if not recipe.location:
        raise CatalogError(f"the recipe does not say where catalog {recipe.name} is: give {recipe.name}=PATH")
    source = open_source(recipe.location)
    roles = roles_of(source, recipe)
    image = roles.image or ""  # roles_of refuses a catalog without pictures
    return OpenCatalog(
        recipe=recipe,
        source=source,
        image=image,
        menu=read_menu(source, roles, recipe),
        rivals=read_rivals(source, roles, recipe) if hard_negatives else None,
    )


def prepare_corpus(catalog: OpenCatalog, *, side: int, folder: Path) -> Corpus:
    """Decode the pictures and split the products.

    Args:
        catalog: With its texts read.
        side: Of the stored pictures, in pixels.
        folder: Where decoded pictures are kept.

    Raises:
        CatalogError: Fewer than two products can be learned from, or all have one text.
    """
    recipe, menu = catalog.recipe, catalog.menu
    pictures = decode_pictures(
        catalog.source, catalog.image, menu.ids, side=side, folder=folder, location=recipe.location
    )
    rejected = dict(pictures.faults)
    texted = (menu.codes != MISSING).any(axis=1)
    rejected.update({int(row): "the product has no text" for row in np.flatnonzero(~texted)})
    rejected.update({row: "the product has no id" for row, id_ in enumerate(menu.ids) if not id_})
    usable = np.ones(len(menu.ids), dtype=np.bool_)
    usable[list(rejected)] = False
    out = held_out(menu.ids, share=recipe.validation)
    training = np.flatnonzero(usable & ~out)
    if len(training) < _LEAST:
        raise CatalogError(
            f"catalog {recipe.name}: {len(training)} of {len(menu.ids):,} rows have a picture and a text and are not "
            f"held out; at least {_LEAST} are needed to learn from"
        )
    if not (menu.codes[training] != menu.codes[training[0]]).any():
        raise CatalogError(
            f"catalog {recipe.name}: all {len(training):,} products have the same texts: there is nothing to tell apart"
        )
    return Corpus(
        recipe=recipe,
        menu=menu,
        pictures=pictures,
        training=training,
        validation=np.flatnonzero(usable & out),
        rejected=rejected,
        rivals=catalog.rivals,
    )
