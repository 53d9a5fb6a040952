"""Exit codes that a scheduler can act on: is it worth trying again, and who has to look? See docs/operations.md.

Numbers above 2 are those of BSD's `sysexits.h`, which mail systems and cron wrappers know.
"""

from enum import IntEnum

from aisle.errors import (
    AisleError,
    CatalogError,
    IncompleteRun,
    ModelError,
    ReleaseError,
    SettingsError,
    StoreRefused,
    StoreUnreachable,
    TooManyRejects,
)
from aisle.files import NO_ROOM


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    """All of it was done."""
    FAILED = 1
    """An error of another kind than those below."""
    USAGE = 2
    """The command line is wrong; typer's own number."""
    DATA = 65
    """The catalog, or what would be made of it: unreadable, too many rejects, a release that was refused."""
    BUG = 70
    """Something nobody expected."""
    AGAIN = 75
    """Not now: the workspace is taken, workers were lost, the disk is full, a store is away. What was done is kept."""
    SETUP = 78
    """A setting, a key, the model or the machine: it fails the same way until somebody changes one."""
    INTERRUPTED = 130
    """Ctrl-C; shells report it as 128 and the signal's number."""


class Stopped(SystemExit):
    """Ctrl-C ended a command that has said itself what is left and how to go on."""

    def __init__(self) -> None:
        """End with the shells' exit code."""
        super().__init__(ExitCode.INTERRUPTED)


def exit_code(error: BaseException) -> ExitCode:
    """The code that an error ends the command with."""
    match error:
        case CatalogError() | TooManyRejects() | ReleaseError():
            return ExitCode.DATA
        case StoreRefused():
            return ExitCode.SETUP
        case IncompleteRun() | StoreUnreachable():
            return ExitCode.AGAIN
        case SettingsError() | ModelError() | ModuleNotFoundError():
            return ExitCode.SETUP
        case OSError(errno=number) if number in NO_ROOM:
            return ExitCode.AGAIN
        case AisleError():
            return ExitCode.FAILED
        case _:
            return ExitCode.BUG
