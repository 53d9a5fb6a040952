"""Titles among pictures, ranked by hand."""

import numpy as np
import pytest

from evaluation.titles import RecallAt, pair_titles, titles_to_pictures
from tests.evaluation.axes import AxisEncoder, catalog


def test_titles_are_asked_among_all_pictures() -> None:
    shown = ["red bag", "red bag", "blue bag", "red shoe"]
    pairs = pair_titles(catalog("red bag", "red bag", "blue bag", "blue shoe", shown=shown), AxisEncoder())
    report = titles_to_pictures(pairs)
    assert report is not None
    # Two equal titles find the first of two equal pictures: places 1 and 2. "blue bag" finds its own. "blue shoe" is
    # as near to "blue bag" as to its own "red shoe", which comes later: place 2.
    assert report.products == 4
    assert report.recall_at_1 == pytest.approx(2 / 4)
    assert report.recall_at_10 == 1.0
    assert report.mean_reciprocal_rank == pytest.approx((1 + 1 / 2 + 1 + 1 / 2) / 4)
    assert report.curve == (RecallAt(1, 0.5), RecallAt(2, 1.0), RecallAt(5, 1.0), RecallAt(10, 1.0))


def test_products_without_a_picture_or_a_title_are_neither_asked_nor_found() -> None:
    found = pair_titles(
        catalog("red bag", None, "blue shoe", shown=[None, "red bag", "blue shoe"]),
        AxisEncoder(),
    )
    assert len(found.titles) == len(found.images) == 1
    np.testing.assert_allclose(found.images, found.titles, atol=1e-6)


def test_without_pairs_there_is_no_report() -> None:
    assert titles_to_pictures(pair_titles(catalog("red bag", shown=[None]), AxisEncoder())) is None
