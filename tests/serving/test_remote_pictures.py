"""Pictures by their address: what is fetched, and above all what is not."""

import asyncio
import ipaddress
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from aisle.errors import InvalidImage, InvalidQuery
from aisle.settings import Settings
from serving.remote_pictures import AddressRules, RemotePictures

HERE = ipaddress.ip_address("127.0.0.1")
PRIVATE = ipaddress.ip_address("127.0.0.2")  # stands for our own network: this one is not acceptable
ANYWHERE = AddressRules(hosts=("*", "*:8443"), schemes=("https", "http"))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://img.example.com/a.jpg", ("img.example.com", 443)),
        ("https://IMG.example.com:443/a.jpg?x=1#y", ("img.example.com", 443)),
        ("https://a.b.cdn.example/x", ("a.b.cdn.example", 443)),
        ("https://odd.example:8443/x", ("odd.example", 8443)),
        ("https://img.example.com./a.jpg", ("img.example.com", 443)),
    ],
)
def test_allowed(address, found):
    rules = AddressRules(hosts=("img.example.com", "*.cdn.example", "odd.example:8443"), schemes=("https",))
    assert rules.check(address) == found


@pytest.mark.parametrize(
    "address",
    [
        "http://img.example.com/a.jpg",
        "ftp://img.example.com/a.jpg",
        "file:///etc/passwd",
        "https://elsewhere.example/a.jpg",
        "https://cdn.example/a.jpg",
        "https://evilcdn.example/a.jpg",
        "https://img.example.com.evil.example/a.jpg",
        "https://img.example.com:8443/a.jpg",
        "https://img.example.com@evil.example/a.jpg",
        "https://user:secret@img.example.com/a.jpg",
        "https://odd.example/a.jpg",
        "https://img.example.com:99999/",
        "https://[::1/",
        "https:///a.jpg",
        "https://img。example。com/a.jpg",
        "https://img.example.com/" + "a" * 2048,
    ],
)
def test_not_allowed(address):
    rules = AddressRules(hosts=("img.example.com", "*.cdn.example", "odd.example:8443"), schemes=("https",))
    with pytest.raises(InvalidQuery):
        rules.check(address)


def test_none_is_unless_set():
    rules = AddressRules(hosts=Settings().image_url_hosts, schemes=Settings().image_url_schemes)
    with pytest.raises(InvalidQuery, match="as base64"):
        rules.check("https://img.example.com/a.jpg")


