"""Answers over a shop whose every score can be computed by hand (see conftest)."""

import math

import numpy as np
import pytest

from aisle.errors import InvalidImage, InvalidQuery, UnknownProduct
from aisle.images import ImageLimits
from serving import engine
from serving.query import ImagePart, LikePart, Query, SourceWeights, TextPart, VectorPart

LIMITS = ImageLimits()
HALF = math.sqrt(0.5)


def ask(snapshot, **query):
    return engine.search(snapshot, Query(**query), limits=LIMITS)


def ranking(answer):
    return [(hit.id, round(hit.score, 4)) for hit in answer.hits]


def test_texts_are_read_at_balance_1(snapshot):
    answer = ask(snapshot, text="red shirt", balance=1.0, k=5)
    assert ranking(answer) == [
        ("shirt/red", 1.0),
        ("dress/red", 0.5),
        ("shirt/blue", 0.5),
        ("shirt/green", 0.5),
        ("shoe/red", 0.5),
    ]
    assert answer.matches == 9
    assert answer.release == snapshot.id


def test_pictures_are_looked_at_at_balance_0(snapshot, make_picture):
    answer = ask(snapshot, image=make_picture("blue"), balance=0.0, k=4)
    assert ranking(answer) == [("dress/blue", 1.0), ("shirt/blue", 1.0), ("shoe/blue", 1.0), ("dress/green", 0.0)]


def test_defaults_follow_the_kind_of_query(snapshot, make_picture):
    """Text: 0.25 picture + 0.75 text; picture: the other way round; both: half and half (see conftest)."""
    assert ranking(ask(snapshot, text="red", k=1)) == [("dress/red", round(0.25 + 0.75 * HALF, 4))]
    assert ranking(ask(snapshot, image=make_picture("red"), k=1)) == [("dress/red", round(0.75 + 0.25 * HALF, 4))]
    assert ranking(ask(snapshot, like=("shirt/red",), k=1)) == [("dress/red", round(0.75 + 0.25 * 0.5, 4))]
    both = ask(snapshot, image=make_picture("red"), text="dress", k=1)  # the query is (red + dress) / sqrt 2
    assert ranking(both) == [("dress/red", round(0.5 * HALF + 0.5 * 1.0, 4))]


def test_what_a_product_looks_like_and_what_it_says_probe_their_own_halves(layout, release, item):
    """A red picture that says "blue": its look finds red pictures, its words find blue texts."""
    from serving.snapshot import load_snapshot

    items = [
        item("liar", looks="red", says="blue"),
        item("red-picture", looks="red", says="shirt"),
        item("blue-text", looks="green", says="blue"),
        item("blue-picture", looks="blue", says="shirt"),
    ]
    snapshot = load_snapshot(layout, release(items=items))
    assert ranking(ask(snapshot, like=("liar",), balance=0.0, k=1)) == [("red-picture", 1.0)]
    assert ranking(ask(snapshot, like=("liar",), balance=1.0, k=1)) == [("blue-text", 1.0)]


def test_a_missing_half_is_stood_in_for_by_the_other(layout, release, item):
    from serving.snapshot import load_snapshot

    items = [
        item("unpictured", looks=None, says="red"),
        item("wordless", looks="blue", says=""),
        item("red", looks="red", says="shirt"),
        item("blue", looks="green", says="blue"),
    ]
    snapshot = load_snapshot(layout, release(items=items))
    assert ranking(ask(snapshot, like=("unpictured",), balance=0.0, k=1)) == [("red", 1.0)]
    assert ranking(ask(snapshot, like=("wordless",), balance=1.0, k=1)) == [("blue", 1.0)]
    assert [hit.pictured for hit in ask(snapshot).hits] == [False, True, True, True]


