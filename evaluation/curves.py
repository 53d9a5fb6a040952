"""Plots as SVG text that takes its colours and its type from the page around it, light or dark."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from evaluation.clip_score import Spread
from evaluation.history import History
from evaluation.relevance import RelevanceReport

_INK, _QUIET, _LINE, _BEFORE, _AFTER = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {_INK: "ink", _QUIET: "quiet", _LINE: "line", _BEFORE: "before", _AFTER: "after"}
"""Colours that stand for the page's own; nothing else in a plot is coloured."""

_SIZE = (4.6, 3.0)
"""Inches of 72 points: a phone shows a plot at about this size, and type stays readable there."""

_MOST = 400
"""Points of a curve; longer ones are averaged in blocks."""

_STYLE: dict[Any, object] = {  # matplotlib types the keys as one Literal of hundreds
    "svg.fonttype": "none",
    "svg.hashsalt": "aisle",
    "font.size": 10,
    "text.color": _QUIET,
    "axes.labelcolor": _QUIET,
    "axes.edgecolor": _LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.facecolor": "none",
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _QUIET,
    "ytick.labelcolor": _QUIET,
    "ytick.major.size": 0,
}


def loss_curve(history: History) -> str | None:
    """Loss and learning rate over steps; None when no step has a loss."""
    losses = [(one.step, one.loss) for one in history.steps if one.loss is not None]
    rates = [(one.step, one.learning_rate) for one in history.steps if one.learning_rate is not None]
    if not losses:
        return None
    with _plot("loss", rows=(3, 1)) as (figure, (upper, lower)):
        upper.plot(*_thinned(losses), color=_AFTER, **_dot(losses))
        upper.set_ylabel("loss")
        upper.tick_params(labelbottom=False, bottom=False)
        lower.plot(*_thinned(rates), color=_QUIET, **_dot(rates))
        lower.set_ylabel("rate")
        lower.set_ylim(bottom=0)
        lower.yaxis.set_major_locator(MaxNLocator(2))
        scientific = ScalarFormatter(useMathText=False)
        scientific.set_powerlimits((-2, 3))
        lower.yaxis.set_major_formatter(scientific)
        _steps(lower)
        return _svg(figure)


def validation_curve(history: History) -> str | None:
    """Validation recall@1 and recall@10 over steps; None when the run was never validated."""
    names = list(dict.fromkeys(one.catalog for one in history.validations))
    if not names:
        return None
    with _plot("validation") as (figure, (axes,)):
        for name in names:
            found = [one for one in history.validations if one.catalog == name]
            suffix = f", {name}" if len(names) > 1 else ""
            steps = [one.step for one in found]
            axes.plot(steps, [one.recall_at_10 for one in found], "o-", ms=4, color=_AFTER, label=f"recall@10{suffix}")
            axes.plot(steps, [one.recall_at_1 for one in found], "s--", ms=4, color=_INK, label=f"recall@1{suffix}")
        axes.set_ylim(0, None)
        axes.legend(loc="best", labelcolor=_QUIET)
        _steps(axes)
        return _svg(figure)


def recall_curve(before: RelevanceReport | None, after: RelevanceReport) -> str | None:
    """Title-to-picture recall at k over k; None when there are no titles."""
    if after.titles is None:
        return None
    with _plot("recall") as (figure, (axes,)):
        depths = [point.k for point in after.titles.curve]
        axes.plot(depths, [point.recall for point in after.titles.curve], "o-", ms=4, color=_AFTER, label="after")
        if before is not None and before.titles is not None:
            past = before.titles.curve
            axes.plot([p.k for p in past], [p.recall for p in past], "s--", ms=4, color=_BEFORE, label="before")
            axes.legend(loc="upper left", labelcolor=_QUIET)
        axes.set_xscale("log")
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.minorticks_off()
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("k, hits looked at")
        return _svg(figure)


def score_plot(before: RelevanceReport | None, after: RelevanceReport) -> str | None:
    """CLIP scores of own and of other titles as boxes; None when there are no titles."""
    if after.clip_score is None:
        return None
    past = before.clip_score if before is not None else None
    rows = [("own title", "after", after.clip_score.own), ("other titles", "after", after.clip_score.others)]
    if past is not None:
        rows = [("own title", "before", past.own), rows[0], ("other titles", "before", past.others), rows[1]]
    boxes = [(f"{what}, {when}" if past else what, when, spread) for what, when, spread in rows if spread is not None]
    with _plot("scores", grid="x") as (figure, (axes,)):
        for place, (_, when, spread) in enumerate(boxes):
            _box(axes, spread, place=-place, colour=_AFTER if when == "after" else _BEFORE)
        axes.set_yticks([-place for place in range(len(boxes))], [label for label, _, _ in boxes])
        axes.set_xlim(left=0)
        axes.set_ylim(0.5 - len(boxes), 0.5)
        axes.set_xlabel("2.5·max(cos, 0)")
        return _svg(figure)


def _box(axes: Axes, spread: Spread, *, place: float, colour: str) -> None:
    statistics = {
        "med": spread.percent_50,
        "q1": spread.percent_25,
        "q3": spread.percent_75,
        "whislo": spread.percent_5,
        "whishi": spread.percent_95,
    }
    line = {"color": colour, "linewidth": 1.6}
    axes.bxp(
        [statistics],
        positions=[place],
        widths=0.5,
        orientation="horizontal",
        showfliers=False,
        showcaps=False,
        boxprops=line,
        whiskerprops=line,
        medianprops={"color": colour, "linewidth": 3.2},
        manage_ticks=False,
    )


def _steps(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("step")


def _dot(points: Sequence[object]) -> dict[str, Any]:
    """A line of one point would be invisible."""
    return {"marker": "o"} if len(points) == 1 else {}


def _thinned(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    size = -(-len(points) // _MOST)
    blocks = [points[start : start + size] for start in range(0, len(points), size)]
    return (
        [sum(step for step, _ in block) / len(block) for block in blocks],
        [sum(value for _, value in block) / len(block) for block in blocks],
    )


@contextmanager
def _plot(name: str, *, rows: tuple[int, ...] = (1,), grid: str = "y") -> Iterator[tuple[Figure, list[Axes]]]:
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"aisle-{name}", "axes.grid.axis": grid}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=rows)
        yield figure, list(axes[:, 0])


def _svg(figure: Figure) -> str:
    """The figure as an `<svg>` element without size, ids of groups, or anything that reaches beyond it."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' width="[^"]*pt" height="[^"]*pt"', ' aria-hidden="true"', text, count=1)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="(?![mp][0-9a-f]{10}")[^"]*"', "", text)  # markers and clips keep theirs
    text = re.sub(r"font-family: [^;\"]+", "font-family: inherit", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return text
