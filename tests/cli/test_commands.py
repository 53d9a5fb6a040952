"""The command line as a person meets it: what is printed, and the exit code."""

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.current import read_current
from aisle.layout import Layout
from cli.main import main
from tests.cli.conftest import Run

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def picture(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "products.parquet"
    names = list(COLOURS) * 3
    rows = {
        "sku": [f"p{i}" for i in range(12)],
        "name": [f"{name} shirt" for name in names],
        "colour": names,
        "price": [float(i) for i in range(12)],
        "photo": [picture(COLOURS[name]) for name in names],
    }
    pq.write_table(pa.table(rows), path)
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, catalog: Path, tiny_model: Path) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    arguments = ["--catalog", catalog, "--workspace", root, "--model", tiny_model, "--executor", "local"]
    sys.argv = ["aisle", "reindex", *map(str, arguments), "--workers", "1"]
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return root


def test_reindex_says_what_it_did(run: Run, catalog: Path, tiny_model: Path, tmp_path: Path) -> None:
    code, out, err = run(
        "reindex", "--catalog", catalog, "--workspace", tmp_path, "--model", tiny_model, "--executor", "local",
        "--workers", 1, "--title", "name", "--text", "{name} {colour}", "--attribute", "colour,price",
    )  # fmt: skip
    assert code == 0, err
    assert "id=sku, image=photo, title=name, text={name} {colour}" in err
    assert "colour (category), price (number)" in err
    assert "embed: done in" in err, "plain lines where there is no terminal"
    release = read_current(Layout(root=tmp_path))
    assert release is not None
    for part in (release, "12", "recall@10", f" serve --workspace {tmp_path}"):
        assert part in out


def test_a_plan_embeds_nothing(run: Run, catalog: Path, tiny_model: Path, tmp_path: Path) -> None:
    to = ["--catalog", str(catalog), "--workspace", str(tmp_path / "w"), "--model", str(tiny_model)]
    code, printed, _ = run("reindex", *to, "--plan", "--memory", "1GB", "--index", "ivf-pq")
    assert code == 0
    for word in ("shards", "ivf-pq was asked for", "to build", "of embeddings", "a release", "minutes"):
        assert word in printed
    assert not (tmp_path / "w" / "embeddings").exists()
    assert not (tmp_path / "w" / "CURRENT").exists()
    code, _, errors = run("reindex", *to, "--plan", "--memory", "100", "--index", "ivf-pq")
    assert code
    assert "raise --memory" in errors


def test_search_prints_a_table_and_draws_a_grid(run: Run, workspace: Path, tmp_path: Path) -> None:
    grid = tmp_path / "grid.png"
    code, out, err = run("search", "red shirt", "--workspace", workspace, "-k", 3, "--save", grid)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["score", "id", "title"]
    assert {line.split()[1] for line in lines[1:4]} == {"p0", "p4", "p8"}
    assert "3 of 12 products in" in out
    with Image.open(grid) as sheet:
        reds = sum(1 for x in range(12, sheet.width, 252) if sheet.getpixel((x + 120, 130)) == (255, 0, 0))
    assert reds == 3


def test_search_by_picture_and_by_product(run: Run, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "q.png").write_bytes(picture((0, 0, 255)))
    code, out, _ = run("search", "--image", tmp_path / "q.png", "--workspace", workspace, "-k", 3)
    assert code == 0
    assert {line.split()[1] for line in out.splitlines()[1:4]} == {"p2", "p6", "p10"}
    code, out, _ = run("search", "--like", "p2", "--workspace", workspace, "-k", 2)
    assert {line.split()[1] for line in out.splitlines()[1:3]} == {"p6", "p10"}


