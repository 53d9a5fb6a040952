"""A training run's recipe: catalogs, model and numbers, read from one TOML file."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from aisle.catalog import template_columns
from aisle.errors import SettingsError

Precision = Literal["auto", "bfloat16", "float32"]
"""Number format of the towers' arithmetic; weights and optimizer are always float32. `auto` is bfloat16 where the
hardware calculates in it."""

EMBEDDED_RECIPE = Path(__file__).parent / "recipes" / "embedded.toml"
"""Of the model that comes with Aisle."""

Section = TypeVar("Section")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRecipe:
    """One catalog to learn from.

    Attributes:
        name: By which the command line gives its location, and reports name it.
        location: What `aisle.sources.open_source` takes; may stay empty in a file that is shared.
        id: Column of ids; guessed when None, and so are the next three.
        image: Column of pictures.
        title: Column of titles.
        text: Template of the long text.
        templates: Short texts over columns, such as `"{baseColour} {articleType}"`; one is drawn per product and step.
        nouns: Columns of `templates` whose values are things ("Shirts"); they are read as singular and as plural.
        said: Columns of `templates` that the catalog lacks and its titles know: column name to value to the words that
            mean it, such as `{"pattern": {"striped": ["striped", "stripes"]}}`.
        passes: How often one epoch shows each product.
        validation: Products held out by the hash of their ids, as a share of all.
    """

    name: str
    location: str = ""
    id: str | None = None
    image: str | None = None
    title: str | None = None
    text: str | None = None
    templates: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    said: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    passes: int = 1
    validation: float = 0.0

    def __post_init__(self) -> None:
        for template in self.templates:
            template_columns(template)
        if self.passes < 1:
            raise SettingsError(f"catalog {self.name}: passes is {self.passes}; it must be at least 1")
        if not 0.0 <= self.validation < 1.0:
            raise SettingsError(f"catalog {self.name}: validation is {self.validation}; it runs from 0 to below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe:
    """A CLIP model to be made from nothing.

    Attributes:
        image_size: Side of the picture, in pixels.
        patch_size: Side of a patch, in pixels.
        image_width: Width of the image tower.
        image_layers: Its depth.
        text_width: Width of the text tower.
        text_layers: Its depth.
        head_width: Width of one attention head, in both.
        dimension: Length of the vectors.
        vocabulary: Number of tokens.
        max_length: Longest token sequence.
    """

    image_size: int = 112
    patch_size: int = 14
    image_width: int = 192
    image_layers: int = 6
    text_width: int = 192
    text_layers: int = 3
    head_width: int = 64
    dimension: int = 192
    vocabulary: int = 4096
    max_length: int = 48

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size:
            raise SettingsError(f"image_size {self.image_size} is no multiple of patch_size {self.patch_size}")
        if self.image_width % 4:
            raise SettingsError(f"image_width {self.image_width} is no multiple of 4, which sines and cosines need")
        for name, width in (("image_width", self.image_width), ("text_width", self.text_width)):
            if width % self.head_width:
                raise SettingsError(f"{name} {width} is no multiple of head_width {self.head_width}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecipe:
    """The numbers of one run.

    Attributes:
        epochs: Passes over all catalogs.
        batch: Products per step; all of one catalog.
        micro_batch: Pictures or texts in memory at a time, with the gradient of all at once (`train.gradients`); 0 for
            as many as about 8 GiB hold (`train.memory`).
        hard_negatives: Whether products of one article that look different are shown in one batch (`train.rivals`).
        learning_rate: AdamW's peak.
        muon_learning_rate: Peak of Muon, for matrices inside the towers of a model made from nothing; 0: AdamW's, too.
        warm_up: Steps of linear rise, as a share of all; a cosine to zero follows.
        weight_decay: Of matrices; biases, norms, embeddings of single tokens and the temperature have none.
        clip_norm: Largest norm of the gradient.
        lora_rank: Rank of the adapters that are trained in place of the towers' matrices; 0 trains all of the model.
        patches_kept: Share of patches that the image tower sees in a step (FLIP, Li et al. 2022, arXiv:2212.00794).
        whole_epochs: Last epochs in which it sees all of them.
        crop_area: Smallest area of a random crop, as a share of the picture.
        rotation: Largest rotation, in degrees.
        word_dropout: Chance of each word of a title or long text to be left out.
        choices: Short templates of which each step makes a choice among the texts of the whole catalog; 0 for none.
        choice_texts: Most texts of one choice.
        patience: Epochs without a better validation after which a run ends, and the best checkpoint is what it
            leaves; 0 goes through all epochs and leaves the last.
        save_minutes: Most work that a kill can lose; 0 saves after every step.
        workers: Processes that share each batch.
        seed: Of everything that is drawn.
        precision: Of the towers.
    """

    epochs: int = 4
    batch: int = 256
    micro_batch: int = 0
    hard_negatives: bool = False
    learning_rate: float = 5e-5
    muon_learning_rate: float = 0.0
    warm_up: float = 0.05
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    lora_rank: int = 0
    patches_kept: float = 1.0
    whole_epochs: int = 0
    crop_area: float = 0.6
    rotation: float = 8.0
    word_dropout: float = 0.0
    choices: int = 0
    choice_texts: int = 256
    patience: int = 0
    save_minutes: float = 5.0
    workers: int = 1
    seed: int = 0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise SettingsError(f"epochs is {self.epochs} and batch {self.batch}; at least 1 and 2 are needed")
        for name, least in (("micro_batch", 0), ("lora_rank", 0), ("patience", 0), ("save_minutes", 0), ("workers", 1)):
            if not getattr(self, name) >= least:
                raise SettingsError(f"{name} is {getattr(self, name)}; at least {least} is needed")
        if self.lora_rank and self.muon_learning_rate:
            raise SettingsError(
                f"lora_rank is {self.lora_rank} and muon_learning_rate {self.muon_learning_rate}: adapters are for a "
                "trained model and Muon for a new one; set one of them to 0"
            )
        if self.choices < 0 or self.choice_texts < 2:
            raise SettingsError(
                f"choices is {self.choices} and choice_texts {self.choice_texts}; at least 0 and 2 are needed"
            )
        if not self.learning_rate > 0:
            raise SettingsError(f"learning_rate is {self.learning_rate}; it must be positive")
        if not self.muon_learning_rate >= 0:
            raise SettingsError(f"muon_learning_rate is {self.muon_learning_rate}; it must be positive, or 0 for none")
        for name in ("patches_kept", "crop_area"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it lies above 0 and up to 1")
        for name in ("warm_up", "word_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it runs from 0 to below 1")
        if self.precision not in get_args(Precision):
            raise SettingsError(f"precision is {self.precision!r}; known are {', '.join(get_args(Precision))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole run.

    Attributes:
        catalogs: At least one.
        model: The model to make, when `checkpoint` is empty.
        checkpoint: Folder or hub id of a CLIP checkpoint to go on from; empty to start from nothing.
        training: The numbers.
    """

    catalogs: tuple[CatalogRecipe, ...]
    model: ModelRecipe = field(default_factory=ModelRecipe)
    checkpoint: str = ""
    training: TrainingRecipe = field(default_factory=TrainingRecipe)

    def __post_init__(self) -> None:
        names = [catalog.name for catalog in self.catalogs]
        if not names or len(set(names)) < len(names):
            raise SettingsError(f"a recipe needs one or more catalogs of different names, not {names}")
        if self.training.patience and not any(catalog.validation for catalog in self.catalogs):
            raise SettingsError(
                f"patience is {self.training.patience} and no catalog holds products out to validate with: set a "
                "catalog's validation share, or patience to 0"
            )

    def at(self, locations: Mapping[str, str]) -> "Recipe":
        """The recipe with catalogs where `locations` says.

        Raises:
            SettingsError: A name is not in the recipe.
        """
        known = {catalog.name for catalog in self.catalogs}
        if unknown := set(locations) - known:
            raise SettingsError(f"the recipe has no catalog {sorted(unknown)[0]!r}; it has {', '.join(sorted(known))}")
        moved = tuple(
            dataclasses.replace(catalog, location=locations.get(catalog.name, catalog.location))
            for catalog in self.catalogs
        )
        return dataclasses.replace(self, catalogs=moved)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe: tables `[[catalogs]]`, `[model]`, `[training]` and a key `checkpoint`.

    Raises:
        SettingsError: The file cannot be read, or holds an unknown key or a value that cannot be used.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"recipe {path} cannot be read: {error}") from error
    catalogs = values.pop("catalogs", [])
    model, training = values.pop("model", {}), values.pop("training", {})
    return _section(
        Recipe,
        {
            **values,
            "catalogs": tuple(_section(CatalogRecipe, _tuples(catalog), path) for catalog in catalogs),
            "model": _section(ModelRecipe, model, path),
            "training": _section(TrainingRecipe, training, path),
        },
        path,
    )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _section(kind: type[Section], values: Mapping[str, Any], path: Path) -> Section:
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if unknown := set(values) - set(known):
        raise SettingsError(f"{path}: unknown key {sorted(unknown)[0]!r}; known are {', '.join(known)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise SettingsError(f"{path}: {error}") from error
