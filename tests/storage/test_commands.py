"""The commands over a workspace on a store, each from a machine that has nothing of it yet."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from tests.cli.conftest import run as command  # noqa: F401 - a fixture
from tests.storage.conftest import Run

Anywhere = Callable[..., str]


@pytest.fixture
def anywhere(
    command: Callable[..., tuple[int, str, str]],  # noqa: F811 - the fixture
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Anywhere:
    """`aisle WORDS --workspace s3://…`, and what it said."""
    machines = itertools.count()

    def call(*words: object, ends: ExitCode = ExitCode.DONE, workspace: str = f"{bucket}/workspace") -> str:
        monkeypatch.setenv("AISLE_CACHE", str(tmp_path / f"machine {next(machines)}"))
        code, out, err = command(*words, "--workspace", workspace)
        assert code == ends, err
        return out + err

    return call


def test_every_command_finds_what_it_needs(run: Run, catalog: str, bucket: str, anywhere: Anywhere):
    first = run(catalog).release_id
    assert "shards" in anywhere("reindex", "--catalog", catalog, "--plan")
    said = anywhere("reindex", "--catalog", catalog, "--executor", "local", "--workers", "1")
    assert f"{bucket}/workspace/releases/" in said, "not where it is mirrored"
    assert "0 encoded" in said
    assert "recall@10" in anywhere("evaluate", "--catalog", catalog)
    assert "3 of 29 products" in anywhere("search", "--like", "p5", "-k", "3")
    assert anywhere("releases", "list").count("tiny-0") == 2
    assert "each once" in anywhere("releases", "verify")
    assert first in anywhere("releases", "rollback")
    anywhere("hide", "p5")
    shown = anywhere("releases", "show")
    assert "p5" in shown
    assert f"{bucket}/workspace/releases/{first}" in shown
    anywhere("unhide", "p5")
    assert "none" in anywhere("releases", "gc")


def test_a_wrong_bucket_is_for_somebody_to_look_at(bucket: str, anywhere: Anywhere, catalog: str):
    wrong = {"ends": ExitCode.SETUP, "workspace": "s3://nobody-made-this/shop"}
    for words in (("releases", "list"), ("reindex", "--catalog", catalog)):
        said = anywhere(*words, **wrong)
        assert "NoSuchBucket" in said
        assert "Make the bucket" in said
