"""What holds for every query, whatever it is made of: over 400 products that often tie, and every index kind."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aisle import inverted_lists
from aisle.errors import InvalidQuery
from aisle.images import ImageLimits
from aisle.manifest import IndexKind
from serving import engine
from serving.query import ImagePart, LikePart, Query, SourceWeights, TextPart, VectorPart

WORDS = ["red", "green shirt", "blue striped dress", "shoe", "something else", "-floral", "a -red b"]
IDS = [f"p{number:04}" for number in range(400)]

weights = st.floats(0.05, 3.0) | st.floats(-3.0, -0.05)
texts = st.sampled_from(WORDS)
likes = st.lists(st.sampled_from(IDS), min_size=1, max_size=3).map(tuple)
vectors = st.lists(st.integers(-5, 5), min_size=8, max_size=8).filter(any).map(tuple)
pictures = st.sampled_from([(255, 0, 0), (10, 200, 90), (40, 40, 255)])


@pytest.fixture(scope="module", autouse=True)
def approximate():
    """Of 400 products an IVF index would visit every list: make it choose among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverted_lists, "HEAD_ROWS", 60)
        patch.setattr(inverted_lists, "LEAST_COMPARED", 70)
        yield


@pytest.fixture(params=[IndexKind.EXACT, IndexKind.IVF, IndexKind.IVF_PQ, IndexKind.HNSW], scope="module")
def shop(request, varied):
    return varied[request.param]


@pytest.fixture(scope="module")
def photo(make_picture):
    """Pictures by colour, drawn once."""
    drawn = {}
    return lambda colour: drawn.setdefault(colour, make_picture(colour))


@st.composite
def parts(draw, photo):
    kind = draw(st.sampled_from(["text", "image", "like", "vector"]))
    weight = draw(weights)
    match kind:
        case "text":
            return TextPart(draw(texts), weight)
        case "image":
            return ImagePart(photo(draw(pictures)), weight)
        case "like":
            return LikePart(draw(likes), weight)
        case _:
            return VectorPart(draw(vectors), weight)


@st.composite
def queries(draw, photo, *, at_least=1):
    """Simple fields, explicit parts, or both."""
    query = {
        "text": draw(st.just("") | texts),
        "image": draw(st.just(b"") | pictures.map(photo)),
        "like": draw(st.just(()) | likes),
        "vector": draw(st.just(()) | vectors),
        "weights": SourceWeights(*(draw(weights) for _ in range(4))),
        "parts": tuple(draw(st.lists(parts(photo), max_size=3))),
        "balance": draw(st.none() | st.sampled_from([0.0, 0.3, 1.0])),
        "filters": draw(st.sampled_from([{}, {"tags": "new"}, {"$not": {"colour": "red"}}, {"price": {"min": 5}}])),
    }
    assume(sum(map(bool, (query["text"], query["image"], query["like"], query["vector"], *query["parts"]))) >= at_least)
    return query


def ask(snapshot, query, **changes):
    """All hits, or None where the parts cancel each other out."""
    try:
        return engine.search(snapshot, Query(**({"k": 200} | query | changes)), limits=ImageLimits())
    except InvalidQuery as error:
        if "cancel" not in str(error):
            raise
        return None


def ranking(answer):
    return None if answer is None else [(hit.id, hit.score) for hit in answer.hits]


@given(data=st.data())
def test_weight_0_equals_absence(shop, photo, data):
    query = data.draw(queries(photo))
    nothing = (
        TextPart("red", 0.0),
        ImagePart(b"not even a picture", 0.0),
        LikePart(("no such product", "p0001"), 0.0),
        VectorPart((1.0,), 0.0),
    )
    added = data.draw(st.lists(st.sampled_from(nothing), min_size=1, max_size=4, unique_by=type))
    before = data.draw(st.integers(0, len(query["parts"])))
    mixed = (*query["parts"][:before], *added, *query["parts"][before:])
    assert ranking(ask(shop, query, parts=mixed)) == ranking(ask(shop, query))


@given(data=st.data())
def test_weight_0_of_a_simple_field_equals_absence(shop, photo, data):
    query = data.draw(queries(photo, at_least=2))
    field, empty = data.draw(st.sampled_from([("text", ""), ("image", b""), ("like", ()), ("vector", ())]))
    muted = {name: getattr(query["weights"], name) for name in ("text", "image", "like", "vector")} | {field: 0.0}
    without = query | {field: empty}
    assume(without["text"] or without["image"] or without["like"] or without["vector"] or without["parts"])
    assert ranking(ask(shop, query, weights=SourceWeights(**muted))) == ranking(ask(shop, without))


