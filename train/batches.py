"""The order in which an epoch shows products: batches of one catalog each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.corpus import Corpus
from train.pairs import Rows
from train.rivals import rival_order


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step looks at: rows of one catalog, so that telling catalogs apart teaches nothing."""

    catalog: int
    rows: Rows


def epoch_batches(corpora: Sequence[Corpus], *, batch: int, seed: int, epoch: int) -> list[Batch]:
    """The batches of an epoch in their order. Products beyond the last full batch wait for another epoch.

    Args:
        corpora: The catalogs; those that know their rivals show them side by side.
        batch: Products per step; a smaller catalog makes one batch of all it has.
        seed: Of the run.
        epoch: From 0; each has its own order.
    """
    random = np.random.default_rng((seed, 0, epoch))
    batches = []
    for number, corpus in enumerate(corpora):
        size = min(batch, len(corpus.training))
        for _ in range(corpus.recipe.passes):
            if corpus.rivals is None:
                order = random.permutation(corpus.training)
            else:
                order = rival_order(corpus.rivals, corpus.training, random=random)
            stop = len(order) - len(order) % size
            batches += [Batch(number, order[start : start + size]) for start in range(0, stop, size)]
    return [batches[place] for place in random.permutation(len(batches))]
