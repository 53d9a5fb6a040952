"""docs/operations.md says what the code does: exit codes, options, and the arithmetic of sizes."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from benchmarks.sizing import SIZES, Rates, row
from cli.exit_codes import ExitCode
from cli.main import app

TEXT = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def test_every_exit_code_has_its_row():
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, flags=re.MULTILINE)} == set(ExitCode)


@pytest.mark.parametrize("products", SIZES)
def test_the_arithmetic_is_the_script_s(products: int):
    assert row(products, Rates()) in TEXT


def test_every_option_exists():
    commands = get_command(app).commands
    groups = [*commands.values(), *commands["releases"].commands.values()]
    known = {option for command in groups for parameter in command.params for option in parameter.opts}
    of_ray_and_friends = {"--submission-id", "--debug"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - of_ray_and_friends <= known