def test_products_to_resemble_are_left_out(snapshot):
    answer = ask(snapshot, like=("shirt/red", "dress/red"), k=200)
    assert answer.matches == 7
    assert {hit.id for hit in answer.hits} == set(snapshot.products.ids) - {"shirt/red", "dress/red"}
    assert answer.hits[0].id == "shoe/red"
    ignored = ask(snapshot, like=("shirt/red",), text="red shirt", weights=SourceWeights(like=0.0), k=1)
    assert ignored.hits[0].id == "shirt/red"  # a part without weight leaves nothing out either


def test_unknown_product(snapshot):
    with pytest.raises(UnknownProduct, match="shirt/pink"):
        ask(snapshot, like=("shirt/pink",))


def test_weight_0_equals_absence(snapshot, make_picture):
    plain = ask(snapshot, text="red shirt", k=9)
    assert ranking(plain) == ranking(
        ask(
            snapshot,
            text="red shirt",
            image=b"not even a picture",
            like=("no such product",),
            weights=SourceWeights(image=0.0, like=0.0),
            k=9,
        )
    )
    browsing = ask(snapshot, text="red", weights=SourceWeights(text=0.0), k=9)
    assert [hit.score for hit in browsing.hits] == [None] * 9


@pytest.mark.parametrize("scale", [1e-30, 0.1, 7.0, 1e30])
def test_scaling_all_weights_changes_nothing(snapshot, make_picture, scale):
    parts = {"text": "striped dress", "image": make_picture((200, 40, 90)), "like": ("shoe/blue",), "k": 8}
    plain = ask(snapshot, **parts, weights=SourceWeights(text=0.7, image=1.3, like=-0.4))
    scaled = ask(snapshot, **parts, weights=SourceWeights(text=0.7 * scale, image=1.3 * scale, like=-0.4 * scale))
    assert ranking(plain) == ranking(scaled)


def test_a_negative_weight_turns_away(snapshot):
    away = ask(snapshot, text="shirt", like=("dress/red",), weights=SourceWeights(like=-1.0), balance=0.0, k=9)
    # Pictures: -red/sqrt 2 is all that meets them, so what is not red comes first.
    assert [hit.id.split("/")[1] for hit in away.hits[-2:]] == ["red", "red"]
    assert away.hits[-1].score == pytest.approx(-HALF, abs=1e-5)


def test_a_minus_turns_away(snapshot):
    """Texts alone: (shirt - 0.35 red) / norm against (colour + shirt) / sqrt 2."""
    hits = ranking(ask(snapshot, text="shirt -red", balance=1.0, k=9))
    norm = math.hypot(1, 0.35)
    assert hits[:3] == [
        ("shirt/blue", round(HALF / norm, 4)),
        ("shirt/green", round(HALF / norm, 4)),
        ("shirt/red", round(HALF * 0.65 / norm, 4)),
    ]
    assert hits[-1] == ("shoe/red", round(-HALF * 0.35 / norm, 4))
    # in quotes the minus is a word that no product has
    quoted = ranking(ask(snapshot, text='shirt "-red"', balance=1.0, k=1))
    assert quoted == [("shirt/red", round(2 * HALF / math.sqrt(3), 4))]


def test_several_minuses_share_their_weight(snapshot):
    away = 0.35 / math.sqrt(2)
    hits = ranking(ask(snapshot, text="shirt -red -green", balance=1.0, k=3))
    norm = math.sqrt(1 + 2 * away**2)
    assert hits[0] == ("shirt/blue", round(HALF / norm, 4))
    assert hits[1] == ("shirt/green", round(HALF * (1 - away) / norm, 4))


def test_nothing_but_a_minus(snapshot):
    hits = ranking(ask(snapshot, text="-red", balance=1.0, k=9))
    assert [score for _, score in hits] == [0.0] * 6 + [round(-HALF, 4)] * 3
    assert {product.split("/")[1] for product, _ in hits[-3:]} == {"red"}


