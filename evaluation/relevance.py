"""All figures of one model on one catalog's products, by their pictures alone."""

from dataclasses import dataclass

import numpy as np

from aisle.errors import CatalogError
from aisle.types import Encoder
from evaluation.attributes import attributes_to_products, pictures_to_pictures, questions
from evaluation.clip_score import ClipScoreReport, clip_scores
from evaluation.encoded import EncodedCatalog
from evaluation.judged import KindReport
from evaluation.tasks import Tasks
from evaluation.titles import TitleReport, pair_titles, titles_to_pictures


@dataclass(frozen=True, slots=True)
class RelevanceReport:
    """The tasks of the fashion retrieval benchmarks. What a catalog has no columns for is None or empty.

    Attributes:
        products: How many were searched: those with a usable picture.
        without_picture: How many have none, or one that cannot be read.
        left_out: How many rows are no products (no id, an id seen before, an attribute of another type).
        titles: Title to picture.
        attributes: Attributes to products, per template.
        categories: Category to products, per template.
        pictures: Picture to pictures of the same article, the own one left out.
        clip_score: Of pictures and their titles.
    """

    products: int
    without_picture: int
    left_out: int
    titles: TitleReport | None
    attributes: tuple[KindReport, ...]
    categories: tuple[KindReport, ...]
    pictures: KindReport | None
    clip_score: ClipScoreReport | None


def measure_relevance(catalog: EncodedCatalog, tasks: Tasks, encoder: Encoder) -> RelevanceReport:
    """Ask everything.

    Args:
        catalog: The products; those without a picture are counted and left out.
        tasks: What to ask beside titles.
        encoder: The model that encoded the catalog.

    Raises:
        CatalogError: No product has a usable picture.
    """
    shown = with_pictures(catalog)
    pairs = pair_titles(shown, encoder)

    def asked(templates: tuple[str, ...]) -> tuple[KindReport, ...]:
        found = [questions(shown.products, template) for template in templates]
        return tuple(attributes_to_products(shown, one, encoder) for one in found if one.texts)

    article = None if tasks.article is None else questions(shown.products, f"{{{tasks.article}}}")
    return RelevanceReport(
        products=len(shown.products),
        without_picture=len(catalog.products) - len(shown.products),
        left_out=catalog.left_out,
        titles=titles_to_pictures(pairs),
        attributes=asked(tasks.attributes),
        categories=asked(tasks.categories),
        pictures=None if article is None else pictures_to_pictures(shown, article),
        clip_score=clip_scores(pairs),
    )


def with_pictures(catalog: EncodedCatalog) -> EncodedCatalog:
    """The products that can be searched by picture.

    Raises:
        CatalogError: There is none.
    """
    if not catalog.pictured.any():
        raise CatalogError(
            f"none of the {len(catalog.products):,} products has a picture that can be read: "
            "check the column of pictures"
        )
    return catalog.take(np.flatnonzero(catalog.pictured))
