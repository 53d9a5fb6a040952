"""Which validation is the best, and how long a run has waited for a better one."""

from train.standing import Standing
from train.validation import Validation


def _found(recall_at_10: float, recall_at_1: float = 0.1, *others: float) -> list[Validation]:
    return [Validation("shop", 10, recall_at_1, recall_at_10), *(Validation("other", 10, 0.1, one) for one in others)]


def test_the_best_is_kept_and_waiting_is_counted() -> None:
    standing = Standing().began(_found(0.9))
    assert not standing.validated
    standing = standing.after(_found(0.4), step=10)
    assert (standing.validated, standing.step, standing.waited) == (True, 10, 0)
    standing = standing.after(_found(0.4), step=20).after(_found(0.3), step=30)
    assert (standing.recall_at_10, standing.step, standing.waited) == (0.4, 10, 2)
    standing = standing.after(_found(0.5), step=40)
    assert (standing.recall_at_10, standing.step, standing.waited, standing.before) == (0.5, 40, 0, 0.9)


def test_recall_at_1_decides_between_equals() -> None:
    standing = Standing().after(_found(0.4, 0.2), step=10).after(_found(0.4, 0.1), step=20)
    assert standing.step == 10
    assert standing.after(_found(0.4, 0.3), step=30).step == 30


def test_catalogs_count_alike() -> None:
    assert Standing().after(_found(0.4, 0.1, 0.8), step=1).recall_at_10 == (0.4 + 0.8) / 2
    assert Standing().began(_found(0.4, 0.1, 0.8)).before == (0.4 + 0.8) / 2


def test_nothing_found_at_all_is_still_a_validation() -> None:
    assert Standing().after(_found(0.0, 0.0), step=7).step == 7
