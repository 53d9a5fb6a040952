"""Products whose vectors, and so whose rankings, are known: a text is the axis of its first known word."""

from collections.abc import Sequence

import numpy as np

from aisle.catalog import Product, Roles
from aisle.manifest import AttributeType
from aisle.types import UnitVectors
from evaluation.encoded import EncodedCatalog

AXES = ("red", "blue", "bag", "shoe")

ROLES = Roles(
    id="id",
    image="image",
    title="title",
    attributes={
        "colour": AttributeType.CATEGORY,
        "article": AttributeType.CATEGORY,
        "price": AttributeType.NUMBER,
    },
)


class AxisEncoder:
    """The sum of a text's known words, scaled to norm 1."""

    def encode_texts(self, texts: Sequence[str], /) -> UnitVectors:
        return np.stack([vector(text) for text in texts]) if texts else np.zeros((0, len(AXES)), np.float32)

    def encode_images(self, pixels: np.ndarray, /) -> UnitVectors:
        raise NotImplementedError


def vector(text: str) -> np.ndarray:
    """A word counts once in singular or plural."""
    found = np.array([sum(word.rstrip("s") == axis for word in text.lower().split()) for axis in AXES], np.float32)
    return found / np.linalg.norm(found)


def catalog(*descriptions: str | None, shown: Sequence[str | None] | None = None) -> EncodedCatalog:
    """Products such as "red bag".

    Args:
        descriptions: Colour and article of each; None for a product of which nothing is known but its id.
        shown: What its picture looks like, when that is something else; None for no picture.
    """
    products = []
    for number, description in enumerate(descriptions):
        colour, article = description.split() if description else (None, None)
        products.append(
            Product(
                id=f"p{number}",
                title=f"A {description}" if description else "",
                text="",
                attributes={"colour": colour, "article": article, "price": 1.0},
            )
        )
    looks = list(descriptions if shown is None else shown)
    images = np.stack([vector(look) if look else np.zeros(len(AXES), np.float32) for look in looks])
    return EncodedCatalog(
        products=products,
        rows=10 * np.arange(len(products)),
        images=images,
        texts=np.zeros_like(images),
        pictured=np.array([bool(look) for look in looks]),
    )
