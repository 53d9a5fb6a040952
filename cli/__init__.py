"""The `aisle` command: one file per command, heavy imports inside the functions."""
