"""`aisle releases` as a person meets it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.current import read_current
from aisle.layout import INDEX, Layout
from tests.cli.conftest import Run


@pytest.fixture
def workspace(run: Run, tmp_path: Path, tiny_model: Path) -> Path:
    """Two releases of a catalog of texts."""
    root = tmp_path / "shop"
    for price in (1.0, 2.0):
        rows = {"sku": ["p1", "p2", "p3"], "name": ["red shirt", "blue hat", "green bag"], "price": [price] * 3}
        pq.write_table(pa.table(rows), tmp_path / "products.parquet")
        code, _, err = run(
            "reindex", "--catalog", tmp_path / "products.parquet", "--workspace", root, "--model", tiny_model,
            "--executor", "local", "--workers", 1, "--attribute", "price=number",
        )  # fmt: skip
        assert code == 0, err
    return root


def ids(workspace: Path) -> list[str]:
    """Newest first."""
    releases = Layout(root=workspace).releases
    live = read_current(Layout(root=workspace))
    return sorted((path.name for path in releases.iterdir()), key=lambda name: name != live)


@pytest.mark.parametrize("words", [["releases"], ["releases", "list"]])
def test_list_marks_the_live_one(run: Run, workspace: Path, words: list[str]) -> None:
    for placed in ([*words, "--workspace", workspace], [words[0], "--workspace", workspace, *words[1:]]):
        code, out, _ = run(*placed)
        assert code == 0
        lines = out.splitlines()
        assert len(lines) == 3
        assert [line.split()[1] for line in lines if line.startswith("live")] == [ids(workspace)[0]]


def test_show(run: Run, workspace: Path) -> None:
    live, older = ids(workspace)
    run("hide", "p3", "p1", "--workspace", workspace)
    code, out, _ = run("releases", "show", "--workspace", workspace)
    assert code == 0
    assert f"{live} (live)" in out
    for line in (
        "products   3",
        "rejected   0",
        "attributes price (number)",
        "hidden     2 (p1, p3)",
        "index      exact",
    ):
        assert any(" ".join(found.split()).startswith(" ".join(line.split())) for found in out.splitlines()), line
    assert "products.parquet" in out
    code, out, _ = run("releases", "show", older, "--workspace", workspace)
    assert code == 0
    assert older in out
    assert "(live)" not in out


def test_verify(run: Run, workspace: Path) -> None:
    live, older = ids(workspace)
    code, out, _ = run("releases", "verify", "--workspace", workspace)
    assert code == 0
    assert "text 1.000 (target 0.99)" in out
    assert "3 asked for found themselves" in out
    path = Layout(root=workspace).release(older) / INDEX
    path.write_bytes(path.read_bytes()[:-1])
    code, out, err = run("releases", "verify", older, "--workspace", workspace)
    assert code == 65
    assert out == ""
    assert INDEX in err
    assert run("releases", "verify", live, "--workspace", workspace)[0] == 0


def test_rollback_and_forward(run: Run, workspace: Path) -> None:
    live, older = ids(workspace)
    code, _, err = run("releases", "rollback", "--workspace", workspace)
    assert code == 0
    assert f"live now: {older} (before: {live})" in err
    assert read_current(Layout(root=workspace)) == older
    assert run("releases", "rollback", live, "--workspace", workspace)[0] == 0
    assert read_current(Layout(root=workspace)) == live
    code, _, err = run("releases", "rollback", "1999", "--workspace", workspace)
    assert code == 65
    assert "no release is called '1999'" in err


def test_gc(run: Run, workspace: Path) -> None:
    live, older = ids(workspace)
    code, out, _ = run("releases", "gc", "--keep", 1, "--dry-run", "--workspace", workspace)
    assert code == 0
    assert "would delete" in out
    assert older in out
    assert len(ids(workspace)) == 2
    code, out, _ = run("releases", "gc", "--keep", 1, "--workspace", workspace)
    assert code == 0
    assert "would" not in out
    assert ids(workspace) == [live]


@pytest.mark.parametrize("command", ["list", "show", "verify", "rollback", "gc"])
def test_every_command_has_help(run: Run, command: str) -> None:
    code, out, _ = run("releases", command, "--help")
    assert code == 0
    assert f"Usage: aisle releases {command}" in out


@pytest.mark.parametrize("command", ["show", "verify", "rollback"])
def test_an_empty_workspace_is_one_clear_line(run: Run, tmp_path: Path, command: str) -> None:
    code, out, err = run("releases", command, "--workspace", tmp_path)
    assert code == 65
    assert out == ""
    assert "has no release yet: run `aisle reindex`" in err
