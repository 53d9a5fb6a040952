"""Drawings, judged by their pixels: nothing empty, and every colour keeps its name."""

import io
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from demo.assortment import ARTICLES, Article, Category, Stance
from demo.garment import Garment
from demo.palette import COLOURS, PALETTE, Colour, companion, distance, hexadecimal, jittered, nearest, tones
from demo.patterns import Pattern, fabric, second_colour
from demo.render import Pose, drawing_svg, posed, rasterised
from demo.studio import arranged, photographed

COLOURED = [(article, COLOURS[article.colours[i % len(article.colours)]]) for i, article in enumerate(ARTICLES)]


def plain(article: Article, colour: Colour, random: Random) -> Garment:
    main = jittered(colour, random=random)
    return Garment(
        fabric=hexadecimal(main),
        tones=tones(main),
        trim=tones(companion(main, random=random)),
        metal="url(#silver)",
        gender=random.choice(article.genders),
        variation=tuple(random.random() for _ in range(12)),
    )


def recoloured(garment: Garment, colour: Colour) -> Garment:
    return replace(garment, fabric=hexadecimal(colour.rgb), tones=tones(colour.rgb))


def coloured_area(
    article: Article, garment: Garment, colour: Colour, pose: Pose
) -> tuple[Image.Image, NDArray[np.bool_]]:
    """The drawing, and the opaque pixels that change when the product's own colour does."""
    other = max(PALETTE, key=lambda candidate: distance(candidate.rgb, colour.rgb))
    drawing = rasterised(drawing_svg(article, garment, fabric="", pose=pose))
    changed = rasterised(drawing_svg(article, recoloured(garment, other), fabric="", pose=pose))
    one, two = (np.asarray(picture, dtype=np.int64) for picture in (drawing, changed))
    return drawing, (np.abs(one - two).max(axis=2) > 60) & (one[:, :, 3] == 255)


@pytest.mark.parametrize(("article", "colour"), COLOURED, ids=lambda thing: thing.name)
def test_a_solid_product_shows_its_colour(article: Article, colour: Colour) -> None:
    random = Random(f"{article.name} {colour.name}")
    garment = plain(article, colour, random)
    pose = posed(article, garment, random=random)
    drawing, area = coloured_area(article, garment, colour, pose)
    assert area.mean() > 0.05
    standing, soft = article.stance is Stance.STANDING, article.category is Category.CLOTHING
    shoot = arranged(standing=standing, soft=soft, random=random)
    picture = np.asarray(Image.open(io.BytesIO(photographed(drawing, shoot))))
    red, green, blue = (round(channel) for channel in picture[area].mean(axis=0))
    assert nearest((red, green, blue)) == colour


def test_every_colour_is_worn_by_some_article_of_the_test() -> None:
    assert {colour.name for _, colour in COLOURED} == set(COLOURS)


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.name)
def test_products_stay_inside_the_picture(article: Article) -> None:
    random = Random(article.name)
    garment = plain(article, COLOURS["red"], random)
    drawing = rasterised(drawing_svg(article, garment, fabric="", pose=Pose(scale=1.03)))
    left, top, right, bottom = drawing.getbbox()
    assert min(left, top) > 0
    assert max(right, bottom) < 320
    assert max(right - left, bottom - top) > 200


@pytest.mark.parametrize("colour", PALETTE, ids=lambda colour: colour.name)
def test_a_shade_keeps_the_name_of_its_colour(colour: Colour) -> None:
    random = Random(colour.name)
    shades = {jittered(colour, random=random) for _ in range(200)}
    assert len(shades) > 20
    assert {nearest(shade).name for shade in shades} == {colour.name}


@pytest.mark.parametrize("pattern", [pattern for pattern in Pattern if pattern is not Pattern.SOLID])
@pytest.mark.parametrize("name", ["red", "navy", "beige"])
def test_marks_are_seen_and_the_ground_stays_the_larger_part(pattern: Pattern, name: str) -> None:
    random = Random(f"{pattern} {name}")
    main = COLOURS[name].rgb
    second = second_colour(pattern, main, random=random)
    cloth = fabric(pattern, main=main, second=second, zoom=1.0, random=random)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="320" height="320"><defs>{cloth}</defs>'
    pixels = np.asarray(rasterised(f'{svg}<rect width="320" height="320" fill="url(#fabric)"/></svg>'))[:, :, :3]
    ground = (np.abs(pixels.astype(np.int64) - main).max(axis=2) < 12).mean()
    near_second = (np.abs(pixels.astype(np.int64) - second).max(axis=2) < 12).mean()
    assert ground > max(0.4, 1.3 * near_second)
    assert ground < 0.93


def test_a_solid_has_no_tile() -> None:
    assert fabric(Pattern.SOLID, main=(1, 2, 3), second=(4, 5, 6), zoom=1.0, random=Random(0)) == ""
