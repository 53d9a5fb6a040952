"""`aisle hide` and `aisle unhide` as a person meets them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.hidden import read_hidden
from aisle.layout import Layout
from cli.main import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def call(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["aisle", *map(str, words), "--workspace", str(tmp_path)])
        try:
            main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        return code, capsys.readouterr().err

    return call


def test_hide_and_unhide(run: Run, tmp_path: Path) -> None:
    assert run("hide", "p1", "p2") == (
        0,
        "hidden: p1, p2\nnot in the live release: p1, p2\nproducts hidden now: 2\n",
    )
    assert read_hidden(Layout(root=tmp_path)) == {"p1", "p2"}
    code, err = run("hide", "p2")
    assert code == 0
    assert "hidden already: p2" in err
    code, err = run("unhide", "p1", "p9")
    assert code == 0
    assert "shown again: p1" in err
    assert "not hidden: p9" in err
    assert read_hidden(Layout(root=tmp_path)) == {"p2"}


def test_ids_are_wanted(run: Run) -> None:
    assert run("hide")[0] == 2
    code, err = run("hide", "")
    assert code == 1
    assert "error: a product id is empty" in err
