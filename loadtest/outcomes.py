"""What became of a request, and what many of them say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

OK, TURNED_AWAY = 200, 429

NO_ANSWER = 0
"""In place of a status: the connection failed, or nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request.

    Attributes:
        kind: What was asked, such as `text`.
        due: When it was to be sent, in seconds from the start.
        sent: When it was: later than `due` only when the load test itself was late.
        ended: When the last byte had come, or hope was given up.
        status: HTTP status, or `NO_ANSWER`.
        release: The release that answered; empty when none said so.
    """

    kind: str
    due: float
    sent: float
    ended: float
    status: int
    release: str = ""

    @property
    def seconds(self) -> float:
        """From when it was due, not from when it was sent: who waits behind a slow test waits, too."""
        return self.ended - self.due


@dataclass(frozen=True, slots=True)
class Summary:
    """Many requests of one kind.

    Attributes:
        asked: How many.
        answered: With 200.
        turned_away: With 429.
        failed: With anything else, or with nothing.
        offered_rate: Requests due a second.
        answered_rate: Answers a second that came while requests were coming.
        p50: Milliseconds of those answered: the median; nan when there are none.
        p95: Of 100 answered requests 95 took at most this.
        p99: And 99 this.
        worst: And all this.
        late_p99: Milliseconds by which the load test itself was late in sending; large ones spoil the other figures.
    """

    asked: int
    answered: int
    turned_away: int
    failed: int
    offered_rate: float
    answered_rate: float
    p50: float
    p95: float
    p99: float
    worst: float
    late_p99: float


def summarise(outcomes: Sequence[Outcome], *, seconds: float) -> Summary:
    """What requests say together.

    Args:
        outcomes: Of one kind, or of all.
        seconds: How long they were due.
    """
    answered = [outcome for outcome in outcomes if outcome.status == OK]
    turned_away = sum(outcome.status == TURNED_AWAY for outcome in outcomes)
    times = sorted(1000 * outcome.seconds for outcome in answered)
    return Summary(
        asked=len(outcomes),
        answered=len(answered),
        turned_away=turned_away,
        failed=len(outcomes) - len(answered) - turned_away,
        offered_rate=len(outcomes) / seconds,
        answered_rate=sum(outcome.ended <= seconds for outcome in answered) / seconds,
        p50=percentile(times, 50),
        p95=percentile(times, 95),
        p99=percentile(times, 99),
        worst=percentile(times, 100),
        late_p99=percentile(sorted(1000 * (outcome.sent - outcome.due) for outcome in outcomes), 99),
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent do not exceed (the nearest rank); nan of nothing."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]
