"""What a shopper may be typing."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving import suggestions as suggestions_module
from serving.snapshot import load_snapshot
from serving.suggestions import Suggestion, fold, fold_all


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, bundles, write_release, item_class):
    """Titles, and values of two attributes; titles are the texts in title case (see conftest)."""
    from aisle.layout import Layout

    layout = Layout(tmp_path_factory.mktemp("shelf"))
    layout.models.symlink_to(bundles[0])
    texts = ["red striped dress"] * 3 + ["red dress", "blue striped shirt", "crème brûlée dress", "sneakers white"]
    colours = ["red", "red", "red", "red", "blue", None, "white"]
    tags = [("sale", "sale"), ("sale",), (), ("dress",), (), ("men's",), ("naïve",)]
    items = [
        item_class(id=f"p{n}", looks="red", says=text, colour=colours[n], tags=tags[n]) for n, text in enumerate(texts)
    ]
    write_release(layout, "r1", items, fingerprint=bundles[1])
    return load_snapshot(layout, "r1")


def found(shelf, typed, k=10):
    return [suggestion.text for suggestion in shelf.suggestions.find(typed, k=k)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        # what begins as typed first, then what has a word that does; more products first, then by text
        ("r", ["red", "Red Striped Dress", "Red Dress"]),
        ("red str", ["Red Striped Dress"]),
        ("dr", ["dress", "Red Striped Dress", "Crème Brûlée Dress", "Red Dress"]),
        ("str dress", ["Red Striped Dress"]),
        ("dress red", ["Red Striped Dress", "Red Dress"]),
        ("RED  Striped,", ["Red Striped Dress"]),
        # accents and apostrophes, typed or not
        ("creme", ["Crème Brûlée Dress"]),
        ("brûl", ["Crème Brûlée Dress"]),
        ("naive", ["naïve"]),
        ("mens", ["men's"]),
        ("men\u2019s", ["men's"]),
        # typos: one edit from three letters on, two from six on, at the start of a word as well
        ("stirped", ["Red Striped Dress", "Blue Striped Shirt"]),
        ("snaekres", ["Sneakers White"]),
        ("snekers", ["Sneakers White"]),
        ("drss", ["Red Striped Dress", "Crème Brûlée Dress", "dress", "Red Dress"]),
        ("bleu str", ["Blue Striped Shirt"]),
        ("xz", []),
        ("zzzzzzz", []),
        ("red sneakers", []),
    ],
)
def test_what_is_found(shelf, typed, expected):
    assert found(shelf, typed) == expected


def test_nothing_typed_finds_what_there_is_most_of(shelf):
    assert found(shelf, " - ", k=3) == ["red", "Red Striped Dress", "sale"]


def test_what_is_said_of_each(shelf):
    red, title, *_ = shelf.suggestions.find("red", k=5)
    assert red == Suggestion(text="red", attribute="colour", products=4)
    assert title == Suggestion(text="Red Striped Dress", attribute=None, products=3)
    assert shelf.suggestions.find("sale", k=5) == (Suggestion(text="sale", attribute="tags", products=2),)


def test_a_text_that_is_both_comes_once_and_no_more_than_wanted(layout, release, item):
    items = [item(f"p{n}", looks="red", says="red", colour="Red", tags=("RED", f"red {n:02}")) for n in range(30)]
    snapshot = load_snapshot(layout, release(items=items))
    texts = found(snapshot, "red", k=10)
    assert texts == ["Red", *[f"red {n:02}" for n in range(9)]]


def test_hidden_products_suggest_nothing_and_come_back(shelf):
    hiding = shelf.hiding(frozenset({"p0", "p1", "p2", "p5"}))
    assert found(hiding, "str") == ["Blue Striped Shirt"]
    assert found(hiding, "men") == []
    assert hiding.suggestions.find("red", k=1)[0].products == 1
    assert found(hiding, "sale") == []
    assert found(hiding.hiding(frozenset({"p1"})), "men") == ["men's"]
    assert hiding.hiding(frozenset({"p1"})).suggestions.find("sale", k=1)[0].products == 1
    assert found(hiding.hiding(frozenset()), "r") == found(shelf, "r")


def test_memory_is_bounded_by_keeping_the_most_frequent(layout, release, item, monkeypatch):
    monkeypatch.setattr(suggestions_module, "MAX_TEXTS", 3)
    items = [item(f"p{n}", looks="red", says=f"title {n % 5}", colour="blue" if n else None) for n in range(11)]
    snapshot = load_snapshot(layout, release(items=items))
    assert found(snapshot, "") == ["blue", "Title 0", "Title 1"]


def test_descriptions_are_not_suggested(layout, release, item):
    snapshot = load_snapshot(layout, release(items=[item("p", looks="red", says="red " * 40)]))
    assert found(snapshot, "red") == []


def test_a_release_without_texts(layout, release, item):
    snapshot = load_snapshot(layout, release(items=[item("p", looks="red", says="")]))
    assert found(snapshot, "") == found(snapshot, "red") == []


@given(st.text(st.characters(blacklist_categories=["Cs", "Cn"]), max_size=30))
@example("ΟΔΟΣ İstanbul ﬁn ½ ǅ ß 한글 नमस्ते ١٢٣")
@example("men's men\u2019s T-Shirt\t\u00a0x")
def test_one_text_is_folded_as_many_are(text):
    assert fold_all(pa.array([text], pa.string())).to_pylist() == [fold(text)]


@given(st.text(max_size=250))
def test_anything_may_be_typed(shelf, typed):
    assert len(shelf.suggestions.find(typed, k=3)) <= 3
