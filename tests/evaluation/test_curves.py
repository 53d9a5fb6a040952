"""Plots: that they show what there is, in the page's colours, and nothing where there is nothing."""

import re
from xml.etree import ElementTree

import pytest

from evaluation import curves
from evaluation.curves import loss_curve, recall_curve, score_plot, validation_curve
from evaluation.history import History, LoggedStep
from tests.evaluation.runs import BLIND, HISTORY, SEEING

EMPTY = History(steps=(), validations=(), unreadable=0)


def _points(svg: str, variable: str) -> list[int]:
    """Points of each line drawn in one of the page's colours."""
    return [
        len(re.findall("[ML] ", line))
        for line in re.findall(rf'<path d="([^"]*)" clip-path="[^"]*" style="[^"]*var\(--{variable}\)', svg)
    ]


@pytest.mark.parametrize(
    "svg",
    [
        loss_curve(HISTORY),
        validation_curve(HISTORY),
        recall_curve(BLIND.report, SEEING.report),
        score_plot(BLIND.report, SEEING.report),
    ],
    ids=["loss", "validation", "recall", "scores"],
)
def test_a_plot_is_an_element_that_takes_everything_from_the_page(svg: str | None) -> None:
    assert svg is not None
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("}svg")
    assert root.get("width") is None
    assert root.get("viewBox")
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", svg), "a colour that is not the page's"
    assert "<style" not in svg
    assert "DejaVu" not in svg
    assert "metadata" not in svg
    assert all(re.fullmatch(r"[mp][0-9a-f]{10}", found) for found in re.findall(r'\bid="([^"]*)"', svg))
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', svg))


def test_the_same_figures_give_the_same_plot() -> None:
    assert loss_curve(HISTORY) == loss_curve(HISTORY)


def test_a_long_run_is_averaged_and_a_short_one_is_not() -> None:
    assert max(_points(loss_curve(HISTORY) or "", "after")) <= curves._MOST
    short = History(steps=HISTORY.steps[:5], validations=(), unreadable=0)
    assert max(_points(loss_curve(short) or "", "after")) == 5


def test_averages_keep_the_mean() -> None:
    steps, values = curves._thinned([(step, float(step)) for step in range(1000)])
    assert len(steps) == 334
    assert steps[0] == values[0] == 1.0
    assert values[-1] == 999.0


def test_a_run_of_one_step_is_seen() -> None:
    one = History(steps=(LoggedStep(1, 1, 3.0, 1e-4, 10.0),), validations=(), unreadable=0)
    (marks,) = re.findall(r'<g clip-path="[^"]*">\s*(<use [^>]*var\(--after\)[^>]*>)', loss_curve(one) or "")
    assert marks


def test_steps_without_a_loss_leave_a_gap_not_an_error() -> None:
    steps = (LoggedStep(1, 1, None, None, None), LoggedStep(2, 1, 2.0, 1e-4, 10.0), LoggedStep(3, 1, 1.0, 1e-4, 10.0))
    assert max(_points(loss_curve(History(steps=steps, validations=(), unreadable=0)) or "", "after")) == 2
    assert loss_curve(History(steps=steps[:1], validations=(), unreadable=0)) is None


def test_before_is_drawn_only_where_there_was_one() -> None:
    for plot in (recall_curve, score_plot):
        assert "var(--before)" in (plot(BLIND.report, SEEING.report) or "")
        assert "var(--before)" not in (plot(None, SEEING.report) or "")


def test_where_there_is_nothing_to_show_there_is_no_plot() -> None:
    assert loss_curve(EMPTY) is None
    assert validation_curve(EMPTY) is None
