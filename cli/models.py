"""From what `--model` says to the folder of a bundle."""

from pathlib import Path

import demo as demo_package
from aisle.errors import ModelError
from aisle.layout import MODEL_MANIFEST, Layout
from aisle.manifest import load_model_manifest
from aisle.mirror import pull_model, pull_models
from cli.console import say

EMBEDDED = Path(demo_package.__file__).parent / "model"
"""The small model that comes with Aisle."""

EMBEDDED_CHECKPOINT = EMBEDDED.with_name("aisle-embedded")
"""The checkpoint that it was exported from, to go on training."""


def resolve_model(model: str | None, *, layout: Layout, catalog: str | None = None) -> Path:
    """The folder of a bundle; the run copies it into the workspace when it lies elsewhere.

    Args:
        model: A fingerprint (or its beginning) in the workspace, a bundle's folder, `embedded`, or a checkpoint
            (hub id or folder), which is exported first unless an equal one was. None takes the workspace's only
            model, or the embedded one when there is none.
        layout: The workspace.
        catalog: Where the parity gate's sample comes from when a checkpoint is exported.

    Raises:
        ModelError: Nothing fits, or several do.
    """
    pull_models(layout)
    present = sorted(path.parent for path in layout.models.glob(f"*/{MODEL_MANIFEST}"))
    if model is None:
        if len(present) == 1:
            return _whole(present[0], layout)
        if present:
            names = ", ".join(f"{path.name} ({load_model_manifest(path, verify=False).name})" for path in present)
            raise ModelError(f"the workspace holds several models: {names}; choose one with --model")
        say("No --model given: taking the small embedded model. Real catalogs want a real CLIP (see README).")
        return EMBEDDED
    if model == "embedded":
        return EMBEDDED
    matches = [path for path in present if path.name.startswith(model)]
    if len(matches) == 1:
        return _whole(matches[0], layout)
    if len(matches) > 1:
        raise ModelError(f"--model {model} fits {', '.join(path.name for path in matches)}; give more of it")
    if (Path(model) / MODEL_MANIFEST).is_file():
        return Path(model)
    from cli.export import export_model

    folder: Path = export_model(model, layout=layout, catalog=catalog, any_comparison=True).folder
    return folder


def _whole(folder: Path, layout: Layout) -> Path:
    """A bundle of the workspace with all its files here: so far its manifest was."""
    pull_model(layout, folder.name)
    return folder