class Shop:
    """A web server on this machine, and the names that lead to it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.resolved: list[str] = []
        self.names = {"img.test": [HERE], "inside.test": [PRIVATE], "both.test": [HERE, PRIVATE], "nowhere.test": []}
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.host} {request.path}")
        match request.path:
            case "/a.jpg":
                assert not {"Cookie", "Authorization"} & set(request.headers)
                return web.Response(body=b"picture", headers={"Set-Cookie": "a=b"})
            case "/long":
                return web.Response(body=b"x" * 2000)
            case "/endless":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(100):
                    await response.write(b"x" * 100)
                return response
            case "/slow":
                await asyncio.sleep(30)
            case "/zipped":
                return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
            case path if path.startswith("/to/"):
                return web.Response(status=302, headers={"Location": request.query["where"]})
        return web.Response(status=404, text="the secrets of the inside")

    async def resolve(self, host: str, port: int):
        self.resolved.append(host)
        return self.names[host]

    @asynccontextmanager
    async def pictures(self, **changes):
        runner = web.AppRunner(application := web.Application(), shutdown_timeout=0.1)
        application.router.add_route("GET", "/{any:.*}", self.answer)
        await runner.setup()
        site = web.TCPSite(runner, "0.0.0.0", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        defaults = {
            "image_url_hosts": (f"*:{self.port}",),
            "image_url_schemes": ("http",),
            "image_url_seconds": 2.0,
            "max_image_bytes": 1000,
        }
        settings = replace(Settings(), **(defaults | changes))
        remote = RemotePictures(settings, resolve=self.resolve, acceptable=lambda address: address == HERE)
        try:
            yield remote
        finally:
            await remote.close()
            await runner.cleanup()

    def address(self, path: str, host: str = "img.test") -> str:
        return f"http://{host}:{self.port}{path}"


async def refused(remote: RemotePictures, address: str) -> str:
    with pytest.raises(InvalidImage) as raised:
        await remote.fetch(address)
    return str(raised.value)


@pytest.mark.asyncio
async def test_fetched():
    shop = Shop()
    async with shop.pictures() as remote:
        for _ in range(2):  # the second time without the cookie of the first
            assert await remote.fetch(shop.address("/a.jpg")) == b"picture"
        assert await remote.fetch(shop.address("/to/x?where=/a.jpg")) == b"picture"
        assert await remote.fetch(shop.address("/zipped")) == b"\x1f\x8b"  # nothing is unpacked
        assert set(shop.asked) == {f"img.test:{shop.port} {path}" for path in ("/a.jpg", "/to/x", "/zipped")}


@pytest.mark.asyncio
async def test_nothing_inside_is_asked():
    shop = Shop()
    async with shop.pictures() as remote:
        inside = [
            shop.address("/a.jpg", host)
            for host in (
                "inside.test",
                "both.test",
                "127.0.0.2",
                "127.2",
                "2130706434",
                "0x7f.0.0.2",
                "[::1]",
                "0177.0.0.2",
            )
        ]
        messages = {await refused(remote, address) for address in inside}
        messages.add(await refused(remote, shop.address("/a.jpg", "nowhere.test")))
        assert shop.asked == []
        messages.add(await refused(remote, shop.address("/nothing")))
        assert len(messages) == 1  # nor does anybody learn which of these there are
        assert "secret" not in messages.pop()


@pytest.mark.asyncio
async def test_redirects_pass_the_same_checks():
    shop = Shop()
    async with shop.pictures() as remote:
        for target in ("http://inside.test:{0}/a.jpg", "http://127.0.0.2:{0}/a.jpg", "//inside.test:{0}/a.jpg"):
            await refused(remote, shop.address(f"/to/x?where={target.format(shop.port)}"))
        for target in ("file:///etc/passwd", "http://img.test:1/a.jpg", "https://img.test:{0}/a.jpg"):
            with pytest.raises(InvalidQuery):
                await remote.fetch(shop.address(f"/to/x?where={target.format(shop.port)}"))
        await refused(remote, shop.address("/to/x?where=/to/x"))  # in circles, and without a place
        assert len([asked for asked in shop.asked if not asked.endswith("/a.jpg")]) <= 6 + 4
        assert not [asked for asked in shop.asked if asked.endswith("/a.jpg")]


@pytest.mark.asyncio
async def test_a_name_that_changes_between_check_and_use():
    """Rebinding: were the name resolved twice, the second answer would lead inside."""
    shop = Shop()

    class Changing(dict):
        answers = 0

        def __getitem__(self, host):
            self.answers += 1
            return [HERE] if self.answers == 1 else [PRIVATE]

    shop.names = Changing()
    async with shop.pictures() as remote:
        assert await remote.fetch(shop.address("/a.jpg")) == b"picture"
        assert shop.resolved == ["img.test"]
        await refused(remote, shop.address("/a.jpg"))
        assert len(shop.asked) == 1


@pytest.mark.asyncio
async def test_bounds():
    shop = Shop()
    async with shop.pictures(image_url_seconds=0.3) as remote:
        assert "more than 1,000 bytes" in await refused(remote, shop.address("/long"))
        assert "more than 1,000 bytes" in await refused(remote, shop.address("/endless"))
        await refused(remote, shop.address("/slow"))
    async with shop.pictures(image_url_seconds=0.5, image_url_fetches=1) as remote:
        together = [remote.fetch(shop.address(path)) for path in ("/slow", "/a.jpg", "/a.jpg")]
        outcomes = await asyncio.gather(*together, return_exceptions=True)
        assert all(
            isinstance(outcome, InvalidImage) for outcome in outcomes
        )  # one at a time: the slow one had its turn
        assert await remote.fetch(shop.address("/a.jpg")) == b"picture"


@pytest.mark.asyncio
async def test_without_a_guard_the_inside_would_answer():
    """The tests above would fail if nothing were guarded: the server does listen there."""
    shop = Shop()
    async with shop.pictures() as remote:
        remote._resolver._acceptable = lambda _: True
        assert await remote.fetch(shop.address("/a.jpg", "inside.test")) == b"picture"


def test_over_http(client, release, start):
    address = "https://img.example.com/a.jpg"
    error = client.post("/search", json={"image": address}).json()["error"]
    assert (error["code"], "as base64" in error["message"]) == ("invalid_query", True)
    batch = client.post("/search/batch", json={"queries": [{"parts": [{"image": address}]}, {"text": "red"}]}).json()
    assert [next(iter(result)) for result in batch["results"]] == ["error", "release"]
    assert client.post("/v1/embeddings", json={"input": [{"image": address}]}).status_code in (400, 422)
