"""CLIP scores, worked out by hand."""

import numpy as np
import pytest

from evaluation.clip_score import clip_scores
from evaluation.titles import TitlePairs


def test_scores_of_own_and_of_other_titles() -> None:
    titles = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    images = np.array([[1, 0], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    report = clip_scores(TitlePairs(titles=titles, images=images))
    assert report is not None
    assert report.pairs == 3
    assert report.clip_score == report.own.mean == pytest.approx(2.5 * (1 + 0.8 + 0) / 3)  # below 0 counts as 0
    assert report.cosine_times_100 == pytest.approx(100 * (1 + 0.8 - 1) / 3)  # and here it does not
    assert report.own.percent_50 == pytest.approx(2.5 * 0.8)
    assert (report.own.percent_25, report.own.percent_75) == pytest.approx((1.0, 2.25))
    assert report.others is not None
    # title 0: 0.6, -1; title 1: 0, 0; title 2: 1, 0.6
    assert report.others.mean == pytest.approx(2.5 * (0.6 + 1 + 0.6) / 6)
    assert "Hessel" in report.source
    assert report.formula == "2.5 * max(cos, 0)"


def test_of_many_pairs_a_thousand_are_crossed() -> None:
    titles = np.zeros((2500, 2), dtype=np.float32)
    titles[np.arange(2500), np.arange(2500) % 2] = 1
    report = clip_scores(TitlePairs(titles=titles, images=titles))
    assert report is not None
    assert report.pairs == 2500
    assert report.clip_score == pytest.approx(2.5)
    assert report.others is not None
    assert 1.0 < report.others.mean < 1.5


def test_one_pair_has_no_others_and_none_has_no_report() -> None:
    one = np.array([[1, 0]], dtype=np.float32)
    report = clip_scores(TitlePairs(titles=one, images=one))
    assert report is not None
    assert report.others is None
    assert clip_scores(TitlePairs(titles=one[:0], images=one[:0])) is None
