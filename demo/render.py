"""From an article and a garment to a drawing, and from a drawing to a picture."""

import io
import math
from dataclasses import dataclass
from random import Random

import resvg_py
from PIL import Image

from demo.assortment import Article, Stance
from demo.garment import Garment
from demo.studio import SIDE

_METALS = (
    '<linearGradient id="gold" x2="1" y2="1"><stop offset="0" stop-color="#f3dc96"/>'
    '<stop offset=".45" stop-color="#c99b42"/><stop offset=".6" stop-color="#f0d68c"/>'
    '<stop offset="1" stop-color="#a87a2c"/></linearGradient>'
    '<linearGradient id="silver" x2="1" y2="1"><stop offset="0" stop-color="#f4f5f7"/>'
    '<stop offset=".45" stop-color="#a9adb5"/><stop offset=".6" stop-color="#eceef1"/>'
    '<stop offset="1" stop-color="#888d96"/></linearGradient>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a product is on the canvas: scale within its frame, turn in degrees, shift in SVG units."""

    scale: float = 1.0
    turn: float = 0.0
    right: float = 0.0
    down: float = 0.0
    mirrored: bool = False


def posed(article: Article, garment: Garment, *, random: Random) -> Pose:
    """A natural pose: children's sizes smaller, a slight turn, at times facing the other way."""
    scale = random.uniform(0.8, 0.88) if garment.small else random.uniform(0.93, 1.03)
    turn = random.uniform(-3, 3) if garment.plain and article.stance is Stance.FLAT else 0.0
    return Pose(
        scale=scale,
        turn=turn,
        right=random.uniform(-4, 4),
        down=random.uniform(4, 8) if article.stance is Stance.STANDING else random.uniform(-3, 3),
        mirrored=article.mirrored and garment.plain and random.random() < 0.5,
    )


def drawing_svg(article: Article, garment: Garment, *, fabric: str, pose: Pose) -> str:
    """The product alone, as an SVG document with no background.

    Args:
        article: which silhouette.
        garment: its paints and proportions.
        fabric: the `<pattern id="fabric">` that the garment's paint refers to, or nothing.
        pose: where on the canvas.
    """
    side = -1 if pose.mirrored else 1
    frame, turn = article.frame, math.radians(pose.turn)
    zoom = pose.scale * frame.zoom
    across, slant = zoom * math.cos(turn), zoom * math.sin(turn)
    shift_x = SIDE / 2 + pose.right - side * across * frame.x + slant * frame.y
    shift_y = SIDE / 2 + pose.down - side * slant * frame.x - across * frame.y
    matrix = (side * across, side * slant, -slant, across, shift_x, shift_y)
    place = " ".join(f"{number:.6f}" for number in matrix)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}">'
        f"<defs>{_METALS}{fabric}</defs>"
        f'<g transform="matrix({place})">{article.silhouette(garment)}</g></svg>'
    )


def rasterised(svg: str) -> Image.Image:
    """The drawing as RGBA pixels, `SIDE` x `SIDE`, transparent around the product."""
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")
