"""The hits of a search as one picture."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, ImageOps

from aisle.errors import SettingsError

if TYPE_CHECKING:
    from serving.query import Answer, Hit
    from serving.snapshot import Snapshot

COLUMNS = 4
TILE = 240
CAPTION = 44
GAP = 12


def check_target(path: Path) -> None:
    """See that a sheet could be written, before any work is done.

    Raises:
        SettingsError: The folder does not exist, or Pillow writes no such file.
    """
    if not path.parent.is_dir() or path.suffix.lower() not in Image.registered_extensions():
        raise SettingsError(f"--save {path}: name a .png or .jpg file in a folder that exists")


def save_contact_sheet(answer: "Answer", snapshot: "Snapshot", path: Path) -> None:
    """Draw a grid of pictures with titles and scores.

    Args:
        answer: Of a search.
        snapshot: The release that answered.
        path: `.png`, `.jpg` or `.webp`, as checked by `check_target`.

    Raises:
        SettingsError: It cannot be written there.
    """
    rows = max(1, -(-len(answer.hits) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * (TILE + GAP) + GAP, rows * (TILE + CAPTION + GAP) + GAP), (255, 255, 255))
    for place, hit in enumerate(answer.hits):
        left = GAP + place % COLUMNS * (TILE + GAP)
        top = GAP + place // COLUMNS * (TILE + CAPTION + GAP)
        _draw(sheet, hit, snapshot, left=left, top=top)
    try:
        sheet.save(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"--save {path}: {error}; choose another file") from error


def _draw(sheet: Image.Image, hit: "Hit", snapshot: "Snapshot", *, left: int, top: int) -> None:
    canvas = ImageDraw.Draw(sheet)
    thumbnail = snapshot.products.thumbnail(snapshot.products.row(hit.id))
    if thumbnail:
        picture = ImageOps.contain(Image.open(io.BytesIO(thumbnail)).convert("RGB"), (TILE, TILE))
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    else:
        canvas.rectangle((left, top, left + TILE, top + TILE), fill=(240, 240, 240))
    font = ImageFont.load_default(size=13)
    canvas.text((left, top + TILE + 4), _fit(hit.title or hit.id, font), fill=(30, 30, 30), font=font)
    caption = hit.id if hit.score is None else f"{hit.score:.3f}   {hit.id}"
    canvas.text((left, top + TILE + 23), _fit(caption, font), fill=(110, 110, 110), font=font)


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(text) <= TILE:
        return text
    while text and font.getlength(f"{text}…") > TILE:
        text = text[:-1]
    return f"{text.rstrip()}…"
