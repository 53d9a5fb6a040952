"""Example queries: a variety, chosen without asking a model."""

from evaluation.examples import choose_examples, find_hits
from evaluation.tasks import Tasks
from tests.evaluation.axes import AxisEncoder, catalog

MANY = catalog(*["red bag"] * 6, *["red shoe"] * 5, *["blue bag"] * 4, *["blue shoe"] * 4, "red hat", "green shoe")
TASKS = Tasks(attributes=("{colour} {article}",), categories=("{article}",), article="article")


def test_attributes_take_turns_and_rare_ones_wait() -> None:
    chosen = choose_examples(MANY, TASKS, attributes=3, titles=0)
    # The most common; then what shares nothing with it; then, all words used once, the most common left.
    assert [example.text for example in chosen] == ["red bag", "blue shoe", "red shoe"]
    assert chosen[0].asks == "colour article"
    assert chosen[0].relevant == (0, 10, 20, 30, 40, 50)  # rows of the catalog, which are ten times the places here
    assert len(choose_examples(MANY, TASKS, attributes=9, titles=0)) == 4  # not those with one product


def test_where_all_are_rare_they_are_asked() -> None:
    few = catalog("red bag", "blue shoe")
    assert {example.text for example in choose_examples(few, TASKS, titles=0)} == {"red bag", "blue shoe"}


def test_templates_take_turns() -> None:
    both = Tasks(attributes=("{colour} {article}", "{article} in {colour}"))
    chosen = choose_examples(MANY, both, attributes=3, titles=0)
    assert [example.asks for example in chosen] == ["colour article", "article in colour", "colour article"]


def test_titles_are_drawn_by_the_id_and_stay() -> None:
    first = choose_examples(MANY, Tasks(), titles=3)
    assert [example.asks for example in first] == ["title"] * 3
    assert all(len(example.relevant) == 1 for example in first)
    assert choose_examples(MANY, Tasks(), titles=3) == first
    assert [example.relevant[0] for example in first] != [0, 10, 20]  # by hash, not from the top
    assert choose_examples(catalog(None, shown=["bag"]), Tasks()) == []


def test_categories_stand_in_where_no_template_is_known() -> None:
    chosen = choose_examples(MANY, Tasks(categories=("{article}",)), titles=0)
    assert [example.text for example in chosen] == ["bag", "shoe"]


def test_hits_are_the_nearest_pictures_and_know_whether_they_were_asked_for() -> None:
    shown = catalog("red bag", "blue bag", "red shoe", shown=["red bag", "red bag", "blue shoe"])
    (example, *_) = [one for one in choose_examples(shown, TASKS, titles=0) if one.text == "blue bag"]
    (hits,) = find_hits(shown, [example], AxisEncoder(), most=2)
    assert [(hit.id, hit.row, hit.relevant) for hit in hits] == [("p0", 0, False), ("p1", 10, True)]
    assert hits[0].title == "A red bag"
    assert abs(hits[0].cosine - 0.5) < 1e-6
