"""Lines of the log, as a machine and as a person reads them."""

import io
import json
import logging
import re

import pytest

from aisle.settings import LogFormat, LoggedRequests
from serving import logs


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def log():
    """Installs the log on a stream; afterwards everything is as it was."""
    names = ("", "aisle", "bentoml", "uvicorn", "uvicorn.error", "uvicorn.access", "circus")
    before = {name: (logger := logging.getLogger(name), logger.handlers[:], logger.propagate) for name in names}
    level = logging.getLogger("aisle").level

    def install(form, stream=None):
        stream = io.StringIO() if stream is None else stream
        logs.install(form, stream=stream)
        return stream

    yield install
    for logger, handlers, propagate in before.values():
        logger.handlers[:], logger.propagate = handlers, propagate
    logging.getLogger("aisle").setLevel(level)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_elsewhere_text_on_a_terminal(log):
    elsewhere, terminal = log(LogFormat.AUTO), None
    logging.getLogger("aisle.serving").info("release %s is live", "r1")
    (line,) = lines(elsewhere)
    assert line == {"time": line["time"], "level": "info", "logger": "aisle.serving", "message": "release r1 is live"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    terminal = log(LogFormat.AUTO, Terminal())
    logging.getLogger("aisle.serving").info("release %s is live", "r1")
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO    release r1 is live\n", terminal.getvalue())
    assert len(lines(elsewhere)) == 1


def test_one_form_can_be_asked_for(log):
    stream = log(LogFormat.TEXT)
    logging.getLogger("bentoml").error("x")
    assert stream.getvalue().endswith("ERROR   x\n")
    stream = log(LogFormat.JSON, Terminal())
    logging.getLogger("uvicorn.error").error("x")
    assert lines(stream)[0]["logger"] == "uvicorn.error"


def test_ids_of_the_request_and_only_within(log):
    stream = log(LogFormat.JSON)
    state = {"request_id": "abc", "trace_id": "0af7", "span_id": "b7ad"}
    with logs.of_request(state):
        logging.getLogger("aisle.serving").warning("within")
    logging.getLogger("aisle.serving").warning("after")
    within, after = lines(stream)
    assert {name: within[name] for name in logs.IDS} == state
    assert not set(logs.IDS) & set(after)


def test_a_clients_text_starts_no_line_of_its_own(log):
    stream = log(LogFormat.TEXT)
    with logs.of_request({"request_id": "abc"}):
        logging.getLogger("aisle.access").info("GET %s", "/a\n00:00:00 ERROR   forged")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("forged (abc)\n")
    stream = log(LogFormat.JSON)
    logging.getLogger("aisle.access").info("GET %s", "/a\nb\u2028")
    assert len(lines(stream)) == 1


def test_exceptions_have_their_traceback(log):
    stream = log(LogFormat.JSON)
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("aisle.serving").exception("it failed")
    assert "ValueError: no" in lines(stream)[0]["exception"]


def access(caplog):
    return [record for record in caplog.records if record.name == "aisle.access"]


def test_a_line_per_request(release, start, caplog):
    release()
    caplog.set_level(logging.INFO, "aisle")
    with start(log_requests=LoggedRequests.ALL) as client:
        caplog.clear()
        client.get("/products/shirt%2Fred", headers={"X-Request-ID": "mine"})
        client.post("/search", json={"k": 0})
    found, refused = access(caplog)
    assert (found.method, found.path, found.route, found.status) == (
        *("GET", "/products/shirt/red", "/products/{id:path}", 200),
    )
    assert found.milliseconds > 0
    assert not hasattr(found, "code")
    assert (refused.status, refused.code, refused.levelno) == (422, "invalid_request", logging.INFO)


@pytest.mark.parametrize(("logged", "count"), [(LoggedRequests.FAILED, 1), (LoggedRequests.NONE, 0)])
def test_failed_requests_alone(start, caplog, logged, count):
    caplog.set_level(logging.INFO, "aisle")
    with start(wait=False, log_requests=logged) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/nothing").status_code == 404
        assert client.get("/readyz").status_code == 503
    assert [record.code for record in access(caplog)] == ["no_release"] * count
