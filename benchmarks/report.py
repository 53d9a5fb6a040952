"""What every benchmark says in the end: a table for people, JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path


def print_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows under their column names; numbers stand to the right.

    Args:
        title: A line above the table.
        rows: Column name to value, the same columns in each row. Floats are shown with three significant digits
            or more.
    """
    names = list(rows[0]) if rows else []
    cells = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    right = [all(isinstance(row[name], int | float) for row in rows) for name in names]
    print(f"\n{title}\n")
    for line in (names, ["-" * width for width in widths], *cells):
        aligned = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        print("  ".join(aligned).rstrip())
    print(flush=True)


def print_bar(what: str, value: float, *, at_most: float | None = None, at_least: float | None = None) -> None:
    """Say whether a figure keeps the bar it is held against; exactly one bound is given."""
    kept = value <= at_most if at_most is not None else at_least is not None and value >= at_least
    bar = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}"
    print(f"{what}: {value:.2f} (bar {bar}: {'kept' if kept else 'MISSED'})", flush=True)


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write what `--json FILE` asks for."""
    path.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
