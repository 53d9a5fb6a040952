"""What the command says about itself."""

import shutil
import sys
from pathlib import Path

import pytest

from cli.console import command


def test_the_command_is_named_as_it_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "aisle")])
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/aisle")
    assert command() == "aisle"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert command() == ".venv/bin/aisle"
