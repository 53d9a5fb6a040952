"""What a scheduler is told: each kind of error has its own code, and a line that says what to do."""

import errno
import os
import sys
from collections.abc import Callable

import pytest

from aisle.errors import (
    AisleError,
    CatalogError,
    IncompleteRun,
    InvalidQuery,
    ModelMismatch,
    PicturesUnreachable,
    ProviderUnavailable,
    ReleaseCorrupt,
    SettingsError,
    StoreRefused,
    StoreUnreachable,
    TooManyRejects,
    WorkspaceBusy,
)
from cli import main
from cli.exit_codes import ExitCode, exit_code

CODES = {
    CatalogError("no column"): 65,
    TooManyRejects("half of them"): 65,
    ReleaseCorrupt("altered"): 65,
    PicturesUnreachable("their host is away"): 75,
    WorkspaceBusy("in use"): 75,
    IncompleteRun("workers died"): 75,
    StoreUnreachable("503"): 75,
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"): 75,
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)): 75,
    SettingsError("workers is 0"): 78,
    StoreRefused("no such bucket"): 78,
    ModelMismatch("another"): 78,
    ProviderUnavailable("no GPU"): 78,
    ModuleNotFoundError("no ray", name="ray"): 78,
    InvalidQuery("nothing asked"): 1,
    AisleError("something"): 1,
    OSError(errno.EACCES, os.strerror(errno.EACCES)): 70,
    ZeroDivisionError("division by zero"): 70,
}


@pytest.mark.parametrize(("error", "code"), CODES.items(), ids=lambda value: repr(value))
def test_the_code_of_an_error(error: Exception, code: int):
    assert exit_code(error) == code


def _ended(monkeypatch: pytest.MonkeyPatch, command: Callable[[], None]) -> object:
    monkeypatch.setattr(main, "app", lambda prog_name: command())
    monkeypatch.setattr(sys, "argv", ["aisle"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


def _raise(error: Exception) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_a_full_disk_is_a_line_with_the_way_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/shop/releases/x")
    assert _ended(monkeypatch, _raise(error)) is ExitCode.AGAIN
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in ("disk is full", "/data/shop/releases/x", "kept", "make room"):
        assert part in said


def test_a_bug_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert _ended(monkeypatch, _raise(ZeroDivisionError("division by zero"))) is ExitCode.BUG
    assert "unexpected ZeroDivisionError: division by zero (again with --debug" in capsys.readouterr().err
