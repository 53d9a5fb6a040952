"""How the values of an attribute are spread over the products that match."""

from dataclasses import dataclass

from aisle.manifest import AttributeType

MAX_VALUES = 100
"""Most values of one facet; of more, the most frequent."""


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value, and how many of the products have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """One attribute over some products. Which fields mean anything depends on the type.

    Attributes:
        name: The attribute.
        type: What it holds.
        values: Of a category or a list: most frequent first, ties by value.
        minimum: Of a number; None when no product has one.
        maximum: Of a number; None when no product has one.
        true: Of a boolean: products that say yes.
        false: Of a boolean: products that say no.
    """

    name: str
    type: AttributeType
    values: tuple[ValueCount, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    true: int = 0
    false: int = 0
