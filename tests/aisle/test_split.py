"""The held-out split."""

import numpy as np

from aisle.split import held_out

IDS = [f"product {number}" for number in range(20_000)]


def test_about_the_share_is_held_out_and_a_larger_share_holds_a_smaller_one() -> None:
    tenth, half = held_out(IDS, share=0.1), held_out(IDS, share=0.5)
    assert abs(tenth.mean() - 0.1) < 0.01
    assert abs(half.mean() - 0.5) < 0.015
    assert half[tenth].all()
    assert not held_out(IDS, share=0.0).any()
    assert held_out(IDS, share=1.0).all()


def test_neither_order_nor_company_moves_a_product() -> None:
    whole = dict(zip(IDS, held_out(IDS, share=0.3).tolist(), strict=True))
    some = IDS[1::7][::-1]
    assert held_out(some, share=0.3).tolist() == [whole[one] for one in some]
    assert held_out([], share=0.3).dtype == np.bool_


def test_the_split_is_that_of_every_model_trained_so_far() -> None:
    """Another hash would put products that a published model learnt from among those it is judged by."""
    first = [0, 2, 4, 10, 16, 20, 27, 49, 52]
    assert np.flatnonzero(held_out([str(number) for number in range(60)], share=0.125)).tolist() == first