def test_words_of_explicit_parts_are_taken_as_they_are(snapshot):
    parts = (TextPart("shirt"), TextPart("red", -0.35))
    assert ranking(ask(snapshot, parts=parts, k=9)) == ranking(ask(snapshot, text="shirt -red", k=9))
    quoted = ranking(ask(snapshot, text='"shirt -red"', k=9))
    assert ranking(ask(snapshot, parts=(TextPart("shirt -red"),), k=9)) == quoted


def test_like_this_but_in_another_colour(snapshot):
    hits = ask(snapshot, parts=(LikePart(("shirt/red",)), TextPart("blue"), TextPart("red", -1.0)), k=2).hits
    assert hits[0].id == "shirt/blue"


def test_a_vector_goes_into_both_halves(snapshot):
    """Axis 0 is red, axis 3 is shirt; the length of the vector does not count, huge or tiny."""
    for size in (1.0, 1e-300, 1e300):
        hits = ranking(ask(snapshot, vector=(size, 0, 0, size, 0, 0, 0, 0), k=2))
        # one of the release's kinds that are half picture, half text
        assert hits == [("shirt/red", round(0.5 * HALF + 0.5, 4)), ("dress/red", round(0.5 * HALF + 0.25, 4))]
    red = (1.0, *[0.0] * 7)
    assert ranking(ask(snapshot, vector=red, balance=1.0, k=9)) == ranking(ask(snapshot, text="red", balance=1.0, k=9))


@pytest.mark.parametrize("values", [(1.0, 2.0), (0.0,) * 8, (math.nan, *[1.0] * 7), (math.inf, *[1.0] * 7)], ids=str)
def test_vectors_that_point_nowhere(snapshot, values):
    with pytest.raises(InvalidQuery, match="vector"):
        ask(snapshot, vector=values)
    with pytest.raises(InvalidQuery, match="vector"):
        ask(snapshot, parts=(VectorPart(values),))


def test_empty_parts_are_absent(snapshot):
    empty = (TextPart("  "), ImagePart(b""), LikePart(()), VectorPart(()))
    assert [hit.score for hit in ask(snapshot, parts=empty, k=9).hits] == [None] * 9


def test_parts_are_limited(snapshot):
    assert ask(snapshot, parts=(TextPart("red"),) * 16, k=1).hits[0].id == "dress/red"
    with pytest.raises(InvalidQuery, match="17 parts"):
        ask(snapshot, parts=(TextPart("red"),) * 17)
    with pytest.raises(InvalidQuery, match="17 parts, unwanted words included"):
        ask(snapshot, text="red " + " ".join(f"-x{letter}" for letter in "abcdefghijklmnop"))
    with pytest.raises(InvalidQuery, match="51 products"):
        ask(snapshot, parts=(LikePart(("shirt/red",) * 26), LikePart(("shirt/red",) * 25)))


def test_explained(snapshot):
    (hit,) = ask(snapshot, text="shirt -red", like=("dress/red",), k=1, explain=True).hits
    assert [(term.kind, term.value, term.weight) for term in hit.explanation] == [
        ("text", "shirt", 1.0),
        ("text", "red", -0.35),
        ("like", ("dress/red",), 1.0),
    ]
    assert sum(term.image + term.text for term in hit.explanation) == pytest.approx(hit.score, abs=1e-6)
    assert hit.id == "shirt/red"
    shirt, red, like = hit.explanation
    assert shirt.image == pytest.approx(0, abs=1e-6)  # a red picture knows no shirt
    assert shirt.text > 0 > red.text
    assert red.image < 0 < like.image


def test_nothing_is_explained_unasked_or_where_nothing_was_compared(snapshot):
    assert ask(snapshot, text="red", k=1).hits[0].explanation is None
    assert ask(snapshot, k=1, explain=True).hits[0].explanation == ()
    assert ask(snapshot, text="red", filters={"colour": "pink"}, explain=True).hits == ()


