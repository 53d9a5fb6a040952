"""What sells more: as in a real shop a few articles and colours fill most of the shelves."""

from collections.abc import Mapping

ARTICLES: Mapping[str, float] = {
    "t-shirt": 6,
    "shirt": 6,
    "sneakers": 6,
    "dress": 6,
    "handbag": 5,
    "jeans": 4,
    "sweater": 4,
    "backpack": 4,
    "skirt": 3,
    "jacket": 3,
    "watch": 3,
}
"""Weight of an article; 1 where it is not named."""

COLOURS: Mapping[str, float] = {
    "black": 7,
    "white": 5,
    "navy": 5,
    "blue": 5,
    "red": 5,
    "grey": 4,
    "pink": 3,
    "green": 3,
    "brown": 3,
    "beige": 2,
    "yellow": 2,
}
"""Weight of a colour; 1 where it is not named."""
