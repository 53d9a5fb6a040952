"""`aisle hide` and `aisle unhide` as a person meets them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.hidden import read_hidden
from aisle.layout import Layout
from tests.cli.conftest import Run

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(run: Run, tmp_path: Path) -> Said:
    """Exit code and messages of a command on this workspace."""

    def call(*words: object) -> tuple[int, str]:
        code, _, err = run(*words, "--workspace", tmp_path)
        return code, err

    return call


def test_hide_and_unhide(said: Said, tmp_path: Path) -> None:
    assert said("hide", "p1", "p2") == (
        0,
        f"hidden: p1, p2\nworkspace {tmp_path} has no release yet with: p1, p2\nproducts hidden now: 2\n",
    )
    assert read_hidden(Layout(root=tmp_path)) == {"p1", "p2"}
    code, err = said("hide", "p2")
    assert code == 0
    assert "hidden already: p2" in err
    code, err = said("unhide", "p1", "p9")
    assert code == 0
    assert "shown again: p1" in err
    assert "not hidden: p9" in err
    assert read_hidden(Layout(root=tmp_path)) == {"p2"}


@pytest.mark.parametrize("command", ["hide", "unhide"])
def test_a_workspace_that_is_not_there_is_not_begun(run: Run, tmp_path: Path, command: str) -> None:
    code, _, err = run(command, "p1", "--workspace", tmp_path / "shpo")
    assert code == 65
    assert "shpo: name that of the products with --workspace" in err
    assert not (tmp_path / "shpo").exists()


def test_ids_are_wanted(said: Said) -> None:
    assert said("hide")[0] == 2
    code, err = said("hide", "")
    assert code == 78
    assert "error: a product id is empty" in err
