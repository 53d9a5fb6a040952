"""Pictures and texts out of nothing, for a comparison without a catalog. Every call with a seed gives the same."""

import io

import numpy as np
from PIL import Image, ImageDraw

_COLOURS = (
    *("red", "blue", "green", "black", "white", "grey", "navy", "beige"),
    *("pink", "yellow", "orange", "purple", "brown", "teal", "silver", "gold"),
)
_PATTERNS = ("plain", "striped", "checked", "floral", "dotted", "printed", "knitted", "embroidered")
_ARTICLES = (
    *("shirt", "dress", "jacket", "coat", "sweater", "skirt", "jeans", "shorts"),
    *("scarf", "hat", "belt", "handbag", "backpack", "wallet", "watch", "sneakers"),
    *("sandals", "boots", "heels", "socks", "sunglasses", "necklace", "ring", "umbrella"),
)
_PEOPLE = ("women", "men", "girls", "boys", "everyone")


def draw_texts(count: int, *, seed: int) -> tuple[str, ...]:
    """Short queries and longer product descriptions.

    Args:
        count: How many.
        seed: Of the choice.
    """
    random = np.random.default_rng([seed, 1])
    texts = []
    for index in range(count):
        colour, other = random.choice(_COLOURS, 2, replace=False)
        pattern, article, person = random.choice(_PATTERNS), random.choice(_ARTICLES), random.choice(_PEOPLE)
        texts.append(
            (
                f"{colour} {article}",
                f"{pattern} {article} for {person}",
                f"{colour} and {other} {pattern} {article}",
                f"{person.capitalize()}'s {pattern} {article} in {colour}, with {other} details, size {index % 40}",
            )[index % 4]
        )
    return tuple(texts)


def draw_pictures(count: int, *, seed: int) -> tuple[bytes, ...]:
    """Shapes on gradients with some grain, as JPEG, PNG or WebP of 64 to 320 pixels.

    Args:
        count: How many.
        seed: Of the drawing.
    """
    return tuple(_picture(np.random.default_rng([seed, index]), index) for index in range(count))


def _picture(random: np.random.Generator, index: int) -> bytes:
    width, height = (int(side) for side in random.integers(64, 321, 2))
    image = _gradient(random, width, height)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(1, 7)):
        _shape(draw, random, width, height)
    pixels = np.asarray(image, dtype=np.float32)
    grain = random.normal(0, random.uniform(0, 24), pixels.shape)
    image = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, format=("JPEG", "PNG", "JPEG", "WEBP")[index % 4], quality=88, compress_level=1)
    return stream.getvalue()


def _gradient(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """A two by two picture of four random colours, enlarged smoothly."""
    corners = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC)


def _shape(draw: ImageDraw.ImageDraw, random: np.random.Generator, width: int, height: int) -> None:
    colour = tuple(int(value) for value in random.integers(0, 256, 3))
    horizontal = sorted(int(value) for value in random.integers(0, width, 2))
    vertical = sorted(int(value) for value in random.integers(0, height, 2))
    box = (horizontal[0], vertical[0], horizontal[1] + 1, vertical[1] + 1)
    kind = random.integers(0, 4)
    if kind == 0:
        draw.ellipse(box, fill=colour)
    elif kind == 1:
        draw.rectangle(box, fill=colour)
    elif kind == 2:
        points = random.integers(0, (width, height), (5, 2))
        draw.polygon([(int(x), int(y)) for x, y in points], fill=colour)
    else:
        step = int(random.integers(6, 30))
        for y in range(box[1], box[3], step):
            draw.rectangle((box[0], y, box[2], y + step // 2), fill=colour)
