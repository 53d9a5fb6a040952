"""All figures of one model at once."""

import dataclasses
import json

import pytest

from aisle.errors import CatalogError
from evaluation.relevance import measure_relevance
from evaluation.tasks import Tasks, choose_tasks
from tests.evaluation.axes import ROLES, AxisEncoder, catalog

FOUR = ("red bag", "blue bag", "red shoe", "blue shoe")


def test_a_model_that_sees_everything_gets_everything_right() -> None:
    shown = catalog(*FOUR, "red bag", shown=[*FOUR, None])
    report = measure_relevance(
        dataclasses.replace(shown, left_out=3), choose_tasks(shown.products, ROLES), AxisEncoder()
    )
    assert (report.products, report.without_picture, report.left_out) == (4, 1, 3)
    assert report.titles is not None
    assert (report.titles.products, report.titles.recall_at_1) == (4, 1.0)
    (coloured,) = report.attributes
    assert (coloured.kind, coloured.queries, coloured.precision_at_1) == ("{colour} {article}", 4, 1.0)
    assert [one.kind for one in report.categories] == ["{article}"]
    assert report.categories[0].precision_at_1 == 1.0
    assert report.pictures is not None
    assert (report.pictures.queries, report.pictures.recall_at_10) == (4, 1.0)
    assert report.clip_score is not None
    assert report.clip_score.clip_score == pytest.approx(2.5)
    assert json.loads(json.dumps(dataclasses.asdict(report)))["titles"]["curve"][0] == {"k": 1, "recall": 1.0}


def test_what_a_catalog_has_no_columns_for_is_not_asked() -> None:
    report = measure_relevance(catalog(None, None, shown=["bag", "shoe"]), Tasks(), AxisEncoder())
    assert (report.titles, report.clip_score, report.pictures) == (None, None, None)
    assert report.attributes == report.categories == ()


def test_a_template_that_no_pictured_product_fills_is_left_out() -> None:
    shown = catalog("red bag", None, shown=[None, "bag"])
    report = measure_relevance(shown, Tasks(attributes=("{colour} {article}",), article="article"), AxisEncoder())
    assert report.attributes == ()
    assert report.pictures is None


def test_without_pictures_there_is_nothing_to_measure() -> None:
    with pytest.raises(CatalogError, match="none of the 2 products has a picture"):
        measure_relevance(catalog("red bag", "red bag", shown=[None, None]), Tasks(), AxisEncoder())
