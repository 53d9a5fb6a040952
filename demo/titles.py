"""Titles, descriptions and tags in the words of a shop, varied in grammar and synonyms."""

from dataclasses import dataclass
from random import Random

from demo.assortment import Article
from demo.garment import Gender
from demo.palette import Colour
from demo.patterns import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one product before it is drawn or described."""

    article: Article
    colour: Colour
    pattern: Pattern
    gender: Gender
    season: str
    usage: str
    brand: str
    material: str


_PATTERN_WORDS: dict[Pattern, tuple[str, ...]] = {
    Pattern.SOLID: ("", "", "", "Solid", "Plain"),
    Pattern.STRIPED: ("Striped", "Striped", "Stripe"),
    Pattern.CHECKED: ("Checked", "Checked", "Check", "Plaid"),
    Pattern.POLKA_DOT: ("Polka Dot", "Polka Dot", "Spotted", "Dotted"),
    Pattern.FLORAL: ("Floral", "Floral", "Flower Print"),
    Pattern.CAMOUFLAGE: ("Camouflage", "Camo"),
    Pattern.ZIGZAG: ("Zigzag", "Chevron"),
    Pattern.HERRINGBONE: ("Herringbone",),
    Pattern.LEOPARD: ("Leopard", "Leopard Print", "Animal Print"),
    Pattern.STAR: ("Star", "Star Print"),
    Pattern.HEART: ("Heart", "Heart Print"),
    Pattern.LEAF: ("Leaf", "Leaf Print", "Botanical"),
}
_POSSESSIVE: dict[Gender, tuple[str, ...]] = {
    Gender.MEN: ("Men's", "Men's", "Mens"),
    Gender.WOMEN: ("Women's", "Women's", "Ladies'"),
    Gender.BOYS: ("Boys'", "Boy's"),
    Gender.GIRLS: ("Girls'", "Girl's"),
    Gender.UNISEX: ("Unisex",),
}
_FOR: dict[Gender, tuple[str, ...]] = {
    Gender.MEN: ("Men", "Him"),
    Gender.WOMEN: ("Women", "Her"),
    Gender.BOYS: ("Boys",),
    Gender.GIRLS: ("Girls",),
    Gender.UNISEX: ("Everyone", "Men and Women"),
}
_TITLES = (
    "{brand} {whose} {colour} {pattern} {material} {article}",
    "{brand} {whose} {colour} {pattern} {article}",
    "{brand} {colour} {pattern} {article} for {people}",
    "{brand} {pattern} {article} in {colour}",
    "{brand} {whose} {pattern} {article}, {colour}",
    "{whose} {colour} {pattern} {article} by {brand}",
    "{pattern} {material} {article} in {colour} by {brand}",
    "{brand} {usage} {colour} {pattern} {article}",
    "{brand} {colour} {material} {article} {print}",
)
_OPENINGS = (
    "{a_colour} {pattern} {article} {are} made of {material} for {people}.",
    "{material_first} {article} in {colour}, cut for {people}.",
    "Our {pattern} {article} in {colour} for easy {usage} looks on any {season} day.",
    "Meet the {article} that {brand} is known for: {colour}, {pattern} and made to last.",
)
_MIDDLES = (
    "{a_season} favourite for {usage} days.",
    "Easy to match and easy to care for.",
    "Finished by hand, with neat seams and sturdy details.",
    "Made in small batches from {material}.",
    "Wear it in {season} and for every {usage} occasion.",
)


def titled(facts: Facts, random: Random) -> str:
    """A title such as "Northlane Women's Red Striped Cotton Shirt"."""
    words = _words(facts, random)
    print_words = f"with {words['pattern']} Pattern" if facts.pattern is not Pattern.SOLID else ""
    title = random.choice(_TITLES).format(**words, print=print_words)
    return " ".join(title.split()).replace(" ,", ",")


def described(facts: Facts, random: Random) -> str:
    """Two or three sentences, with the attributes in running text."""
    words = {name: word.lower() for name, word in _words(facts, random).items()}
    words["brand"] = facts.brand
    words["pattern"] = words["pattern"] or "plain"
    words["season"] = facts.season.lower()
    words["a_season"] = _with_article(words["season"])
    several = facts.article.name == facts.article.plural
    words["a_colour"] = f"These {words['colour']}" if several else _with_article(words["colour"])
    words["are"] = "are" if several else "is"
    words["material_first"] = words["material"].capitalize()
    parts = [random.choice(_OPENINGS), *random.sample(_MIDDLES, random.choice((1, 2)))]
    return " ".join(parts).format(**words)


def tagged(facts: Facts) -> tuple[str, ...]:
    """Search tags, lower case, without repeats."""
    tags = (
        facts.colour.name,
        facts.pattern.value,
        facts.article.name,
        facts.material.lower(),
        facts.usage.lower(),
        facts.season.lower(),
    )
    return tuple(dict.fromkeys(tags))


def _words(facts: Facts, random: Random) -> dict[str, str]:
    synonym = bool(facts.colour.synonyms) and random.random() < 0.15
    colour = random.choice(facts.colour.synonyms) if synonym else facts.colour.name
    names = facts.article.words
    article = names[0] if random.random() < 0.65 else random.choice(names)
    return {
        "brand": facts.brand,
        "whose": random.choice(_POSSESSIVE[facts.gender]),
        "people": random.choice(_FOR[facts.gender]),
        "colour": _capitalised(colour),
        "pattern": random.choice(_PATTERN_WORDS[facts.pattern]),
        "material": facts.material,
        "article": article,
        "usage": facts.usage,
        "season": facts.season,
    }


def _with_article(words: str) -> str:
    return ("An " if words[0] in "aeiou" else "A ") + words


def _capitalised(words: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in words.split())
