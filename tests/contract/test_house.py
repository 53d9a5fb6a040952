"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("aisle", "aisle_client", "export", "train", "batch", "serving"),
    *("web", "demo", "evaluation", "loadtest", "cli"),
)
FILES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def importers(module: str) -> set[str]:
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] == module for name in names):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_one_file_of_a_part_imports_ray() -> None:
    assert importers("ray") == {"batch/ray_executor.py", "train/ray_workers.py"}


def test_the_service_alone_imports_bentoml() -> None:
    assert importers("bentoml") == {"serving/service.py"}


def test_no_pickle() -> None:
    assert importers("pickle") == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_serving_leaves_the_batch_world_alone() -> None:
    code = (
        "import sys, serving.service; "
        "print([name for name in ('torch', 'ray', 'transformers', 'datasets', 'optimum') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"


def test_the_command_starts_without_heavy_imports() -> None:
    heavy = ("torch", "ray", "transformers", "bentoml", "faiss", "onnxruntime")
    code = f"import sys, cli.main; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"


README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```(?:sh|bash|console)\n(.*?)```", README, re.DOTALL)) + "\n".join(
    re.findall(r"`((?:make|aisle) [^`]+)`", README)
)


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", BLOCKS))
    assert named, "the README shows no make command"
    assert named <= targets


def test_every_command_and_option_of_the_readme_exists() -> None:
    import typer.main

    from cli.main import app

    root = typer.main.get_command(app)
    lines = re.findall(r"\baisle ([a-z]+[^\n|#]*)", BLOCKS.replace("\\\n", " "))
    assert lines, "the README shows no aisle command"
    for line in lines:
        command, words = root, line.split()
        while hasattr(command, "commands") and words:
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)(--[a-z-]+)", line)) <= options, line
