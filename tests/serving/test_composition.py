"""Sums of parts, where float32 makes itself felt. (What they mean: test_engine, test_algebra.)"""

import math

import numpy as np
import pytest

from aisle.errors import InvalidQuery
from aisle.vectors import HalfWeights
from serving.composition import compose
from serving.query import TextPart

EVEN = HalfWeights(image=0.5, text=0.5)
AXES = np.eye(3, dtype=np.float32)
LENGTH = math.sqrt(14)


def test_what_is_left_of_parts_that_cancel_out_is_noise_and_no_query():
    """(1, 2, 3) minus its components: in float32 that is 6e-8 and not nothing."""
    parts = (TextPart("sum"), *(TextPart(axis, -size / LENGTH) for axis, size in zip("xyz", (1, 2, 3), strict=True)))
    vectors = [np.float32([1, 2, 3]) / np.float32(LENGTH), *AXES]
    rest = sum(np.float32(part.weight) * vector for part, vector in zip(parts, vectors, strict=True))
    assert 0 < np.linalg.norm(rest) < 1e-6
    with pytest.raises(InvalidQuery, match="cancel"):
        compose(parts, vectors, halves=EVEN)


def test_one_half_may_cancel_out_and_the_other_go_on():
    """Two products that look the same and say something else: only what they say is compared."""
    vectors = [np.stack([AXES[0], AXES[1]]), np.stack([AXES[0], AXES[2]])]
    composition = compose((TextPart("this"), TextPart("not that", -1.0)), vectors, halves=EVEN)
    expected = [0, 0, 0, 0, 0.5 / math.sqrt(2), -0.5 / math.sqrt(2)]
    np.testing.assert_allclose(composition.vector[0], expected, atol=1e-6)
    assert not composition.terms[:, 0].any()


def test_a_half_without_weight_is_not_searched():
    composition = compose((TextPart("x"),), [AXES[0]], halves=HalfWeights(image=0.0, text=1.0))
    assert composition.vector.tolist() == [[0, 0, 0, 1, 0, 0]]


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_only_ratios_of_weights_matter(size):
    composition = compose((TextPart("x", 3 * size), TextPart("y", -4 * size)), list(AXES[:2]), halves=EVEN)
    np.testing.assert_allclose(composition.vector[0], [0.3, -0.4, 0, 0.3, -0.4, 0], atol=1e-7)
