"""A fine-tuning run made up: a blind model before, one that sees after."""

import dataclasses

from evaluation.comparison import Comparison, side_by_side
from evaluation.examples import choose_examples, find_hits
from evaluation.history import History, LoggedStep, LoggedValidation
from evaluation.relevance import measure_relevance
from evaluation.tasks import choose_tasks
from evaluation.trial import Trial
from tests.evaluation.axes import ROLES, AxisEncoder, catalog

WORDS = ("red bag", "blue bag", "red shoe", "blue shoe")
HISTORY = History(
    steps=tuple(LoggedStep(step, 1, 5.0 / step, 1e-4 * (step % 7), 100.0) for step in range(1, 1001)),
    validations=tuple(LoggedValidation(step, step // 250, "shop", 40, 0.1, 0.2 + step / 2000) for step in (250, 500)),
    unreadable=0,
)


def trial(*, shown: tuple[str, ...]) -> Trial:
    """Sixteen products; their pictures look like `shown`, whatever they are."""
    products = catalog(*WORDS * 4, shown=shown * 4)
    tasks = choose_tasks(products.products, ROLES)
    examples = choose_examples(products, tasks, attributes=2, titles=1)
    return Trial(
        report=measure_relevance(products, tasks, AxisEncoder()),
        examples=tuple(examples),
        hits=tuple(find_hits(products, examples, AxisEncoder(), most=4)),
    )


BLIND = trial(shown=("blue shoe", "red shoe", "blue bag", "red bag"))
SEEING = trial(shown=WORDS)


def comparison(**changes: object) -> Comparison:
    """A whole one, with what a test wants otherwise."""
    whole = Comparison(
        catalog="s3://shop/products.parquet",
        before_name="openai/clip-vit-base-patch32",
        after_name="tuned <clip>",
        held_out=16,
        settings={
            "epochs": 4,
            "learning_rate": 5e-05,
            "templates": ["{colour} {article}", "{article}"],
            "resumed": False,
            "lora_rank": None,
        },
        history=HISTORY,
        before=BLIND.report,
        after=SEEING.report,
        grids=side_by_side(BLIND, SEEING),
    )
    return dataclasses.replace(whole, **changes)
