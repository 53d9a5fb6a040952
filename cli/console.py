"""What people see: results on standard output, everything else on standard error."""

import os
import shutil
import sys

from rich.console import Console
from rich.table import Table

WIDE = 200
"""Columns of a file or a pipe: tables that a program reads must not wrap."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """One line on standard error, in red where there is colour."""
    line = " ".join(message.split())
    err.print(f"[bold red]error:[/bold red] {escape(line)}")


def say(message: str) -> None:
    """A line about what goes on, on standard error."""
    err.print(escape(message))


def command() -> str:
    """How this command is typed: `aisle` where the shell finds it, else the path by which it was called."""
    return "aisle" if shutil.which("aisle") else os.path.relpath(sys.argv[0])


def escape(text: str) -> str:
    """Text that rich must print as it is."""
    return text.replace("[", r"\[")


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's look; columns that begin with `>` are right-aligned."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return made
