"""From what `--workspace` says to a workspace."""

import os
from pathlib import Path

from aisle.layout import Layout
from aisle.mirror import open_layout
from aisle.settings import variable


def open_workspace(workspace: str | Path) -> Layout:
    """A workspace by its path or URL; one on an object store is mirrored in the folder that `AISLE_CACHE` names.

    Raises:
        SettingsError: It is a URL of a kind that no workspace can be on.
    """
    folder = os.environ.get(variable("cache"), "").strip()
    return open_layout(workspace, cache=Path(folder) if folder else None)
