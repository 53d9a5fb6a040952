"""What an article of the shop is, and the groups that articles share."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from demo.garment import Garment, Gender
from demo.palette import PALETTE
from demo.patterns import Pattern


class Category(StrEnum):
    """The departments of the shop."""

    CLOTHING = "Clothing"
    SHOES = "Shoes"
    BAGS = "Bags"
    ACCESSORIES = "Accessories"


class Stance(StrEnum):
    """How a product is photographed: lying flat, or standing on the floor."""

    FLAT = "flat"
    STANDING = "standing"


EVERYONE = (Gender.MEN, Gender.WOMEN, Gender.BOYS, Gender.GIRLS)
ANYBODY = (*EVERYONE, Gender.UNISEX)
GROWN = (Gender.MEN, Gender.WOMEN)
SHARED = (*GROWN, Gender.UNISEX)
FEMALE = (Gender.WOMEN, Gender.GIRLS)
MALE = (Gender.MEN, Gender.BOYS)

YEAR = ("Spring", "Summer", "Autumn", "Winter")
WARM = ("Spring", "Summer")
COLD = ("Autumn", "Winter")
MILD = ("Spring", "Autumn")

PLAIN = (Pattern.SOLID,)
WOVEN = (Pattern.STRIPED, Pattern.CHECKED, Pattern.HERRINGBONE)
KNITTED = (*WOVEN, Pattern.ZIGZAG, Pattern.POLKA_DOT, Pattern.STAR, Pattern.HEART)
PRINTED = (
    Pattern.STRIPED,
    Pattern.CHECKED,
    Pattern.POLKA_DOT,
    Pattern.FLORAL,
    Pattern.ZIGZAG,
    Pattern.LEOPARD,
    Pattern.STAR,
    Pattern.HEART,
    Pattern.LEAF,
)
BOLD = (*PRINTED, Pattern.CAMOUFLAGE)

ALL_COLOURS = tuple(colour.name for colour in PALETTE)
DENIM = ("blue", "navy", "light blue", "black", "grey", "white", "beige", "olive", "brown")


@dataclass(frozen=True, slots=True)
class Frame:
    """The middle of a silhouette on its canvas, and the zoom that fills the picture with it."""

    x: float
    y: float
    zoom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One kind of product.

    Attributes:
        name: the attribute value, singular or plural as shoppers say it ("shirt", "jeans").
        plural: the name for many of them ("shirts", "jeans").
        category: its department.
        silhouette: draws it, as SVG.
        words: the names that titles use, the most common first.
        materials: what it may be made of.
        price: lowest and highest usual price.
        frame: how the camera frames the silhouette.
        patterns: what it comes in besides solid.
        mirrored: whether it may face either way.
    """

    name: str
    plural: str
    category: Category
    silhouette: Callable[[Garment], str]
    words: tuple[str, ...]
    materials: tuple[str, ...]
    price: tuple[float, float]
    genders: tuple[Gender, ...]
    usages: tuple[str, ...]
    frame: Frame
    seasons: tuple[str, ...] = YEAR
    patterns: tuple[Pattern, ...] = ()
    colours: tuple[str, ...] = ALL_COLOURS
    stance: Stance = Stance.FLAT
    mirrored: bool = False
