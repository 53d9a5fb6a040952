"""Retrieval figures as tables, and what a reader must know beside them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from cli.console import escape, table

if TYPE_CHECKING:
    from evaluation.judged import KindReport
    from evaluation.relevance import RelevanceReport
    from evaluation.tasks import Tasks


def words(kind: str) -> str:
    """A kind or a template for people: "colour_article" as "colour article"."""
    return kind.replace("{", "").replace("}", "").replace("_", " ")


def kinds_table(title: str, reports: "Sequence[KindReport]", *, asked: str = "queries") -> Table:
    """One line per kind of query."""
    rows = table("query", f">{asked}", ">precision@1", ">precision@10", ">recall@10", ">MRR", title=f"\n{title}")
    for report in reports:
        rows.add_row(
            escape(words(report.kind)),
            f"{report.queries:,}",
            f"{report.precision_at_1:.3f}",
            f"{report.precision_at_10:.3f}",
            f"{report.recall_at_10:.3f}",
            f"{report.mean_reciprocal_rank:.3f}",
        )
    return rows


def relevance_tables(report: "RelevanceReport") -> Iterator[Table]:
    """One table per task that the catalog has columns for."""
    if report.titles is not None:
        rows = table(">titles", ">recall@1", ">recall@10", ">MRR", title="\ntitle to picture")
        rows.add_row(
            f"{report.titles.products:,}",
            f"{report.titles.recall_at_1:.3f}",
            f"{report.titles.recall_at_10:.3f}",
            f"{report.titles.mean_reciprocal_rank:.3f}",
        )
        yield rows
    if report.attributes:
        yield kinds_table("attributes to products", report.attributes)
    if report.categories:
        yield kinds_table("category to products", report.categories)
    if report.pictures is not None:
        yield kinds_table("picture to pictures of the same", [report.pictures], asked="pictures")
    if report.clip_score is not None:
        rows = table(">pairs", ">2.5·max(cos, 0)", ">of other titles", ">100·cos", title="\nCLIP score")
        others = report.clip_score.others
        rows.add_row(
            f"{report.clip_score.pairs:,}",
            f"{report.clip_score.clip_score:.3f}",
            "" if others is None else f"{others.mean:.3f}",
            f"{report.clip_score.cosine_times_100:.1f}",
        )
        yield rows


def relevance_notes(report: "RelevanceReport", tasks: "Tasks") -> Iterator[str]:
    """Among what was searched, what was left out, what was not asked, and what the figures are."""
    without = f"; {report.without_picture:,} without a picture that can be read" if report.without_picture else ""
    left = f"; {report.left_out:,} rows are no products" if report.left_out else ""
    yield f"searched the pictures of {report.products:,} products{without}{left}"
    if report.titles is None:
        yield "no product has a title: name their column with --title"
    if not tasks.attributes:
        yield "no queries out of attributes: name some with --template '{colour} {kind}'"
    if tasks.article is None:
        yield "no attribute is known to say what kind of thing a product is: name it with --article"
    if report.clip_score is not None:
        yield (
            f"CLIP score: {report.clip_score.formula} ({report.clip_score.source}); others quote 100 * cos, as logits. "
            "recall@10 of attributes, categories and pictures is capped at ten relevant products"
        )
