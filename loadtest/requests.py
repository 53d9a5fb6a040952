"""What is asked: endless queries, no two alike, so that no cache answers for the model."""

import base64
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 6
"""Words of the longest query; the shortest has two. Shoppers type about three."""

_MARK = 8
"""Random bytes after a picture's end, which no decoder reads: the same picture is another request."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        kind: `text` or `picture`.
        body: JSON for `POST /search`.
    """

    kind: str
    body: bytes


def asks(
    words: Sequence[str], pictures: Sequence[bytes] = (), *, pictured: float = 0.0, k: int = 24, seed: int = 0
) -> Iterator[Ask]:
    """Requests in random order, for ever.

    Args:
        words: Of which queries are made; at least two that differ.
        pictures: Files that are asked for.
        pictured: Share of requests with a picture, 0..1.
        k: Hits wanted.
        seed: Of the chance.

    Raises:
        ValueError: There are too few words, or no pictures although some are wanted.
    """
    vocabulary = sorted(set(words))
    if len(vocabulary) < 2:
        raise ValueError(f"{len(vocabulary)} different words are too few to make queries of")
    if pictured > 0 and not pictures:
        raise ValueError("there are no pictures to ask for")
    chance = random.Random(seed)  # noqa: S311 - nothing depends on its being secret
    return _asks(vocabulary, pictures, pictured=pictured, k=k, chance=chance)


def phrases(lines: Sequence[str], *, k: int = 24) -> Iterator[Ask]:
    """The given texts in their order, over and over: for who has a log of what shoppers type."""
    while True:
        for line in lines:
            yield Ask("text", json.dumps({"text": line, "k": k}).encode())


def _asks(
    vocabulary: Sequence[str], pictures: Sequence[bytes], *, pictured: float, k: int, chance: random.Random
) -> Iterator[Ask]:
    asked: set[str] = set()
    longest = LONGEST
    while True:
        if chance.random() < pictured:
            data = base64.b64encode(chance.choice(pictures) + chance.randbytes(_MARK)).decode()
            yield Ask("picture", json.dumps({"image": data, "k": k}).encode())
            continue
        text = _unasked(vocabulary, asked, longest=longest, chance=chance)
        while text is None:  # a small vocabulary is worn out: longer queries of it are not
            longest += 1
            text = _unasked(vocabulary, asked, longest=longest, chance=chance)
        asked.add(text)
        yield Ask("text", json.dumps({"text": text, "k": k}).encode())


def _unasked(vocabulary: Sequence[str], asked: set[str], *, longest: int, chance: random.Random) -> str | None:
    for _ in range(20):
        text = " ".join(chance.choices(vocabulary, k=chance.randint(2, longest)))
        if text not in asked:
            return text
    return None
