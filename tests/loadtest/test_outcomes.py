import math

import pytest

from loadtest.outcomes import NO_ANSWER, Outcome, percentile, summarise


def outcome(*, due=0.0, sent=None, ended=0.1, status=200):
    return Outcome("text", due, due if sent is None else sent, ended, status)


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (75, 3), (76, 4), (99, 4), (100, 4), (1, 1), (0, 1)])
def test_percentiles_by_nearest_rank(percent, expected):
    assert percentile([1, 2, 3, 4], percent) == expected


def test_of_nothing_there_is_no_percentile():
    assert math.isnan(percentile([], 50))


def test_waiting_counts_from_when_a_request_was_due():
    assert outcome(due=1.0, sent=1.5, ended=1.7).seconds == pytest.approx(0.7)


def test_a_summary_tells_answers_from_refusals_and_failures():
    outcomes = [
        *(outcome(due=n / 10, ended=n / 10 + 0.010 * (n + 1)) for n in range(10)),  # 10, 20 .. 100 ms
        outcome(due=0.99, sent=0.995, ended=3.0),  # an answer that comes when nobody asks any more
        *[outcome(status=429, ended=0.001)] * 4,
        outcome(status=503, ended=9.0),
        outcome(status=NO_ANSWER, ended=9.0),
    ]
    summary = summarise(outcomes, seconds=2.0)
    assert (summary.asked, summary.answered, summary.turned_away, summary.failed) == (17, 11, 4, 2)
    assert summary.offered_rate == 8.5
    assert summary.answered_rate == 5.0
    assert summary.p50 == pytest.approx(60)
    assert summary.p95 == summary.worst == pytest.approx(2010)
    assert summary.late_p99 == pytest.approx(5)


def test_a_summary_of_refusals_has_no_times():
    summary = summarise([outcome(status=429)], seconds=1.0)
    assert math.isnan(summary.p50)
    assert summary.answered_rate == 0