def test_pages(snapshot):
    whole = ranking(ask(snapshot, text="red shirt", k=9))
    assert ranking(ask(snapshot, text="red shirt", k=4, offset=3)) == whole[3:7]
    last = ask(snapshot, text="red shirt", k=4, offset=7)
    assert (ranking(last), last.matches) == (whole[7:], 9)
    assert ask(snapshot, text="red shirt", offset=9).hits == ()
    assert [hit.id for hit in ask(snapshot, k=2, offset=8).hits] == ["shoe/blue"]
    assert ask(snapshot, text="red", k=200, offset=9800).hits == ()


def test_parts_that_cancel_out_are_an_error(snapshot, make_picture):
    with pytest.raises(InvalidQuery, match="cancel"):
        ask(snapshot, text="red", image=make_picture("red"), weights=SourceWeights(text=1.0, image=-1.0))


def test_browsing_goes_in_catalog_order(snapshot):
    answer = ask(snapshot, k=3)
    assert [(hit.id, hit.score) for hit in answer.hits] == [
        ("shirt/red", None),
        ("shirt/green", None),
        ("shirt/blue", None),
    ]
    assert answer.matches == 9
    filtered = ask(snapshot, filters={"colour": "blue"}, text="   ", k=2)
    assert [hit.id for hit in filtered.hits] == ["shirt/blue", "dress/blue"]
    assert filtered.matches == 3


def test_hits_carry_their_fields(snapshot):
    hit = ask(snapshot, text="red shirt", k=1).hits[0]
    assert hit.title == "Red Shirt"
    assert hit.pictured
    assert hit.attributes == {"colour": "red", "price": 0.0, "in_stock": True, "tags": ["new", "shirt"]}


def test_equal_products_come_by_id_and_pages_are_prefixes(layout, release, item, kind):
    from serving.snapshot import load_snapshot

    rng = np.random.default_rng(3)
    items = [
        item(f"{number:03}", looks=str(rng.choice(["red", "green", "blue"])), says=str(rng.choice(["shirt", "shoe"])))
        for number in rng.permutation(300)
    ]
    snapshot = load_snapshot(layout, release(items=items, kind=kind))
    everything = ranking(ask(snapshot, text="red shirt", k=200))
    assert everything == sorted(everything, key=lambda hit: (-hit[1], hit[0]))
    for k in (1, 2, 24, 57, 199):
        assert ranking(ask(snapshot, text="red shirt", k=k)) == everything[:k]


def test_stages_add_up(snapshot, make_picture):
    spent = ask(snapshot, text="red", image=make_picture("red")).milliseconds
    assert min(spent.decode, spent.encode, spent.search, spent.fetch) > 0
    assert spent.decode + spent.encode + spent.search + spent.fetch == pytest.approx(spent.total)


def test_bad_pictures_are_refused(snapshot, make_picture):
    with pytest.raises(InvalidImage, match="GIF"):
        ask(snapshot, image=b"%PDF-1.7 not a picture")
    with pytest.raises(InvalidImage, match="pixels"):
        engine.search(snapshot, Query(image=make_picture("red", size=40)), limits=ImageLimits(max_pixels=1000))


@pytest.mark.parametrize(
    "query",
    [
        {"k": 0},
        {"k": 201},
        {"offset": -1},
        {"k": 200, "offset": 9801},
        {"facets": ("colour",) * 51},
        {"like": tuple(map(str, range(51)))},
        {"text": "x" * 2001},
        {"balance": 1.5},
    ],
    ids=str,
)
def test_what_has_no_meaning_is_refused(snapshot, query):
    with pytest.raises(InvalidQuery):
        ask(snapshot, **({"text": "red"} | query))


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_weights_are_finite(weight):
    with pytest.raises(InvalidQuery, match="image"):
        SourceWeights(image=weight)
    for part, content in ((TextPart, "red"), (ImagePart, b"x"), (LikePart, ("x",)), (VectorPart, (1.0,))):
        with pytest.raises(InvalidQuery, match="finite"):
            part(content, weight)