@given(data=st.data(), scale=st.floats(1e-20, 1e20))
def test_scaling_all_weights_changes_no_order(shop, photo, data, scale):
    query = data.draw(queries(photo))
    simple = SourceWeights(
        **{name: scale * getattr(query["weights"], name) for name in ("text", "image", "like", "vector")}
    )
    scaled = tuple(replace(part, weight=scale * part.weight) for part in query["parts"])
    plain, larger = ask(shop, query), ask(shop, query, weights=simple, parts=scaled)
    if plain is None or larger is None:
        assert plain is larger
        return
    assert [hit.id for hit in plain.hits] == [hit.id for hit in larger.hits]
    assert [hit.score for hit in plain.hits] == pytest.approx([hit.score for hit in larger.hits], abs=1e-5)


@given(data=st.data())
def test_like_leaves_its_own_products_out(shop, photo, data):
    query = data.draw(queries(photo))
    query["like"] = data.draw(likes)
    query["parts"] = (*query["parts"], LikePart(data.draw(likes), data.draw(weights)))
    answer = ask(shop, query, filters={})
    if answer is not None:
        liked = {*query["like"], *(i for part in query["parts"] if isinstance(part, LikePart) for i in part.ids)}
        assert answer.matches == 400 - len(liked)
        assert not liked & {hit.id for hit in answer.hits}


def key(hit):
    return -hit[1], hit[0]


@given(data=st.data(), k=st.integers(1, 200))
def test_paging_never_repeats_or_skips_and_ties_come_by_id(shop, photo, data, k):
    query = data.draw(queries(photo) | st.just({"filters": {"colour": "red"}}) | st.just({}))
    first = ask(shop, query, k=k)
    if first is None:
        return
    pages = [ask(shop, query, k=k, offset=offset) for offset in range(0, 400, k)]
    together = [hit for page in pages for hit in ranking(page)]
    assert len(together) == len({product for product, _ in together}) == first.matches
    assert all(len(page.hits) == min(k, max(0, first.matches - k * number)) for number, page in enumerate(pages))
    assert together[:60] == ranking(ask(shop, query, k=200))[:60]
    if together and together[0][1] is not None:
        # An approximate index ranks what it proposes first, then, tier by tier, what is left: there order may break.
        kind = shop.index.parameters.kind
        breaks = sum(key(before) > key(after) for before, after in pairwise(together))
        assert breaks <= (4 if kind.refined else {IndexKind.EXACT: 0, IndexKind.IVF: 1, IndexKind.HNSW: 2}[kind])


@given(data=st.data())
def test_terms_add_up_to_the_score(shop, photo, data):
    query = data.draw(queries(photo))
    answer = ask(shop, query, explain=True, k=50)
    if answer is None:
        return
    planned = engine.plan_query(shop, Query(**query)).parts
    for hit in answer.hits:
        assert [term.weight for term in hit.explanation] == [part.weight for part in planned]
        # Half precision in eight dimensions: a sum of both halves is rounded once more than each half.
        assert sum(term.image + term.text for term in hit.explanation) == pytest.approx(hit.score, abs=5e-4)
    assert ranking(answer) == ranking(ask(shop, query, k=50))  # being explained changes nothing


@given(data=st.data())
def test_scores_are_weighted_cosines(shop, photo, data):
    """Against the definition: the sum of the parts, each half of norm 1, compared with every product."""
    query = data.draw(queries(photo))
    answer = ask(shop, query)
    if answer is None:
        return
    plan = engine.plan_query(shop, Query(**query))
    halves = np.zeros((2, 8))
    for part in plan.parts:
        halves += part.weight * vector_of(shop, part)
    norms = np.linalg.norm(halves, axis=1)
    assume((norms > 1e-3).all())  # float32 rounding of parts that nearly cancel out
    pictures, texts = halves / norms[:, None]
    for hit in answer.hits[:20]:
        product = shop.index.vectors(np.array([shop.row(hit.id)]))[0]
        expected = plan.halves.image * pictures @ product[:8] + plan.halves.text * texts @ product[8:]
        assert hit.score == pytest.approx(expected, abs=5e-4)


def vector_of(shop, part) -> np.ndarray:
    """float64 `[2, 8]`, both rows of norm 1."""
    if isinstance(part, TextPart):
        both = shop.encoder.encode_texts([part.text])[0]
    elif isinstance(part, ImagePart):
        both = shop.encoder.encode_images(engine.decode(shop, part.data, limits=ImageLimits()))[0]
    elif isinstance(part, VectorPart):
        both = np.array(part.values) / np.linalg.norm(part.values)
    else:
        rows = shop.index.vectors(np.array([shop.row(liked) for liked in dict.fromkeys(part.ids)]))
        looks = sum(row[:8] if row[:8].any() else row[8:] for row in rows)
        says = sum(row[8:] if row[8:].any() else row[:8] for row in rows)
        return np.stack([looks / np.linalg.norm(looks), says / np.linalg.norm(says)])
    return np.stack([both, both]).astype(np.float64)
