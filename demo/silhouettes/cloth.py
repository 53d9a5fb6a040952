"""Strokes and panels from which every silhouette is sewn.

The axis of every canvas is at x = 160; an article's frame decides how much of the canvas is seen. The
symmetric builders take offsets from the axis, for the right half alone. Patterned cloth is never put under a
rotation: resvg then resamples the tile, which costs more than all the rest of the drawing.
"""

from demo.garment import Garment

AXIS = 160.0
Point = tuple[float, float]
Curve = tuple[float, float, float, float, float, float]
Segment = Point | Curve


def closed(start: Point, *segments: Segment) -> str:
    """Path data of a shape symmetric about the axis, from its right half in offsets from the axis."""
    forward = _forward(start, segments, side=1)
    points = [start, *(segment[-2:] for segment in segments)]
    last = points[-1]
    path = f"{forward}L{AXIS - last[0]:g} {last[1]:g}"
    for segment, previous in zip(reversed(segments), reversed(points[:-1]), strict=True):
        if len(segment) == 6:
            x1, y1, x2, y2 = segment[:4]
            path += f"C{AXIS - x2:g} {y2:g} {AXIS - x1:g} {y1:g} {AXIS - previous[0]:g} {previous[1]:g}"
        else:
            path += f"L{AXIS - previous[0]:g} {previous[1]:g}"
    return path + "Z"


def twin(start: Point, *segments: Segment, shut: bool = True) -> str:
    """Path data of one shape on the right and its mirror image on the left."""
    end = "Z" if shut else ""
    return _forward(start, segments, side=1) + end + _forward(start, segments, side=-1) + end


def line(start: Point, *segments: Segment) -> str:
    """Path data of one open line, in offsets from the axis."""
    return _forward(start, segments, side=1)


def panel(garment: Garment, path: str, *, fill: str | None = None, edge: str | None = None, width: float = 1.4) -> str:
    """A piece of cloth (the fabric unless `fill` is given) with a fine edge."""
    return (
        f'<path d="{path}" fill="{fill or garment.fabric}" stroke="{edge or garment.tones.edge}" '
        f'stroke-width="{width:g}" stroke-linejoin="round"/>'
    )


def shape(path: str, *, fill: str, opacity: float = 1) -> str:
    """A filled shape with no edge."""
    return f'<path d="{path}" fill="{fill}" fill-opacity="{opacity:g}"/>'


def stroke(path: str, *, colour: str, width: float, opacity: float = 1, dash: str = "", cap: str = "round") -> str:
    """An open line of any width; `dash` is an SVG dash array."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-opacity="{opacity:g}" '
        f'stroke-linecap="{cap}" stroke-linejoin="round"{dashes}/>'
    )


def seam(garment: Garment, path: str, *, opacity: float = 0.75) -> str:
    """Where two panels meet."""
    return stroke(path, colour=garment.tones.line, width=1.3, opacity=opacity)


def stitch(garment: Garment, path: str, *, colour: str | None = None, width: float = 1.1) -> str:
    """A row of stitches."""
    return stroke(path, colour=colour or garment.tones.line, width=width, opacity=0.9, dash="3.4 2.2", cap="butt")


def fold(path: str, *, width: float = 7, opacity: float = 0.1) -> str:
    """The soft shadow of a crease or of a panel above."""
    return stroke(path, colour="#140c28", width=width, opacity=opacity)


def shine(path: str, *, width: float = 5, opacity: float = 0.28) -> str:
    """A highlight on leather, rubber or metal."""
    return stroke(path, colour="#ffffff", width=width, opacity=opacity)


def ribs(path: str, *, colour: str, width: float, opacity: float = 0.42, pitch: float = 4) -> str:
    """Knitted ribs across a band: a wide dashed stroke along the band's middle."""
    return stroke(path, colour=colour, width=width, opacity=opacity, dash=f"1.4 {pitch - 1.4:g}", cap="butt")


def disc(x: float, y: float, *, radius: float, fill: str, edge: str = "none", width: float = 1) -> str:
    """A circle at absolute coordinates."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{edge}" stroke-width="{width:g}"/>'


def button(x: float, y: float, *, fill: str, radius: float = 3.4) -> str:
    """A sewn button with two holes and the shadow below it."""
    return (
        disc(x + 0.6, y + 1.2, radius=radius, fill="#140c2840")
        + disc(x, y, radius=radius, fill=fill, edge="#00000055", width=0.8)
        + f'<path d="M{x - 1.1:g} {y:g}h.1M{x + 1.1:g} {y:g}h.1" stroke="#000000" stroke-opacity=".5" '
        'stroke-width="1.1" stroke-linecap="round"/>'
    )


def box(x: float, y: float, width: float, height: float, *, fill: str, radius: float = 0, edge: str = "none") -> str:
    """A rectangle with round corners at absolute coordinates."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{edge}" stroke-width="1.2"/>'
    )


def zipper(garment: Garment, x: float, top: float, bottom: float) -> str:
    """A closed zip with its pull at the top."""
    return (
        stroke(f"M{x:g} {top:g}V{bottom:g}", colour=garment.tones.deep, width=6, opacity=0.55, cap="butt")
        + stroke(f"M{x:g} {top:g}V{bottom:g}", colour="#d9dadd", width=3.4, dash="1.5 1.5", cap="butt")
        + box(x - 2.6, top + 3, 5.2, 12, fill=garment.metal, radius=2, edge="#55555588")
    )


def _forward(start: Point, segments: tuple[Segment, ...], *, side: int) -> str:
    path = f"M{AXIS + side * start[0]:g} {start[1]:g}"
    for segment in segments:
        numbers = " ".join(f"{AXIS + side * x:g} {y:g}" for x, y in zip(segment[::2], segment[1::2], strict=True))
        path += ("C" if len(segment) == 6 else "L") + numbers
    return path
