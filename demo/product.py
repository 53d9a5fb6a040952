"""One product of the embedded catalog, drawn from a seed and its index."""

from dataclasses import dataclass
from random import Random

from demo import popularity
from demo.assortment import ARTICLES, Article, Category, Stance
from demo.garment import Garment, Gender
from demo.palette import COLOURS, companion, hexadecimal, jittered, tones
from demo.patterns import Pattern, fabric, second_colour
from demo.render import drawing_svg, posed, rasterised
from demo.studio import arranged, photographed
from demo.titles import Facts, described, tagged, titled

BRANDS: tuple[str, ...] = (
    "Northlane", "Velmora", "Oak & Tide", "Lumenfold", "Brisa", "Kestrel & Co", "Maren", "Solenne",
    "Hartwick", "Juniper Row", "Alder Street", "Tessaly", "Corvane", "Pipkin", "Rivelle", "Stonewell",
    "Ondine", "Fable & Fern", "Quayside", "Zephyrine",
)  # fmt: skip

_ARTICLE_WEIGHTS = [popularity.ARTICLES.get(article.name, 1) for article in ARTICLES]
_VARIATIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProduct:
    """A product with its picture.

    Attributes:
        id: stable within a seed, such as `demo-000123`.
        price: in the shop's currency.
        tags: short search words, lower case.
        image: JPEG bytes, RGB, 320 x 320 pixels.
    """

    id: str
    title: str
    description: str
    category: str
    article: str
    colour: str
    pattern: str
    gender: str
    season: str
    usage: str
    brand: str
    price: float
    in_stock: bool
    tags: tuple[str, ...]
    image: bytes


def drawn(index: int, *, seed: int) -> DemoProduct:
    """Product `index` of the catalog `seed`: the same bytes whenever it is drawn on one installation."""
    random = Random(f"aisle-demo/{seed}/{index}")  # noqa: S311 - a drawing, not a secret
    (article,) = random.choices(ARTICLES, weights=_ARTICLE_WEIGHTS)
    colour = COLOURS[
        random.choices(article.colours, weights=[popularity.COLOURS.get(c, 1) for c in article.colours])[0]
    ]
    pattern = _pattern(article, random)
    gender = random.choice(article.genders)
    facts = Facts(
        article=article,
        colour=colour,
        pattern=pattern,
        gender=gender,
        season=random.choice(article.seasons),
        usage=random.choice(article.usages),
        brand=random.choice(BRANDS),
        material=random.choice(article.materials),
    )
    title, description, tags = titled(facts, random), described(facts, random), tagged(facts)
    price = _price(article, gender, random)
    in_stock = random.random() < 0.88
    return DemoProduct(
        id=f"demo-{index:06d}",
        title=title,
        description=description,
        category=article.category.value,
        article=article.name,
        colour=colour.name,
        pattern=pattern.value,
        gender=gender.value,
        season=facts.season,
        usage=facts.usage,
        brand=facts.brand,
        price=price,
        in_stock=in_stock,
        tags=tags,
        image=_picture(facts, random),
    )


def _picture(facts: Facts, random: Random) -> bytes:
    article = facts.article
    main = jittered(facts.colour, random=random)
    second = second_colour(facts.pattern, main, random=random)
    plain = facts.pattern is Pattern.SOLID
    garment = Garment(
        fabric=hexadecimal(main) if plain else "url(#fabric)",
        tones=tones(main),
        trim=tones(companion(main, random=random) if plain else second),
        metal=random.choice(("url(#gold)", "url(#silver)")),
        gender=facts.gender,
        variation=tuple(random.random() for _ in range(_VARIATIONS)),
        plain=plain,
    )
    pose = posed(article, garment, random=random)
    zoom = pose.scale * article.frame.zoom
    cloth = fabric(facts.pattern, main=main, second=second, zoom=zoom, random=random)
    svg = drawing_svg(article, garment, fabric=cloth, pose=pose)
    soft = article.category is Category.CLOTHING
    shoot = arranged(standing=article.stance is Stance.STANDING, soft=soft, random=random)
    return photographed(rasterised(svg), shoot)


def _pattern(article: Article, random: Random) -> Pattern:
    solid = not article.patterns or random.random() < 0.42
    return Pattern.SOLID if solid else random.choice(article.patterns)


def _price(article: Article, gender: Gender, random: Random) -> float:
    low, high = article.price
    share = random.random() ** 1.6
    whole = low + (high - low) * share
    if gender in (Gender.BOYS, Gender.GIRLS):
        whole *= 0.7
    cents = 0.01 if random.random() < 0.7 else 0.5
    return float(round(whole)) - cents
