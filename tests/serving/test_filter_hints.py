"""A value that no product has is said, with those that are near."""

import pytest

from serving import filter_hints as module


@pytest.mark.parametrize(
    ("filters", "hints"),
    [
        ({"colour": "red"}, None),
        ({"colour": "Red"}, ["no product has 'Red' as 'colour'; near are 'red'"]),
        ({"colour": ["red", "gren"]}, ["no product has 'gren' as 'colour'; near are 'green'"]),
        ({"colour": "xyz"}, ["no product has 'xyz' as 'colour'"]),
        ({"$or": [{"colour": "blu"}, {"$not": {"tags": {"all": ["new", "shirts"]}}}]}, ["'blue'", "'shirt'"]),
        ({"price": {"min": 3}, "in_stock": True}, None),
    ],
    ids=str,
)
def test_hints(client, filters, hints):
    answer = client.post("/search", json={"text": "red", "filters": filters}).json()
    assert len(answer.get("hints", [])) == len(hints or [])
    for said, wanted in zip(answer.get("hints", []), hints or [], strict=True):
        assert said == wanted or said.endswith(wanted), said


def test_in_an_address_too(client):
    assert "'green'" in client.get("/search", params={"filter": "colour:greeen"}).json()["hints"][0]


def test_bounds(client, monkeypatch):
    wanted = {"colour": [f"x{number}" for number in range(50)]}
    assert len(client.post("/search", json={"filters": wanted}).json()["hints"]) == module.MAX_HINTS
    monkeypatch.setattr(module, "MAX_COMPARED", 1)
    hints = client.post("/search", json={"filters": {"colour": "Red"}}).json()["hints"]
    assert hints == ["no product has 'Red' as 'colour'"]
