"""Figures of the parity gate, by hand."""

import math

import numpy as np
import pytest

from aisle.manifest import Precision
from export.bundle import ParityRow, _choose
from export.parity import GATES, Gate, ParityFigures, SampleVectors, compare, overlap_at_10
from export.speed import Speed

PERFECT = ParityFigures(1, 1, 1, 1, 1, 1)


def test_overlap_counts_the_right_ones_of_ten() -> None:
    reference = np.arange(20, dtype=np.float32)[None]  # the top ten are 10..19
    assert overlap_at_10(reference, reference) == 1
    candidate = reference.copy()
    candidate[0, :3] = 100  # three of the worst come first
    assert overlap_at_10(candidate, reference) == pytest.approx(0.7)
    assert overlap_at_10(-reference, reference) == 0


def test_overlap_forgives_what_the_reference_itself_holds_equal() -> None:
    reference = np.array([[*range(10, 20), *([9.999] * 5), *range(5)]], dtype=np.float32)
    candidate = reference.copy()
    candidate[0, 0] = 0  # the reference's tenth, replaced by one that scores a thousandth less
    assert overlap_at_10(candidate, reference) == 1
    reference[0, 10:15] = 9
    assert overlap_at_10(candidate, reference) == pytest.approx(0.9)


def test_overlap_of_constant_scores_is_perfect() -> None:
    reference = np.full((3, 30), 0.9, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 1e-7, reference.shape).astype(np.float32)
    assert overlap_at_10(reference + noise, reference) == 1


def test_overlap_of_few_pictures_takes_them_all() -> None:
    reference = np.array([[1, 2, 3]], dtype=np.float32)
    assert overlap_at_10(-reference, reference) == 1


def test_figures_of_a_turned_vector() -> None:
    unit = np.eye(12, dtype=np.float32)
    turned = unit.copy()
    turned[0, :2] = (0.8, 0.6)
    figures = compare(SampleVectors(images=turned, texts=unit), SampleVectors(images=unit, texts=unit))
    assert figures.image_worst_cosine == pytest.approx(0.8)
    assert figures.image_mean_cosine == pytest.approx((11 + 0.8) / 12)
    assert (figures.text_mean_cosine, figures.text_worst_cosine) == (1, 1)


def test_image_to_image_leaves_the_picture_itself_out() -> None:
    images = np.eye(11, dtype=np.float32)
    # Ten others per picture: all of them are its top ten, whatever the candidate says.
    shuffled = SampleVectors(images=images[::-1].copy(), texts=images)
    assert compare(shuffled, SampleVectors(images=images, texts=images)).image_to_image_overlap == 1


def test_shortfalls_name_figure_and_threshold() -> None:
    gate = Gate(mean_cosine=0.99, worst_cosine=0.9, overlap=0.8)
    assert PERFECT.shortfalls(gate) == ()
    figures = ParityFigures(0.98, 0.95, 1, math.nan, 0.8, 0.79)
    assert figures.shortfalls(gate) == (
        "image cosine, mean 0.9800 (needs 0.99)",
        "text cosine, worst nan (needs 0.9)",
        "top-10 overlap, image to image 0.7900 (needs 0.8)",
    )


def row(precision: Precision, images_per_s: float, *shortfalls: str) -> ParityRow:
    return ParityRow(precision, PERFECT, Speed(images_per_s=images_per_s, texts_per_s=1), shortfalls)


def test_the_fastest_that_passes_is_chosen() -> None:
    full, fast = row(Precision.FLOAT32, 100), row(Precision.INT8, 300)
    assert _choose("m", (fast, full), forced=False) is fast
    assert _choose("m", (row(Precision.INT8, 300, "too low"), full), forced=False) is full
    assert _choose("m", (row(Precision.INT8, 110), full), forced=False) is full  # not worth it
    assert _choose("m", (row(Precision.INT8, 50), full), forced=False) is full


def test_gates_tighten_with_the_precision() -> None:
    wide, half, small = (GATES[p] for p in (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8))
    assert wide.mean_cosine >= half.mean_cosine >= small.mean_cosine
    assert wide.overlap >= half.overlap >= small.overlap
