import numpy as np
import pytest

from aisle.errors import InvalidQuery
from aisle.vectors import HalfWeights, product_vectors, query_vector, unit_norm


def test_unit_norm_keeps_zero_rows() -> None:
    rows = unit_norm(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]])
    assert rows.dtype == np.float32


def test_the_inner_product_is_the_weighted_cosine_sum() -> None:
    image, text, query = np.float32([[1, 0]]), np.float32([[0.6, 0.8]]), np.float32([[0, 1]])
    products = product_vectors(image, text)
    for w_image, w_text in [(1, 0), (0, 1), (0.25, 0.75), (1, -1)]:
        score = query_vector(query, weights=HalfWeights(image=w_image, text=w_text)) @ products.T
        assert score.item() == pytest.approx(w_image * 0.0 + w_text * 0.8)


def test_a_missing_half_adds_nothing() -> None:
    products = product_vectors(np.float32([[0, 0]]), np.float32([[1, 0]]))
    assert (query_vector(np.float32([[1, 0]]), weights=HalfWeights(image=1, text=0)) @ products.T).item() == 0


@pytest.mark.parametrize(("balance", "image", "text"), [(0, 1, 0), (1, 0, 1), (0.25, 0.75, 0.25)])
def test_balance(balance: float, image: float, text: float) -> None:
    assert HalfWeights.of_balance(balance) == HalfWeights(image=image, text=text)


@pytest.mark.parametrize("balance", [-0.1, 1.1, float("nan")])
def test_balance_out_of_range(balance: float) -> None:
    with pytest.raises(InvalidQuery, match="balance is"):
        HalfWeights.of_balance(balance)
