"""Recipes are read whole or refused with the key that is wrong."""

from pathlib import Path

import pytest

from aisle.errors import CatalogError, SettingsError
from train.recipe import CatalogRecipe, ModelRecipe, TrainingRecipe, load_recipe

EMBEDDED = Path(__file__).parents[2] / "train" / "recipes" / "embedded.toml"


def test_the_embedded_models_recipe_is_valid() -> None:
    recipe = load_recipe(EMBEDDED).at({"drawn": "d.parquet", "photos": "p.parquet"})
    assert [catalog.location for catalog in recipe.catalogs] == ["d.parquet", "p.parquet"]
    assert "{colour} {article}" in recipe.catalogs[0].templates
    with pytest.raises(SettingsError, match="no catalog 'films'"):
        recipe.at({"films": "f.parquet"})
    finish = load_recipe(EMBEDDED.with_name("embedded-finish.toml"))
    assert finish.catalogs[1].said["pattern"]["floral"] == ["floral", "flower", "flowers"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[catalogs]]\nname = 'a'\ncolour = 'red'\n", "unknown key 'colour'"),
        ("[[catalogs]]\nlocation = 'a'\n", "name"),
        ("[training]\nepochs = 2\n", "one or more catalogs"),
        ("[[catalogs]]\nname = 'a'\n[[catalogs]]\nname = 'a'\n", "different names"),
        ("[[catalogs]]\nname = 'a'\n[training]\nepochs = 0\n", "epochs is 0"),
        ("[[catalogs]]\nname = 'a'\n[training]\nprecision = 'int8'\n", "'int8'"),
        ("not toml", "cannot be read"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_recipe(path)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="validation is 1"):
        CatalogRecipe(name="a", validation=1.0)
    with pytest.raises(SettingsError, match="patches_kept is 0"):
        TrainingRecipe(patches_kept=0.0)
    with pytest.raises(SettingsError, match="no multiple of patch_size"):
        ModelRecipe(image_size=100, patch_size=14)
    with pytest.raises(CatalogError, match="template"):
        CatalogRecipe(name="a", templates=("{colour",))
