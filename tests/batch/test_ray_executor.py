"""What Ray does of itself, and we do not want."""

from pathlib import Path

from batch.executor import ExecutorKind, WorkerLayout, open_executor


def test_folders_where_the_caller_stands_do_not_hide_our_code(tmp_path: Path, monkeypatch):
    for name in ("aisle", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with open_executor(ExecutorKind.RAY, WorkerLayout(workers=1)) as executor:
        found = list(executor.run(eval, ["__import__('web').__file__", "__import__('aisle').__file__"]))
    assert str(tmp_path) not in " ".join(found)
