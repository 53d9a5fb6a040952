"""`aisle loadtest` as a person meets it."""

import json
import sys

import pytest

from cli.main import main


@pytest.fixture
def run(capsys, monkeypatch):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["aisle", "loadtest", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_rates_are_offered_and_shown_with_recall(run, service, tmp_path):
    saved = tmp_path / "figures.json"
    code, out, err = run(service.url, "--rate", 40, "--rate", 80, "--seconds", 0.5, "--pictures", 0.5, "--json", saved)
    assert code == 0
    assert "serves r1 with 3 products" in err
    header, *rows = out.strip().splitlines()
    assert header.split()[-2:] == ["ms", "recall@10"]
    assert [row.split()[0] for row in rows] == ["picture", "text", "picture", "text"]
    assert [row.split()[-1] for row in rows] == ["0.995", "0.997"] * 2
    figures = json.loads(saved.read_text())
    assert figures["release"] == "r1"
    assert sum(row["answered"] for row in figures["runs"]) == len(service.asked)
    assert {row["failed"] for row in figures["runs"]} == {0}


def test_queries_of_a_file(run, service, tmp_path):
    (tmp_path / "texts.txt").write_text("red shirt\n\nblue dress\n")
    code, _, _ = run(service.url, "--rate", 50, "--seconds", 0.3, "--texts", tmp_path / "texts.txt", "-k", 7)
    assert code == 0
    assert [asked["text"] for asked in service.asked[:3]] == ["red shirt", "blue dress", "red shirt"]
    assert {asked["k"] for asked in service.asked} == {7}


def test_refusals_are_counted_and_have_no_times(run, service):
    service.status = 429
    code, out, _ = run(service.url, "--rate", 50, "--seconds", 0.3)
    assert code == 0
    row = out.strip().splitlines()[-1].split()
    assert int(row[3]) == len(service.asked) > 0
    assert row[5] == "nan"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--rate", "0"), 2, "greater than 0"),
        (("--texts", "empty.txt"), 2, "holds no query"),
        (("--texts", "lines.txt", "--pictures", "0.5"), 2, "leave one out"),
    ],
)
def test_wrong_usage(run, service, tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "lines.txt").write_text("red\n")
    found, _, err = run(service.url, *words)
    assert found == code
    assert said in err


def test_nobody_there(run):
    code, _, err = run("http://127.0.0.1:9")
    assert code == 1
    assert "error: http://127.0.0.1:9/release cannot be asked" in err
