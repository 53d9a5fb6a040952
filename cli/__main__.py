"""`python -m cli` is `aisle`."""

from cli.main import main

main()
