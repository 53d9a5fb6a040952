"""The search page that the service serves at `/`: plain files, no build step, nothing from the network.

`index.html` belongs at `/`, and every other file of `STATIC` at `/static/<name>`.
"""

from pathlib import Path

STATIC: Path = Path(__file__).resolve().parent / "static"
