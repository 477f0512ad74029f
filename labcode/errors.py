"""The one exception that a user is meant to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class LabcodeError(Exception):
    """A fault that the user can mend.

    Its text is one clear sentence or two: what is wrong, where, what was found, what was expected, and how to mend it.
    The command line prints it to stderr without a traceback and exits with `exit_code`.
    """

    exit_code = 2


class DataError(LabcodeError):
    """A data file that is missing, broken, or not the file that it claims to be."""


class RowsError(LabcodeError):
    """Rows that are in order, but from which experiments cannot be computed, since they lack something.

    Attributes
    ----------
    lacks : mapping of str to sequence of str
        What they lack, and the experiments that need it.
    """

    def __init__(self, lacks: Mapping[str, Sequence[str]]) -> None:
        self.lacks = lacks
        needs = (f"{', '.join(names)} need{'s' if len(names) == 1 else ''} {lack}." for lack, names in lacks.items())
        super().__init__(" ".join(needs))


class DownloadError(LabcodeError):
    """A download that could not be completed or verified."""


class RenderError(LabcodeError):
    """A report that could not be rendered: a failing cell, an unresolved reference, a missing engine."""


def quoted(value: object, longest: int = 80) -> str:
    """A value as messages quote it: on one line, control characters escaped, and no more than its beginning.

    >>> quoted("a\\x1b[2J"), quoted("b" * 1_000_000, 5)
    ("'a\\\\x1b[2J'", "'bbbbb'… (1,000,000 characters)")
    """
    text = str(value)
    return repr(text) if len(text) <= longest else f"{text[:longest]!r}… ({len(text):,} characters)"
