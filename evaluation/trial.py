"""One model tried on some rows of a catalog: all its figures, and what it finds for example queries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aisle.catalog import Roles
from aisle.sources import Source
from aisle.types import RowIds
from evaluation.encoded import CatalogEncoder, encode_catalog
from evaluation.examples import Example, Hit, choose_examples, find_hits
from evaluation.relevance import RelevanceReport, measure_relevance, with_pictures
from evaluation.tasks import choose_tasks


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        report: The figures.
        examples: Queries, which depend on the products alone.
        hits: The model's answer to each, best first.
    """

    report: RelevanceReport
    examples: tuple[Example, ...]
    hits: tuple[tuple[Hit, ...], ...]


def try_model(
    source: Source,
    roles: Roles,
    encoder: CatalogEncoder,
    *,
    rows: RowIds,
    progress: Callable[[int], None],
    templates: Sequence[str] = (),
) -> Trial:
    """Encode the rows and ask everything that the catalog's columns allow.

    Args:
        source: The catalog.
        roles: Its column roles; with an image.
        encoder: The model.
        rows: Rows to search, in ascending order; at least one.
        progress: Called with the number of products whose pictures are done.
        templates: Queries out of attributes; none for a guess.

    Raises:
        CatalogError: A column is missing, no row has a picture that can be read, or a template asks nothing.
    """
    catalog = encode_catalog(source, roles, encoder, rows=rows, with_texts=False, progress=progress)
    tasks = choose_tasks(catalog.products, roles, templates=templates)
    shown = with_pictures(catalog)
    examples = choose_examples(shown, tasks)
    return Trial(
        report=measure_relevance(catalog, tasks, encoder),
        examples=tuple(examples),
        hits=tuple(find_hits(shown, examples, encoder)),
    )
