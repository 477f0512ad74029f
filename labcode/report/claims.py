"""Sentences that are checked: a claim that the data contradict stops the render.

A sentence such as "the range hardly varies" is true of one data set and false of the next. Written as a claim, it is
printed only if its check holds.
"""

from __future__ import annotations

from collections.abc import Callable

from IPython.display import Markdown

from labcode.errors import RenderError


def claim(
    sentence: str, holds: bool | Callable[[], bool], *, otherwise: str | None = None, **values: float
) -> Markdown:
    """Return the sentence if its check holds, else the other one.

    Parameters
    ----------
    sentence
        What the page says when ``holds`` is true.
    holds
        The check, computed from results: a truth value, or a function without arguments that gives one.
    otherwise
        What it says when the check fails, where real and simulated data honestly differ.
    values
        The numbers behind the check, named in the error.

    Raises
    ------
    RenderError
        If the check fails and there is no other sentence.
    """
    if holds() if callable(holds) else holds:
        return Markdown(sentence)
    if otherwise is not None:
        return Markdown(otherwise)
    shown = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
    raise RenderError(f"This sentence does not hold: {sentence!r} ({shown}). Change the sentence or find the fault.")
