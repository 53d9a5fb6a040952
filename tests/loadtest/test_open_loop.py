import asyncio
import socket
import threading

import pytest

from loadtest.open_loop import offer, release_of, session
from loadtest.outcomes import NO_ANSWER
from loadtest.requests import asks


def ask(url, arrivals, **options):
    async def run():
        async with session() as client:
            return await offer(client, url, asks(["red", "shirt"]), arrivals, **options)

    return asyncio.run(run())


def test_every_arrival_is_asked_once_and_told_of(service):
    outcomes = ask(service.url + "search", [0.0, 0.01, 0.02])
    assert sorted(outcome.due for outcome in outcomes) == [0.0, 0.01, 0.02]
    assert {(outcome.kind, outcome.status, outcome.release) for outcome in outcomes} == {("text", 200, "r1")}
    assert all(outcome.due <= outcome.sent <= outcome.ended for outcome in outcomes)
    assert len({asked["text"] for asked in service.asked}) == 3


def test_nobody_waits_for_those_before(service):
    """The first request is answered only when the last one has come: a closed loop would never end."""
    all_here = threading.Barrier(5)
    service.on_search = lambda body: all_here.wait(10)
    assert len(ask(service.url + "search", [0.0, 0.01, 0.02, 0.03, 0.04])) == 5


def test_a_late_test_makes_no_request_look_quick(service):
    """What was due in the past counts its wait from then."""
    (outcome,) = ask(service.url + "search", [-5.0])
    assert outcome.seconds > 5


def test_refusals_and_broken_connections_are_outcomes(service):
    service.status = 429
    assert [outcome.status for outcome in ask(service.url + "search", [0.0])] == [429]
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    (outcome,) = ask(f"http://127.0.0.1:{port}/search", [0.0])
    assert (outcome.status, outcome.release) == (NO_ANSWER, "")


def test_answers_may_be_read_by_others(service):
    (outcome,) = ask(service.url + "search", [0.0], read=lambda body: f"{len(body)} bytes")
    assert outcome.release == "26 bytes"


@pytest.mark.parametrize(("body", "release"), [(b'{"release":"r1","hits":[]}', "r1"), (b'{"error":{}}', ""), (b"", "")])
def test_the_release_of_an_answer(body, release):
    assert release_of(body) == release
