"""The settings and options that the portable engine knows; any other is a fault with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml

from labcode.errors import RenderError

# What may stand below a key: further keys (or what "" says), one of a set of values, the start of a value, or anything.
_YES_NO = frozenset({"true", "false"})
_OURS = "labcode/book/quarto/"  # steps and files of this package, which serve Quarto alone
_EXECUTE = dict.fromkeys(("echo", "include", "eval", "warning", "error"), _YES_NO) | {
    "output": _YES_NO | {"asis"},
    **dict.fromkeys(("freeze", "cache", "daemon"), ...),  # how Quarto keeps outputs; here they are kept always
}
_FOLD = {"code-fold": _YES_NO | {"show"}, "code-summary": str}
_AUTHOR = dict.fromkeys(("", "orcid", "email"), str) | {
    "name": dict.fromkeys(("", "given", "family"), str),
    **{key: {"": str, "name": str} for key in ("affiliation", "affiliations")},
}
_CHAPTERS = dict.fromkeys(("", "file", "href"), str)
SETTINGS: dict[str, Any] = {
    "project": {
        "type": {"book"},
        "output-dir": str,
        "execute-dir": {"project", "file"},
        "pre-render": _OURS,
        "post-render": _OURS,
    },
    "profile": {"group": {"full", "handin"}},
    "lab": ...,
    "labcode-edited": str,
    "book": {
        **dict.fromkeys(("title", "subtitle", "date", "output-file"), str),
        "date-format": {"full", "long", "medium", "short", "iso"},
        "author": _AUTHOR,
        "page-navigation": {"true"},
        "sidebar": {
            "style": str,
            "search": _YES_NO,
            "tools": {"icon": str, "text": str, "menu": {"text": str, "href": str}},
        },
        "chapters": _CHAPTERS,
        "appendices": _CHAPTERS,
    },
    "bibliography": ...,
    "csl": str,
    "filters": {"": _OURS, "at": str, "path": _OURS},
    "number-sections": _YES_NO,
    "lang": {"en", "en-GB", "en-US"},
    "execute": _EXECUTE,
    "jupyter": {"python3"},
    "format": {
        # The engine has looks of its own: what only changes those of Quarto's pages is no fault.
        "html": dict.fromkeys(("theme", "respect-user-color-scheme", "html-math-method", "fig-responsive"), ...)
        | dict.fromkeys(("lightbox", "code-copy", "link-external-newwindow"), _YES_NO)
        | {"": {"default", "null"}, "toc": {"true"}, "toc-depth": str, "number-sections": _YES_NO, **_FOLD},
        "typst": dict.fromkeys(
            ("fig-format", "pdf-standard", "callout-icon", "template-partials", "toc-depth", "handin"), ...
        )
        | {"": {"default", "null"}, "papersize": {"a4"}, "toc": {"true"}, "citeproc": {"true"}}
        | {"number-sections": _YES_NO, "echo": _YES_NO, "include-before-body": _OURS},
    },
}
FRONT: dict[str, Any] = {"title": str, "execute": _EXECUTE, "jupyter": {"python3"}, "engine": {"jupyter"}}
CELL: dict[str, Any] = {
    **{name: value for name, value in _EXECUTE.items() if value is not ...},
    **dict.fromkeys(("label", "fig-cap", "fig-alt", "tbl-cap"), str),
    **_FOLD,
    "renderings": {"light", "dark"},
}


def read_yaml(text: str, known: Mapping[str, Any], file: str, first: int = 1) -> dict[str, Any]:
    """The mapping in a text of YAML, of which every key and value is known.

    Raises
    ------
    RenderError
        If it is no YAML, or holds something else: with file and line; `first` is the line that the text begins in.
    """
    try:
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{file}:{first + (mark.line if mark else 0)}"
        raise RenderError(f"{place}: not YAML: {getattr(fault, 'problem', fault)}") from fault
    if node is None:
        return {}
    if not isinstance(content, dict):
        raise RenderError(f"{file}:{first}: {text.strip()!r} is no option; expected `name: value`, blank included")
    for line, message in _faults(node, known, ""):
        raise RenderError(f"{file}:{first + line}: {message}")
    return content


def _faults(node: yaml.Node, known: Any, name: str) -> Iterator[tuple[int, str]]:
    """Line, from 0, and words of what is not known."""
    line = node.start_mark.line
    if isinstance(node, yaml.ScalarNode) and isinstance(known, Mapping):
        known = known.get("", {"a mapping"})
    if known is ...:
        return
    if isinstance(node, yaml.SequenceNode) and known is str:
        yield line, f"the portable engine cannot follow {name}: it expects one value, not a list"
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _faults(each, known, name)
    elif isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        for place, (key, value) in enumerate(node.value):
            if key.value in keys[:place]:
                yield key.start_mark.line, f"the option {key.value} stands twice"
            inner = f"{name}.{key.value}".lstrip(".")
            if isinstance(known, Mapping) and key.value in known:
                yield from _faults(value, known[key.value], inner)
            else:
                near = get_close_matches(str(key.value), list(known) if isinstance(known, Mapping) else [], 1, 0.7)
                meant = f"; did you mean {near[0]}?" if near else ""
                yield key.start_mark.line, f"the portable engine does not know the option {inner}{meant}"
    elif isinstance(known, str) and not node.value.startswith(known):
        yield line, f"the portable engine cannot follow {name}: {node.value}"
    elif isinstance(known, set | frozenset) and node.value not in known:
        choice = " or ".join(sorted(known))
        yield line, f"the portable engine cannot follow {name}: {node.value} (expected {choice})"
