import asyncio

import pytest

from loadtest.deployment import NotAisle, look_at
from loadtest.open_loop import session


def look(url, *, pictures=False):
    async def run():
        async with session(key="secret") as client:
            return await look_at(client, url, pictures=pictures)

    return asyncio.run(run())


def test_a_service_is_known_by_its_addresses(service):
    found = look(service.url, pictures=True)
    assert (found.release, found.products, found.recall["text"]) == ("r1", 3, 0.997)
    assert found.words == ("red", "shirt", "blue", "dress", "shoe")
    assert len(found.pictures) == 2
    assert service.headers[0]["Authorization"] == "Bearer secret"


def test_pictures_are_fetched_only_when_wanted(service):
    assert look(service.url).pictures == ()


def test_a_place_where_nothing_is(service):
    with pytest.raises(NotAisle, match="answered 404: there is nothing"):
        look(service.url + "elsewhere/")
    with pytest.raises(NotAisle, match="cannot be asked"):
        look("http://127.0.0.1:9/")
