from pathlib import PurePosixPath

import pytest

from serving.public_messages import without_paths

ROOT = PurePosixPath("/srv/shop a/workspace")


@pytest.mark.parametrize(
    ("message", "public"),
    [
        ("/srv/shop a/workspace/releases/r1/index.faiss is missing", "releases/r1/index.faiss is missing"),
        ("/srv/shop a/workspace holds nothing", "the workspace holds nothing"),
        (
            "hidden.json cannot be read (Permission denied: '/srv/shop a/workspace/hidden.json'): put it right",
            "hidden.json cannot be read (Permission denied: 'hidden.json'): put it right",
        ),
        ("cannot open /usr/lib/python3/site-packages/onnx.so: no", "cannot open …/onnx.so: no"),
        ("C:\\shop\\CURRENT is locked", "…/CURRENT is locked"),
        ("no s3://bucket/shop/CURRENT here", "no …/CURRENT here"),
        ("run `aisle reindex`, or 1/2 and/or https://aisle.example/docs", None),
        ("release 20261121T101500-00000001 has no weights (8 dimensions)", None),
        ("not found: image/jpeg", None),
    ],
)
def test_messages(message, public):
    assert without_paths(message, root=ROOT) == (message if public is None else public)
