import base64
import json
from itertools import islice

import pytest

from loadtest.requests import asks, phrases


def texts(stream, count):
    return [json.loads(ask.body)["text"] for ask in islice(stream, count)]


def test_queries_are_of_the_words_and_no_two_are_alike():
    found = texts(asks(["red", "shirt", "blue"], k=5), 2000)
    assert len(set(found)) == 2000
    assert {word for text in found for word in text.split()} == {"red", "shirt", "blue"}


def test_the_share_of_pictures_is_kept_and_each_is_another_request():
    found = list(islice(asks(["red", "shirt"], [b"one", b"two"], pictured=0.25, k=7), 2000))
    pictures = [json.loads(ask.body) for ask in found if ask.kind == "picture"]
    assert len(pictures) == pytest.approx(500, abs=60)
    assert {base64.b64decode(picture["image"])[:3] for picture in pictures} == {b"one", b"two"}
    assert len({picture["image"] for picture in pictures}) == len(pictures)
    assert all(picture["k"] == 7 for picture in pictures)


def test_the_seed_decides():
    one, same, other = (texts(asks(["red", "shirt", "blue"], seed=seed), 20) for seed in (1, 1, 2))
    assert one == same != other


def test_given_phrases_come_in_their_order_over_and_over():
    assert texts(phrases(["red shirt", "blue"], k=3), 3) == ["red shirt", "blue", "red shirt"]


def test_too_little_to_ask_for():
    with pytest.raises(ValueError, match="1 different words are too few"):
        asks(["red", "red"])
    with pytest.raises(ValueError, match="no pictures"):
        asks(["red", "shirt"], pictured=0.1)
