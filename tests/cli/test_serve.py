"""`aisle serve` up to where the server takes over."""

from pathlib import Path

import pytest

from aisle.layout import Layout
from serving import run as serving_run
from tests.cli.conftest import Run


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Settings of the servers that would have been started."""
    found: list[object] = []
    monkeypatch.setattr(serving_run, "serve", found.append)
    return found


def test_a_workspace_without_a_release_is_said(run: Run, tmp_path: Path, began: list[object]) -> None:
    code, _, err = run("serve", "--workspace", tmp_path / "shpo")
    assert code == 0
    assert f"{tmp_path / 'shpo'} has no release yet" in err
    Layout(root=tmp_path).current.write_text("20261125T000000-00000000")
    code, _, err = run("serve", "--workspace", tmp_path)
    assert "no release yet" not in err
    assert len(began) == 2
