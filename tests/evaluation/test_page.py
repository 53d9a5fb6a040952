"""The page: one file, everything said in words, nothing fetched, nothing broken by odd names."""

import dataclasses
from html.parser import HTMLParser

import pytest

from evaluation.comparison import Comparison
from evaluation.page import render_page
from tests.evaluation.runs import BLIND, HISTORY, SEEING, comparison

THUMBNAILS = {row: f"data:image/jpeg;base64,{row}" for row in range(0, 160, 10)}


class Page(HTMLParser):
    """What a reader of the page can rely on."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.said.append(" ".join(data.split()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.said))


def page(found: Comparison) -> Page:
    return Page(render_page(found, THUMBNAILS))


WHOLE = page(comparison())


def test_nothing_is_fetched_and_nothing_runs() -> None:
    assert not WHOLE.all("script")
    assert not WHOLE.all("link")
    for tag, attributes in WHOLE.tags:
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "srcset", "action"}:
                assert (value or "").startswith(("#", "data:image/")), (tag, value)
            assert not name.startswith("on"), (tag, name)
    (policy,) = [meta["content"] for meta in WHOLE.all("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_elements_are_closed_ids_are_unique_and_links_lead_somewhere() -> None:
    assert WHOLE.open == []
    ids = [attributes["id"] for _, attributes in WHOLE.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {(one["href"] or "").removeprefix("#") for one in WHOLE.all("a")} <= set(ids)
    assert len(WHOLE.all("a")) == 4


def test_every_picture_is_described_and_relevance_is_said() -> None:
    pictures = WHOLE.all("img")
    assert len(pictures) == 3 * 2 * 4 + 1  # three queries, two models, four hits; and the product of the title
    assert all(picture["alt"] for picture in pictures)
    said = [str(picture["alt"]) for picture in pictures]
    assert sum(alt.endswith(", relevant") for alt in said) == sum(
        "relevant" in (li["class"] or "") for li in WHOLE.all("li")
    )
    assert sum(alt.endswith(", not relevant") for alt in said) > 0
    assert "0 of 4 relevant" in WHOLE.text
    assert "4 of 4 relevant" in WHOLE.text


def test_figures_before_and_after_stand_in_the_page() -> None:
    assert "openai/clip-vit-base-patch32" in WHOLE.text
    assert "on products.parquet." in WHOLE.text
    assert "100.0 % are among the first ten hits of their own title" in WHOLE.text
    for said in (
        "precision@1 0.000 1.000 +1.000",
        "2.5·max(cos, 0) 0.000 2.500 +2.500",
        "2.5 * max(cos, 0) (Hessel et al. 2021, arXiv:2104.08718, equation 1)",
        "Others quote 100 * cos",
        "“blue bag”",
        "colour article · 4 of 16 products are relevant",
        "learning rate 5e-05",
        "templates {colour} {article}, {article}",
        "resumed no",
        "lora rank none",
        "Loss 5.00 at step 1, 0.01 at step 1,000.",
        "at the end recall@1 0.100 and recall@10 0.450",
    ):
        assert said in WHOLE.text, said
    assert len(WHOLE.all("figure")) == 4


def test_a_figure_that_fell_shows_a_minus() -> None:
    text = page(comparison(before=SEEING.report, after=BLIND.report)).text
    assert "precision@1 1.000 0.000 \N{MINUS SIGN}1.000" in text


def test_names_are_text_and_never_markup() -> None:
    html = render_page(comparison(settings={"note": "<script>alert(1)</script>"}), THUMBNAILS)
    assert "<script" not in html
    assert "tuned &lt;clip&gt;" in html


def test_from_scratch_only_after_is_shown() -> None:
    alone = [dataclasses.replace(grid, before=None) for grid in comparison().grids]
    found = page(comparison(before=None, before_name=None, grids=tuple(alone)))
    assert found.open == []
    assert "Trained from scratch" in found.text
    assert "before" not in found.text.replace("chosen before the model was asked", "").lower()
    assert len(found.all("img")) == 3 * 4 + 1
    assert "precision@1 1.000" in found.text


def test_without_held_out_products_the_run_alone_is_shown() -> None:
    found = page(comparison(before=None, after=None, grids=(), held_out=0))
    assert found.open == []
    assert "No product was held out" in found.text
    assert len(found.all("figure")) == 2
    assert not found.all("table")


@pytest.mark.parametrize(("count", "said"), [(1, "1 line of the run's history"), (2, "2 lines of the run's history")])
def test_what_is_missing_is_said(count: int, said: str) -> None:
    assert said in page(comparison(history=dataclasses.replace(HISTORY, unreadable=count))).text
    assert "history could not be read" not in WHOLE.text
    left_out = dataclasses.replace(SEEING.report, without_picture=2, left_out=count)
    assert (
        f"2 held-out products without a picture that can be read, and {count} rows"
        in page(comparison(after=left_out)).text
    )
    assert "Not searched" not in WHOLE.text
