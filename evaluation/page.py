"""`report.html`: a comparison as one file that needs nothing else, for desks and phones, in light and dark."""

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluation.clip_score import FORMULA, SOURCE
from evaluation.comparison import Change, ChangeGroup, Comparison, change_groups
from evaluation.curves import loss_curve, recall_curve, score_plot, validation_curve
from evaluation.history import History

TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot and what it shows in words, for those who do not see it.

    Attributes:
        title: Above it.
        summary: Below it.
        svg: An `<svg>` element.
    """

    title: str
    summary: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that stands large at the top.

    Attributes:
        task: What was asked.
        change: The figure before and after.
    """

    task: str
    change: Change


def render_page(comparison: Comparison, thumbnails: Mapping[int, str]) -> str:
    """The page as HTML text.

    Args:
        comparison: What it shows.
        thumbnails: Row of the catalog to a data URI, for every hit and every wanted row.
    """
    groups = change_groups(comparison.before, comparison.after) if comparison.after else []
    environment = Environment(
        loader=PackageLoader("evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = _signed
    environment.filters["short"] = _short
    environment.filters["setting"] = _setting
    return environment.get_template(TEMPLATE).render(
        comparison=comparison,
        thumbnails=thumbnails,
        groups=groups,
        headlines=headlines(groups),
        charts=charts(comparison),
        formula=FORMULA,
        source=SOURCE,
    )


def headlines(groups: list[ChangeGroup]) -> list[Headline]:
    """What a reader wants to know first: titles, the first attribute queries, the CLIP score."""
    wanted = (
        ("Title to picture", "recall@10"),
        ("Title to picture", "recall@1"),
        ("Attributes to products", "precision@1"),
        ("CLIP score", "2.5·max(cos, 0)"),
    )
    found = []
    for task, name in wanted:
        group = next((group for group in groups if group.task.startswith(task)), None)
        if group is not None:
            found += [Headline(group.task, change) for change in group.changes if change.name == name]
    return found


def charts(comparison: Comparison) -> list[Chart]:
    """The plots that there is something to show in."""
    before, after, history = comparison.before, comparison.after, comparison.history
    made = [
        ("Loss and learning rate", _loss_summary(history), loss_curve(history)),
        ("Validation during training", _validation_summary(history), validation_curve(history)),
    ]
    if after is not None:
        made += [
            ("Title to picture: recall at k", _recall_summary(comparison), recall_curve(before, after)),
            ("CLIP score", _score_summary(), score_plot(before, after)),
        ]
    return [Chart(title, summary, Markup(svg)) for title, summary, svg in made if svg is not None]  # noqa: S704 - ours


def _loss_summary(history: History) -> str:
    known = [one for one in history.steps if one.loss is not None]
    if not known:
        return ""
    return f"Loss {known[0].loss:.2f} at step {known[0].step:,}, {known[-1].loss:.2f} at step {known[-1].step:,}."


def _validation_summary(history: History) -> str:
    if not history.validations:
        return ""
    last = history.validations[-1]
    return (
        f"Titles among {last.products:,} held-out pictures; at the end recall@1 {last.recall_at_1:.3f} and "
        f"recall@10 {last.recall_at_10:.3f}."
    )


def _recall_summary(comparison: Comparison) -> str:
    report = comparison.after
    if report is None or report.titles is None:
        return ""
    return f"Share of {report.titles.products:,} titles whose own picture is among the first k hits."


def _score_summary() -> str:
    return (
        "Boxes hold the middle half, lines reach from the 5th to the 95th percentile. What tells is the distance "
        "between own and other titles."
    )


def _signed(change: Change) -> str:
    """The difference with its sign, in the figure's own digits."""
    if change.before is None:
        return ""
    difference = round(change.after - change.before, change.digits)
    return f"{difference:+.{change.digits}f}" if difference else f"{0:.{change.digits}f}"


def _short(location: str) -> str:
    """The last part of a path or URL; a name of the hub (`hf:owner/name`, `owner/name`) stays as it is."""
    return location.rstrip("/").rsplit("/", 1)[-1] if location.count("/") > 1 else location


def _setting(value: object) -> str:
    """An option's value in words."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_setting, value)) or "none"
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
