"""What a message may tell everybody: where our files lie is for the log."""

import re
from pathlib import PurePath

_ABSOLUTE = re.compile(
    r"""
    (?<![\w.~/:…-])(?:[A-Za-z]:)?  # nothing a word goes on from; perhaps a drive
    (?:[/\\][^\s/\\'",;:()\[\]]+)+  # a path from the root
    [/\\]?
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(r"\b(?:s3|gs|gcs|abfss?|az|hdfs|file|memory)://[^\s'\",;()\[\]]+")


def without_paths(message: str, *, root: PurePath | str) -> str:
    """A message whose paths begin in the workspace; of others only the last name is left.

    Args:
        message: Such as of an error.
        root: The workspace.
    """
    for prefix in (f"{root}/", f"{root}"):
        message = message.replace(prefix, "" if prefix.endswith("/") else "the workspace")
    message = _ADDRESS.sub(_last_name, message)
    return _ABSOLUTE.sub(_last_name, message)


def _last_name(found: re.Match[str]) -> str:
    return "…/" + re.split(r"[/\\]", found[0].rstrip("/\\"))[-1]
