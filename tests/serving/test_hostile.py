"""A hostile stranger's requests (benchmarks/hostile.py) and schemathesis' made-up ones: no 500, and no status that
OpenAPI does not know. benchmarks/fuzz.py sends ten thousand of them to a real server.
"""

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from serving.errors import TIMEOUT_HEADER

_PATH = Path(__file__).parents[2] / "benchmarks" / "hostile.py"
_SPEC = importlib.util.spec_from_file_location("hostile", _PATH)
hostile = sys.modules["hostile"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(hostile)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # schemathesis' imports, not ours
    import schemathesis

GOOD = {"jpeg", "alpha", "animated gif", "animated webp", "apng", "cmyk", "flat", "grey and alpha", "jpeg and html"} | {
    *("jpeg with a tail", "one bit", "one pixel", "palette with alpha", "sixteen bits", "thin", "turned"),
    *("turned nowhere", "broken exif"),
}
"""Pictures that are odd, and pictures all the same."""


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_attacks(client):
    statuses = {}
    for attack in hostile.attacks():
        if attack.name.startswith("picture with text") or attack.name.endswith(": bomb"):
            continue  # as without text; and one is enough, below
        response = client.request(attack.method, attack.path, content=attack.body, headers=dict(attack.headers))
        assert response.status_code < 500, (attack.name, response.text)
        assert "X-Request-ID" in response.headers, attack.name
        statuses[attack.name] = response.status_code
        if response.status_code >= 400 and attack.method != "HEAD":
            message = response.json()["error"]["message"]
            assert len(message) < 10_000, attack.name
            assert "site-packages" not in message, message
    searched = {name.removeprefix("picture: ") for name in statuses if name.startswith("picture: ")}
    found = {name for name in searched if statuses[f"picture: {name}"] == 200}
    assert found >= GOOD
    assert not found & {"svg", "eps", "pdf", "bmp", "tiff", "ico", "html", "huge by its header", "no width"}
    assert len(statuses) > 500


def test_the_largest_picture_that_is_taken(release, start):
    """62 million pixels out of 60 kB: within the caps, so it is decoded; one more line of pixels would not be."""
    release()
    form = {"image": ("x.png", hostile.pictures()["bomb"])}
    with start(timeout_seconds=60.0) as client:  # a machine that is busy takes longer than a shopper would wait
        response = client.post("/search/image", files=form)
    assert response.status_code == 200, response.text


def test_openapi_is_as_the_service_answers(client):
    """Requests that fit the schema and such that do not, for every operation."""
    described = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    operations = [operation.ok() for operation in described.get_all_operations()]
    assert len(operations) >= 12
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        def ask(case):
            request = case.as_transport_kwargs(base_url="http://testserver")
            request.pop("cookies", None)
            response = client.request(**request)
            states_time = TIMEOUT_HEADER in (request.get("headers") or {})
            assert response.status_code < 500 or (response.status_code == 504 and states_time), (case, response.text)
            known = case.operation.definition.raw["responses"]
            assert str(response.status_code) in known, (case, response.status_code, response.text)

        ask()
