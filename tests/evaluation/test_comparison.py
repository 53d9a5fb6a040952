"""Two models side by side."""

import dataclasses

import pytest

from evaluation.comparison import change_groups, side_by_side
from tests.evaluation.runs import BLIND, SEEING, comparison


def test_every_figure_stands_beside_its_former_self() -> None:
    groups = change_groups(BLIND.report, SEEING.report)
    assert [group.task for group in groups] == [
        "Title to picture",
        "Attributes to products: colour article",
        "Category to products: article",
        "Picture to pictures of the same article",
        "CLIP score",
    ]
    titles, coloured, _, pictures, score = groups
    assert titles.note == "16 titles"
    assert [(one.name, one.before, one.after) for one in titles.changes] == [
        ("recall@1", BLIND.report.titles.recall_at_1, SEEING.report.titles.recall_at_1),
        ("recall@10", BLIND.report.titles.recall_at_10, 1.0),
        ("MRR", BLIND.report.titles.mean_reciprocal_rank, SEEING.report.titles.mean_reciprocal_rank),
    ]
    assert [(one.name, one.before, one.after) for one in coloured.changes[:2]] == [
        ("precision@1", 0.0, 1.0),
        ("precision@10", 0.0, 0.4),
    ]
    assert pictures.note == "16 pictures"
    assert [(one.name, one.share) for one in score.changes] == [
        ("2.5·max(cos, 0)", False),
        ("100·cos", False),
        ("2.5·max(cos, 0) of other titles", False),
    ]
    assert (score.changes[0].before, score.changes[0].after) == pytest.approx((0.0, 2.5))


def test_kinds_are_matched_by_name_not_by_place() -> None:
    other = dataclasses.replace(BLIND.report.attributes[0], kind="{article} in {colour}", precision_at_1=0.75)
    before = dataclasses.replace(BLIND.report, attributes=(other, BLIND.report.attributes[0]))
    (group,) = [one for one in change_groups(before, SEEING.report) if one.task.endswith("colour article")]
    assert group.changes[0].before == 0.0


def test_from_scratch_there_is_no_before() -> None:
    groups = change_groups(None, SEEING.report)
    assert len(groups) == 5
    assert all(change.before is None for group in groups for change in group.changes)


def test_hits_of_both_and_what_was_wanted_are_shown() -> None:
    before, after = SEEING.hits[0][:1], SEEING.hits[0][1:2]
    grid = dataclasses.replace(comparison().grids[-1], before=before, after=after, wanted=990)
    assert comparison(grids=(grid,)).shown_rows == {before[0].row, after[0].row, 990}
    alone = dataclasses.replace(grid, before=None, wanted=None)
    assert comparison(grids=(alone,)).shown_rows == {after[0].row}


def test_grids_hold_both_answers_to_one_query() -> None:
    grids = side_by_side(BLIND, SEEING)
    assert [(grid.query, grid.asks, grid.relevant) for grid in grids[:1]] == [("blue bag", "colour article", 4)]
    assert grids[0].before is not None
    assert [hit.relevant for hit in grids[0].before] == [False] * 4
    assert [hit.relevant for hit in grids[0].after] == [True] * 4
    assert (grids[0].wanted, grids[-1].asks) == (None, "title")
    assert grids[-1].wanted == SEEING.examples[-1].relevant[0]
    assert all(grid.before is None for grid in side_by_side(None, SEEING))
