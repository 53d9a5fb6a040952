"""`python -m train RECIPE --catalog NAME=PATH --output FOLDER`: train, with a progress line. Ctrl-C saves and ends."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from aisle.errors import AisleError
from train.interruption import Interruption
from train.loop import Progress
from train.recipe import load_recipe
from train.run import train

_EVERY = 20
"""Steps between two lines."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("recipe", type=Path, help="a TOML file such as train/recipes/embedded.toml")
    parser.add_argument("--catalog", action="append", default=[], metavar="NAME=PATH", help="where a catalog is")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--checkpoint", default="", help="go on from this checkpoint instead of the recipe's model")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    given = parser.parse_args(arguments)
    try:
        locations = dict(pair.split("=", 1) for pair in given.catalog)
        recipe = load_recipe(given.recipe).at(locations)
        with Interruption() as interruption:
            result = train(
                replace(recipe, checkpoint=given.checkpoint or recipe.checkpoint),
                output=given.output,
                progress=_write,
                say=lambda line: sys.stdout.write(f"{line}\n"),
                stop=interruption,
                resume=given.resume,
            )
    except AisleError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, rejected in result.rejected.items():
        for row, reason in rejected.items():
            sys.stderr.write(f"{name}: row {row} was left out: {reason}\n")
    sys.stdout.write(f"{result.checkpoint}: {result.steps} steps{'' if result.finished else ', stopped early'}\n")
    return 0 if result.finished else 130


def _write(now: Progress) -> None:
    if now.step % _EVERY == 0 or now.validation or now.step == now.steps:
        sys.stdout.write(
            f"step {now.step}/{now.steps} epoch {now.epoch} loss {now.loss:.3f} rate {now.learning_rate:.2e} "
            f"{now.images_per_second:.0f} images/s {now.seconds_left / 60:.1f} min left\n"
        )
    for one in now.validation:
        sys.stdout.write(
            f"  {one.catalog}: title to picture among {one.products}: recall@1 {one.recall_at_1:.3f} "
            f"recall@10 {one.recall_at_10:.3f}\n"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
