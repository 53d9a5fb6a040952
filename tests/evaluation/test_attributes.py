"""Queries out of attributes: what they are true of, and figures worked out by hand."""

import numpy as np
import pytest

from evaluation.attributes import NOTHING, attributes_to_products, pictures_to_pictures, questions
from tests.evaluation.axes import AxisEncoder, catalog

COLOURED = "{colour} {article}"


def test_each_distinct_text_is_a_query_true_of_those_that_say_it() -> None:
    asked = questions(catalog("Red bag", "blue bag", None, "red Bag", "blue shoe").products, COLOURED)
    assert asked.texts == ["blue bag", "blue shoe", "red bag"]
    assert asked.answers.tolist() == [2, 0, NOTHING, 2, 1]
    assert asked.relevant.tolist() == [1, 1, 2]
    assert asked.values[2] == {"colour": "Red", "article": "bag"}


def test_figures_of_attributes() -> None:
    shown = catalog("red bag", "red bag", "blue bag", "blue shoe", shown=["red bag", "blue bag", "blue bag", "shoe"])
    report = attributes_to_products(shown, questions(shown.products, COLOURED), AxisEncoder())
    # "blue bag" finds the picture of product 1 first, then its own; "blue shoe" has cosine 1/2 with both blue bags and
    # 0.71 with its own; "red bag" finds product 0, then product 1 (cosine 1/2, before product 2).
    assert (report.kind, report.queries) == (COLOURED, 3)
    assert report.precision_at_1 == pytest.approx((0 + 1 + 1) / 3)
    assert report.precision_at_10 == pytest.approx((1 + 1 + 2) / 30)
    assert report.recall_at_10 == 1.0
    assert report.mean_reciprocal_rank == pytest.approx((1 / 2 + 1 + 1) / 3)


def test_recall_is_capped_at_ten_relevant_products() -> None:
    shown = catalog(*["red bag"] * 15, *["blue bag"] * 5, shown=[*["red bag"] * 15, *["blue bag"] * 3, "shoe", "shoe"])
    report = attributes_to_products(shown, questions(shown.products, COLOURED), AxisEncoder())
    # "red bag": ten of fifteen are all that ten places hold. "blue bag": three, then fifteen red bags come nearer.
    assert report.recall_at_10 == pytest.approx((1 + 3 / 5) / 2)


def test_pictures_find_others_of_their_article_and_never_themselves() -> None:
    shown = catalog(
        "red bag", "blue bag", "red shoe", None, "blue hat", shown=["red bag", "bag", "red", "red bag", "shoe"]
    )
    report = pictures_to_pictures(shown, questions(shown.products, "{article}"))
    # Bags alone have another of their kind. Product 0 finds product 3 (equal, no article), then 1 and 2 (0.71 both).
    # Product 1 finds 0 and 3 (0.71 both), the earlier first.
    assert report is not None
    assert report.queries == 2
    assert report.precision_at_1 == pytest.approx((0 + 1) / 2)
    assert report.precision_at_10 == pytest.approx(1 / 10)
    assert report.recall_at_10 == 1.0
    assert report.mean_reciprocal_rank == pytest.approx((1 / 2 + 1) / 2)


def test_without_two_of_a_kind_no_picture_is_asked_for() -> None:
    shown = catalog("red bag", "red shoe")
    assert pictures_to_pictures(shown, questions(shown.products, "{article}")) is None
    nothing = catalog(None, shown=["red bag"])
    assert pictures_to_pictures(nothing, questions(nothing.products, "{article}")) is None
    assert questions(nothing.products, "{article}").relevant.tolist() == []
    assert np.issubdtype(questions(nothing.products, "{article}").answers.dtype, np.int64)
