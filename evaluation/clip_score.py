"""How close pictures are to their own titles in the model's own space.

CLIP score is `2.5 * max(cos, 0)` (Hessel et al. 2021, "CLIPScore: A Reference-free Evaluation Metric for Image
Captioning", arXiv:2104.08718, equation 1; they write "A photo depicts" before a caption, here the title stands as it
is). Others quote `100 * cos` and call it CLIP score or "logits": 100 is the scale that CLIP's own training ended at.
Both are given. Each model is measured in its own space: a model with another temperature has other cosines and may yet
rank alike, so the scores of other products' titles are given beside, and what tells is the distance between the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.titles import TitlePairs

FORMULA = "2.5 * max(cos, 0)"
SOURCE = "Hessel et al. 2021, arXiv:2104.08718, equation 1"
WEIGHT = 2.5

_MOST = 1000
"""Pairs of which every picture is held against every other title."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How scores are spread: their mean and five of their quantiles."""

    mean: float
    percent_5: float
    percent_25: float
    percent_50: float
    percent_75: float
    percent_95: float


@dataclass(frozen=True, slots=True)
class ClipScoreReport:
    """CLIP scores of one model.

    Attributes:
        pairs: Products with a title and a picture.
        clip_score: Mean of `2.5 * max(cos, 0)` over pairs: the same as `own.mean`.
        cosine_times_100: Mean of `100 * cos` over pairs, which others quote.
        own: Scores of pictures with their own titles.
        others: Scores of pictures with other products' titles, of at most 1,000 products; None when there is one.
        formula: Of `clip_score`, `own` and `others`.
        source: Of the formula.
    """

    pairs: int
    clip_score: float
    cosine_times_100: float
    own: Spread
    others: Spread | None
    formula: str = FORMULA
    source: str = SOURCE


def clip_scores(pairs: TitlePairs) -> ClipScoreReport | None:
    """Measure pairs of titles and pictures.

    Returns:
        None when there are no pairs.
    """
    count = len(pairs.titles)
    if not count:
        return None
    cosines = np.einsum("nd,nd->n", pairs.titles, pairs.images, dtype=np.float64)
    some = np.unique(np.linspace(0, count - 1, min(count, _MOST)).astype(np.int64))
    crossed = (pairs.titles[some] @ pairs.images[some].T)[~np.eye(len(some), dtype=np.bool_)]
    own = _spread(cosines)
    return ClipScoreReport(
        pairs=count,
        clip_score=own.mean,
        cosine_times_100=float(100 * cosines.mean()),
        own=own,
        others=_spread(crossed) if len(crossed) else None,
    )


def _spread(cosines: NDArray[np.floating]) -> Spread:
    scores = WEIGHT * np.maximum(cosines, 0.0)
    low, quarter, half, three_quarters, high = np.quantile(scores, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    return Spread(float(scores.mean(dtype=np.float64)), low, quarter, half, three_quarters, high)
