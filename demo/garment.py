"""What a silhouette is told about the one product that it draws."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from demo.palette import Tones

Choice = TypeVar("Choice")


class Gender(StrEnum):
    """For whom a product is made."""

    MEN = "Men"
    WOMEN = "Women"
    BOYS = "Boys"
    GIRLS = "Girls"
    UNISEX = "Unisex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """Paints and proportions of one product.

    Attributes:
        fabric: SVG paint of the cloth: a hex colour, or `url(#fabric)` when patterned.
        tones: shades of the main colour.
        trim: shades of the secondary colour (buttons, stripes, linings).
        metal: `url(#gold)` or `url(#silver)`, for buckles and zips.
        gender: shapes the fit.
        variation: uniform numbers in 0..1 that make this product differ from its sisters.
        plain: whether the fabric is one flat colour.
    """

    fabric: str
    tones: Tones
    trim: Tones
    metal: str
    gender: Gender
    variation: tuple[float, ...]
    plain: bool = True

    def vary(self, slot: int, low: float, high: float) -> float:
        """A measure between `low` and `high` (SVG units), rounded to a tenth; each slot is independent."""
        return round(low + (high - low) * self.variation[slot], 1)

    def choose(self, slot: int, choices: tuple[Choice, ...]) -> Choice:
        """One of `choices`, by this product's `slot`-th number."""
        return choices[min(int(self.variation[slot] * len(choices)), len(choices) - 1)]

    @property
    def fitted(self) -> bool:
        """Whether the waist is drawn in."""
        return self.gender in (Gender.WOMEN, Gender.GIRLS)

    @property
    def small(self) -> bool:
        """Whether it is made for children."""
        return self.gender in (Gender.BOYS, Gender.GIRLS)
