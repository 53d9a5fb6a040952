import pytest

from serving.admission import CALM_SECONDS, Admission, Bounds, Overloaded, TooLate


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def door(clock, *, burst=50, least=4, seconds=1.0):
    return Admission("texts", bounds=Bounds(burst=burst, least=least, seconds=seconds), clock=clock)


def come_in(admission, count):
    visits = []
    for _ in range(count):
        visit = admission.visit()
        visit.__enter__()
        visits.append(visit)
    return visits


def leave(visits):
    for visit in visits:
        visit.__exit__(None, None, None)


def answer(admission, clock, count, *, each):
    for _ in range(count):
        with admission.visit():
            clock.now += each


STAYING = []
"""A visit that nobody holds would be ended by the garbage collector."""


def room(admission):
    """How many come in before one is turned away; they stay."""
    came = 0
    while True:
        try:
            STAYING.extend(come_in(admission, 1))
        except Overloaded:
            return came
        came += 1


def test_a_burst_is_taken_whole_and_the_next_one_told_when_to_come_back(clock):
    admission = door(clock, burst=7)
    visits = come_in(admission, 7)
    with pytest.raises(Overloaded, match="7 texts are being worked on already") as refused:
        come_in(admission, 1)
    assert refused.value.retry_after == 1
    assert admission.inside == 7
    leave(visits)
    assert admission.inside == 0


def test_after_a_refusal_only_what_is_done_in_time_may_be_inside(clock):
    admission = door(clock, seconds=0.51)
    answer(admission, clock, 1000, each=0.025)  # 40 a second
    visits = come_in(admission, 50)
    assert room(admission) == 0
    while visits:
        clock.now += 0.025
        leave([visits.pop()])
        if admission.inside >= 20:
            assert room(admission) == 0
    assert room(admission) == 20


def test_what_keeps_the_workers_busy_is_always_let_in(clock):
    admission = door(clock, burst=6, least=4)
    answer(admission, clock, 10, each=60.0)
    visits = come_in(admission, 6)
    assert room(admission) == 0
    leave(visits)
    assert room(admission) == 4


def test_a_second_without_refusals_opens_the_door_again(clock):
    admission = door(clock, burst=6, least=2, seconds=0.001)
    answer(admission, clock, 10, each=0.1)
    visits = come_in(admission, 6)
    assert room(admission) == 0
    leave(visits)
    clock.now += 0.9 * CALM_SECONDS
    assert room(admission) == 2  # refused again: the second starts anew
    clock.now += 0.9 * CALM_SECONDS
    assert room(admission) == 0
    clock.now += CALM_SECONDS
    assert room(admission) == 4


def test_waiting_for_customers_is_not_slowness(clock):
    admission = door(clock, burst=15, least=1, seconds=1.05)
    for _ in range(50):
        answer(admission, clock, 1, each=0.1)  # 10 a second
        clock.now += 1000.0
    visits = come_in(admission, 15)
    assert room(admission) == 0
    clock.now += 0.5
    leave(visits[:5])
    assert room(admission) == 0
    clock.now += 0.4
    leave(visits[5:9])
    assert room(admission) == 10 - 6


def test_an_error_is_no_answer_but_leaves(clock):
    admission = door(clock, burst=3, least=1, seconds=1.0)
    visit = admission.visit(3)
    visit.__enter__()
    clock.now += 1.0
    assert visit.__exit__(KeyError, KeyError("failed"), None) is False
    assert admission.inside == 0
    assert room(admission) == 3  # no rate is known, so the wide bound is all there is
    assert room(admission) == 0


def test_several_parts_come_in_together(clock):
    admission = door(clock, burst=4)
    with admission.visit(3):
        assert admission.inside == 3
        with admission.visit(16):
            assert admission.inside == 19
            assert room(admission) == 0
    assert admission.inside == 0


def test_who_has_less_time_than_what_is_inside_takes_is_told_so(clock):
    admission = door(clock)
    answer(admission, clock, 1000, each=0.025)  # 40 a second
    visits = come_in(admission, 10)  # for a quarter of a second
    with pytest.raises(TooLate, match=r"10 texts are being worked on already, for about 0.25 s: longer than the 0.2 s"):
        admission.check(deadline=clock.now + 0.2)
    with pytest.raises(TooLate), admission.visit(deadline=clock.now - 1):
        pass
    with admission.visit(deadline=clock.now + 0.3):
        assert admission.inside == 11
    leave(visits)
    admission.check(deadline=clock.now + 0.001)  # nobody is inside
    assert room(admission) == 50  # nobody was turned away for want of room


def test_without_a_known_rate_everybody_may_hope(clock):
    """The first answers of a worker are slow: they say nothing of the sixty-four behind them."""
    admission = door(clock, burst=100)
    answer(admission, clock, 10, each=1.0)
    visits = come_in(admission, 64)
    admission.check(deadline=clock.now + 0.001)
    leave(visits)


def test_those_on_their_way_are_counted_before_they_come(clock):
    admission = door(clock, burst=3)
    gone = [admission.approach() for _ in range(2)]
    assert admission.has_room()
    gone.append(admission.approach())
    assert not admission.has_room()
    visits = come_in(admission, 3)  # they themselves come in
    for pass_by in gone:
        pass_by()
    assert not admission.has_room()
    leave(visits)
    assert admission.has_room()


def test_refusing_at_a_distance_counts_as_refusing(clock):
    admission = door(clock, burst=6, least=2, seconds=0.001)
    answer(admission, clock, 10, each=0.1)
    assert "0 texts" in str(admission.refuse())
    assert room(admission) == 2


def test_when_what_is_inside_takes_too_long_for_many_it_is_an_overload(clock):
    """Else all would be let in that just make it, or just do not."""
    admission = door(clock, burst=50, least=2, seconds=0.126)
    answer(admission, clock, 1000, each=0.025)  # 40 a second
    visits = come_in(admission, 5)
    with pytest.raises(TooLate):
        admission.check(deadline=clock.now + 0.1)  # more is inside than is done in an eighth of a second
    assert room(admission) == 0
    leave(visits)


def test_one_in_a_hurry_is_no_overload(clock):
    admission = door(clock, burst=50, least=2, seconds=0.126)
    answer(admission, clock, 1000, each=0.025)
    visits = come_in(admission, 4)
    with pytest.raises(TooLate):
        admission.check(deadline=clock.now + 0.01)
    assert room(admission) == 46
    leave(visits)
