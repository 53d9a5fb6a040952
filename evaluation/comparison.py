"""One fine-tuning run, judged: what `report.json` holds and `report.html` shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evaluation.examples import TITLE, Hit, words_of
from evaluation.history import History
from evaluation.judged import KindReport
from evaluation.relevance import RelevanceReport
from evaluation.trial import Trial


@dataclass(frozen=True, slots=True)
class Grid:
    """What both models answer to one example.

    Attributes:
        query: What was typed.
        asks: In words: "title", or the template's columns.
        relevant: How many products it asks for.
        wanted: The row of the one product that a title asks for; None of other queries.
        before: The first model's hits, best first; None when there was no model before.
        after: The second model's.
    """

    query: str
    asks: str
    relevant: int
    wanted: int | None
    before: tuple[Hit, ...] | None
    after: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run and its figures on held-out products.

    Attributes:
        catalog: Where the products are from.
        before_name: The checkpoint that training began with; None from scratch.
        after_name: The checkpoint that it ended with.
        held_out: Rows that training never saw and the figures are over.
        settings: Of the run, name to value.
        history: Of the run.
        before: Figures of the first model; None from scratch or where nothing is held out.
        after: Figures of the second model; None where nothing is held out.
        grids: Example queries.
    """

    catalog: str
    before_name: str | None
    after_name: str
    held_out: int
    settings: Mapping[str, object]
    history: History
    before: RelevanceReport | None
    after: RelevanceReport | None
    grids: tuple[Grid, ...]

    @property
    def shown_rows(self) -> frozenset[int]:
        """Rows of the catalog whose pictures are looked at."""
        hits = {hit.row for grid in self.grids for hit in (*(grid.before or ()), *grid.after)}
        return frozenset(hits | {grid.wanted for grid in self.grids if grid.wanted is not None})


def side_by_side(before: Trial | None, after: Trial) -> tuple[Grid, ...]:
    """The hits of both models for each example; both were tried on the same products."""
    return tuple(
        Grid(
            query=example.text,
            asks=example.asks,
            relevant=len(example.relevant),
            wanted=example.relevant[0] if example.asks == TITLE else None,
            before=before.hits[place] if before is not None else None,
            after=after.hits[place],
        )
        for place, example in enumerate(after.examples)
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after.

    Attributes:
        name: Of the figure.
        before: None when there was no model before.
        after: The figure now.
        digits: After the point, as it is shown.
        share: Whether it runs from 0, the worst, to 1, the best. CLIP scores do not: more is not better by itself.
    """

    name: str
    before: float | None
    after: float
    digits: int = 3
    share: bool = True


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """The figures of one task.

    Attributes:
        task: In words.
        note: How many queries, and among what.
        changes: Its figures.
    """

    task: str
    note: str
    changes: tuple[Change, ...]


def change_groups(before: RelevanceReport | None, after: RelevanceReport) -> list[ChangeGroup]:
    """All figures side by side.

    Args:
        before: Over the same products and tasks; None when there was no model before.
        after: The figures now.
    """
    return list(_groups(before, after))


def _groups(before: RelevanceReport | None, after: RelevanceReport) -> Iterator[ChangeGroup]:
    if after.titles is not None:
        past = before.titles if before else None
        names = {"recall@1": "recall_at_1", "recall@10": "recall_at_10", "MRR": "mean_reciprocal_rank"}
        changes = tuple(_change(name, key, past, after.titles) for name, key in names.items())
        yield ChangeGroup("Title to picture", f"{after.titles.products:,} titles", changes)
    for task, found, earlier in (
        ("Attributes to products", after.attributes, before.attributes if before else ()),
        ("Category to products", after.categories, before.categories if before else ()),
    ):
        known = {report.kind: report for report in earlier}
        for report in found:
            yield _kind(f"{task}: {words_of(report.kind)}", "queries", report, known.get(report.kind))
    if after.pictures is not None:
        task = f"Picture to pictures of the same {words_of(after.pictures.kind)}"
        yield _kind(task, "pictures", after.pictures, before.pictures if before else None)
    if after.clip_score is not None:
        past_score = before.clip_score if before else None
        changes = (
            _change("2.5·max(cos, 0)", "clip_score", past_score, after.clip_score, share=False),
            _change("100·cos", "cosine_times_100", past_score, after.clip_score, digits=1, share=False),
        )
        others, past_others = after.clip_score.others, past_score.others if past_score else None
        if others is not None:
            changes += (_change("2.5·max(cos, 0) of other titles", "mean", past_others, others, share=False),)
        yield ChangeGroup("CLIP score", f"{after.clip_score.pairs:,} pictures and titles", changes)


def _kind(task: str, asked: str, after: KindReport, before: KindReport | None) -> ChangeGroup:
    names = {
        "precision@1": "precision_at_1",
        "precision@10": "precision_at_10",
        "recall@10, capped": "recall_at_10",
        "MRR": "mean_reciprocal_rank",
    }
    changes = tuple(_change(name, key, before, after) for name, key in names.items())
    return ChangeGroup(task, f"{after.queries:,} {asked}", changes)


def _change(
    name: str, key: str, before: object | None, after: object, *, digits: int = 3, share: bool = True
) -> Change:
    past = None if before is None else float(getattr(before, key))
    return Change(name, past, float(getattr(after, key)), digits, share)
