"""A tiny catalog of coloured shapes: enough to learn from within seconds."""

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageDraw

from train.recipe import CatalogRecipe, ModelRecipe, Recipe, TrainingRecipe

COLOURS = {"red": (220, 20, 30), "green": (20, 160, 40), "blue": (20, 60, 220), "black": (10, 10, 10)}
SHAPES = ("bag", "disc", "scarf")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of a pool cost more than these tiny matrices, and stall when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 products in a Parquet file; row 5 has a broken picture, row 7 has no texts at all."""
    rows = []
    for number in range(48):
        colour = list(COLOURS)[number % 4]
        shape = SHAPES[number % 3]
        rows.append(
            {
                "sku": f"p{number:02d}",
                "name": f"Maker {number % 5} {colour} {shape}",
                "colour": colour.title(),
                "shape": shape,
                "picture": picture(shape, COLOURS[colour], shift=number % 7),
            }
        )
    rows[5]["picture"] = b"\xff\xd8\xff broken"
    rows[7] |= {"name": None, "colour": None, "shape": None}
    path = tmp_path_factory.mktemp("catalog") / "shapes.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def picture(shape: str, colour: tuple[int, int, int], *, shift: int) -> bytes:
    image = Image.new("RGB", (48, 40), "white")
    draw = ImageDraw.Draw(image)
    box = (8 + shift, 6, 32 + shift, 32)
    if shape == "bag":
        draw.rectangle(box, fill=colour)
    elif shape == "disc":
        draw.ellipse(box, fill=colour)
    else:
        draw.line(box, fill=colour, width=6)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def recipe(shapes: Path) -> Recipe:
    return Recipe(
        catalogs=(
            CatalogRecipe(
                name="shapes",
                location=str(shapes),
                id="sku",
                image="picture",
                title="name",
                templates=("{colour} {shape}", "{shape}"),
                nouns=("shape",),
                validation=0.2,
            ),
        ),
        model=ModelRecipe(
            image_size=28,
            patch_size=7,
            image_width=32,
            image_layers=2,
            text_width=32,
            text_layers=1,
            head_width=16,
            dimension=16,
            vocabulary=320,
            max_length=16,
        ),
        training=TrainingRecipe(
            epochs=8,
            batch=16,
            learning_rate=3e-3,
            muon_learning_rate=0.02,
            patches_kept=0.75,
            whole_epochs=1,
            seed=3,
            precision="float32",
        ),
    )
