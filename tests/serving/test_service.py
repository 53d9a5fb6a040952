"""The BentoML service in process, and how its server is started."""

import os
import signal
import socket
import threading
import time
import warnings
from dataclasses import replace

import pytest
import uvicorn.config
from starlette.testclient import TestClient

from aisle.errors import SettingsError
from aisle.settings import Settings, from_environment
from serving import run
from serving.connections import ImpatientProtocol


@pytest.fixture(scope="module")
def service_module(tmp_path_factory):
    """`serving.service`, which makes a service when it is imported; BentoML's home lies in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("BENTOML_HOME", str(tmp_path_factory.mktemp("bentoml")))
        patch.setenv("OMP_NUM_THREADS", "1")
        for name in ("most", "turnstile", "application"):  # what a service sets for its process ends with these tests
            patch.setattr(ImpatientProtocol, name, getattr(ImpatientProtocol, name))
        patch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", uvicorn.config.HTTP_PROTOCOLS["auto"])
        warnings.simplefilter("ignore")  # BentoML's imports, not ours
        from serving import service

        yield service


@pytest.fixture
def served(service_module, settings):
    """The whole ASGI application as BentoML's workers run it."""
    with TestClient(service_module.build_service(settings).to_asgi()) as client:
        yield client


def until_ready(client):
    deadline = time.monotonic() + 10
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline, client.get("/readyz").text
        time.sleep(0.01)


def test_the_whole_application_is_served(release, served, make_picture):
    release()
    until_ready(served)
    hits = served.post("/search", json={"text": "red shirt", "balance": 1, "k": 1}).json()["hits"]
    assert [hit["id"] for hit in hits] == ["shirt/red"]
    files = {"image": ("x.png", make_picture("blue"), "image/png")}
    assert served.post("/search/image", files=files).status_code == 200
    assert served.get("/").headers["content-type"].startswith("text/html")
    assert served.get("/static/app.js").status_code == 200
    assert served.get("/images/shirt%2Fred").headers["content-type"] == "image/png"
    assert 'aisle_requests_total{method="POST",route="/search",status="200"} 1.0' in served.get("/metrics").text
    assert "bentoml_service" not in served.get("/metrics").text


def test_our_probes_answer_and_not_bentomls(served):
    """There is no release: BentoML's own /readyz would say 200, and its 404 would be plain text."""
    assert served.get("/livez").json() == {"status": "alive"}
    assert served.get("/readyz").status_code == 503
    assert served.get("/readyz").json()["error"]["code"] == "no_release"
    for path in ("/healthz", "/schema.json", "/docs.json", "/static_content/x.js", "/nothing"):
        assert served.get(path).json()["error"]["code"] == "not_found", path
    assert served.put("/search").json()["error"]["code"] == "method_not_allowed"


def test_the_service_is_as_the_settings_say(service_module, settings):
    service = service_module.build_service(replace(settings, workers=3, listen_port=4321, timeout_seconds=5.0))
    assert service.name == "aisle"
    assert service.config["workers"] == 3
    assert service.config["http"] == {"host": "127.0.0.1", "port": 4321}
    assert service.config["traffic"]["timeout"] > 5.0
    assert service_module.Aisle.import_string == "serving.service:Aisle"


def test_a_worker_ends_with_its_server(service_module, monkeypatch):
    killed = []
    monkeypatch.setattr(service_module, "_PARENT_SECONDS", 0.01)
    monkeypatch.setattr(os, "kill", lambda process, number: killed.append((process, number)))
    stopped = threading.Event()
    service_module._end_with_parent(os.getppid() + 1, stopped)  # as when the parent died and another took over
    assert killed == [(os.getpid(), signal.SIGTERM)]
    watching = threading.Thread(target=service_module._end_with_parent, args=(os.getppid(), stopped))
    watching.start()
    time.sleep(0.1)
    assert watching.is_alive()
    stopped.set()
    watching.join(5)
    assert not watching.is_alive()
    assert len(killed) == 1


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_said_in_one_line(taken):
    settings = replace(Settings(), listen_port=taken)
    with pytest.raises(SettingsError, match=f"port {taken} .*in use.*AISLE_LISTEN_PORT"):
        run.check_port(settings, patience_seconds=0.2)


def test_a_port_that_comes_free_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Timer(0.3, server.close).start()
        run.check_port(replace(Settings(), listen_port=port), patience_seconds=5)


def test_an_address_of_another_machine():
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        run.check_port(replace(Settings(), listen_host="192.0.2.1"))


def test_this_process_becomes_the_server(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(run.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(run, "check_port", lambda settings: None)
    settings = replace(Settings(), workspace=tmp_path / "shop", listen_port=4321, workers=2)
    run.serve(settings)
    ((_, command, environment),) = started
    assert command[1:5] == ["-m", "bentoml", "serve", "serving.service:Aisle"]
    assert from_environment(environment) == settings
    assert environment["BENTOML_DO_NOT_TRACK"] == "True"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["BENTOML_HOME"] == str(tmp_path / f"aisle-{os.getuid()}-4321")
    assert (tmp_path / f"aisle-{os.getuid()}-4321").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        (Settings(api_keys=("me=short",)), {}, "'me' has 5 characters"),
        (Settings(), {"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER is 'jaeger'"),
    ],
    ids=["key", "traces"],
)
def test_what_the_server_would_end_with_is_said_before_it_starts(settings, environment, message, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "execve", lambda *arguments: pytest.fail("started"))
    monkeypatch.setattr(run, "check_port", lambda settings: None)
    monkeypatch.setattr(run.tempfile, "gettempdir", lambda: str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        run.serve(settings)


def test_somebody_elses_folder_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "gettempdir", lambda: str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"aisle-{os.getuid()}-4321").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="TMPDIR"):
        run.server_environment(replace(Settings(), listen_port=4321))
