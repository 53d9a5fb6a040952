"""What Ray does of itself, and we do not want."""

from pathlib import Path

import pytest
import ray

from aisle.errors import IncompleteRun, SettingsError
from batch.executor import ExecutorKind, WorkerLayout, open_executor


def test_folders_where_the_caller_stands_do_not_hide_our_code(tmp_path: Path, monkeypatch):
    for name in ("aisle", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with open_executor(ExecutorKind.RAY, WorkerLayout(workers=1)) as executor:
        found = list(executor.run(eval, ["__import__('web').__file__", "__import__('aisle').__file__"]))
    assert str(tmp_path) not in " ".join(found)


@pytest.mark.parametrize(
    ("fault", "expected", "message"),
    [
        (
            Exception("The current node timed out during startup. This"),
            IncompleteRun,
            "timed out during startup.* Run again, or",
        ),
        (ValueError("no such address"), SettingsError, "cannot start Ray on this machine .*--executor local"),
    ],
    ids=["overloaded", "wrong"],
)
def test_a_ray_that_does_not_start_is_said_in_a_line(fault, expected, message, monkeypatch):
    def init(**options: object) -> None:
        raise fault

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(expected, match=message), open_executor(ExecutorKind.RAY, WorkerLayout(workers=1)):
        pass


def test_a_mistake_of_ours_stays_one(monkeypatch):
    monkeypatch.setattr(ray, "init", lambda **options: 1 / 0)
    with pytest.raises(ZeroDivisionError), open_executor(ExecutorKind.RAY, WorkerLayout(workers=1)):
        pass