def test_filters(run: Run, workspace: Path) -> None:
    code, out, _ = run("search", "shirt", "-w", "colour=red,blue", "-w", "price=2..6", "--workspace", workspace)
    assert code == 0
    assert {line.split()[1] for line in out.splitlines()[1:-1]} == {"p2", "p4", "p6"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["search", "--workspace", "{workspace}"], "nothing to search for"),
        (["search", "x", "--workspace", "/nowhere"], "has no release yet: run `aisle reindex"),
        (["search", "x", "-w", "size=3", "--workspace", "{workspace}"], "size"),
        (["search", "x", "-w", "price", "--workspace", "{workspace}"], "write --where price=VALUE"),
        (["search", "x", "-w", "price=a..b", "--workspace", "{workspace}"], "price=10..50"),
        (["search", "--image", "/no.png", "--workspace", "{workspace}"], "/no.png cannot be read"),
        (["search", "--like", "zzz", "--workspace", "{workspace}"], "'zzz'"),
        (["search", "x", "--balance", "3", "--workspace", "{workspace}"], "balance is 3"),
        (["search", "x", "--save", "/no/folder/x.png", "--workspace", "{workspace}"], "--save"),
        (["reindex", "--catalog", "/no.csv", "--workspace", "{workspace}"], "/no.csv does not exist"),
        (["reindex", "--catalog", "{catalog}", "--id", "nope", "--workspace", "{workspace}"], "no column 'nope'"),
        (["reindex", "--catalog", "{catalog}", "--text", "{{nope}}", "--workspace", "{workspace}"], "no column 'nope'"),
        (["reindex", "--catalog", "{catalog}", "--attribute", "price=money", "--workspace", "{workspace}"], "'money'"),
        (
            ["reindex", "--catalog", "{catalog}", "--recall-target", "7", "--workspace", "{workspace}"],
            "recall_target is 7",
        ),
    ],
)
def test_errors_are_one_line(run: Run, workspace: Path, catalog: Path, words: list[str], message: str) -> None:
    code, out, err = run(*(word.format(workspace=workspace, catalog=catalog) for word in words))
    assert code in {1, 65, 78}, err
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in err


def test_debug_shows_the_traceback_wherever_it_stands(run: Run) -> None:
    code, _, err = run("search", "x", "--workspace", "/nowhere", "--debug")
    assert code == 65
    assert "Traceback" in err


def test_wrong_usage_exits_2(run: Run, catalog: Path) -> None:
    assert run("nonsense")[0] == 2
    assert run("reindex")[0] == 2
    code, _, err = run("reindex", "--catalog", catalog, "--executor", "slurm")
    assert code == 2
    assert "not one of local, ray" in err


def test_ctrl_c_exits_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.search.open_live", interrupt)
    code, _, err = run("search", "x")
    assert code == 130
    assert "interrupted" in err


def test_releases_marks_the_live_one(run: Run, workspace: Path, tmp_path: Path) -> None:
    code, out, _ = run("releases", "--workspace", workspace)
    assert code == 0
    live = [line for line in out.splitlines() if line.startswith("live")]
    assert len(live) == 1
    assert read_current(Layout(root=workspace)) in live[0]
    code, _, err = run("releases", "--workspace", tmp_path)
    assert code == 0
    assert "no release yet" in err


def test_several_models_need_a_choice(
    run: Run, catalog: Path, tmp_path: Path, tiny_model: Path, other_model: Path
) -> None:
    common = ["--catalog", catalog, "--workspace", tmp_path, "--executor", "local", "--workers", 1]
    assert run("reindex", *common, "--model", tiny_model)[0] == 0
    assert run("reindex", *common)[0] == 0, "the only model is taken"
    assert run("reindex", *common, "--model", other_model)[0] == 0
    code, _, err = run("reindex", *common)
    assert code == 78
    assert "choose one with --model" in err
    code, _, err = run("reindex", *common, "--model", tiny_model.name[:6])
    assert code == 0, err
    manifest = json.loads(
        (Layout(root=tmp_path).release(read_current(Layout(root=tmp_path)) or "") / "release.json").read_text()
    )
    assert manifest["model_fingerprint"] == tiny_model.name


def test_every_command_has_help(run: Run) -> None:
    for command in ("demo", "export", "reindex", "serve", "search", "releases"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert "Usage: aisle " + command in out


def test_a_catalog_without_rows_is_one_clear_line(run: Run, tmp_path: Path, tiny_model: Path) -> None:
    """Not one row group: there is no first table to guess from."""
    schema = pa.schema([("sku", pa.string()), ("name", pa.string())])
    pq.ParquetWriter(tmp_path / "empty.parquet", schema).close()
    code, _, err = run(
        "reindex", "--catalog", tmp_path / "empty.parquet", "--workspace", tmp_path / "w", "--model", tiny_model,
        "--executor", "local", "--workers", 1,
    )  # fmt: skip
    assert code == 65
    assert "error: the catalog has no rows" in err
