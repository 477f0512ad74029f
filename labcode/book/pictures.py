"""Pictures of a page that load when they are near, and whose room is kept until then."""

from __future__ import annotations

import re
from pathlib import Path

_IMAGE = re.compile(r'<img (?P<before>(?!loading=)[^>]*?)src="(?P<source>[^":]+)"')
_SVG_SIZE = re.compile(r'<svg[^>]*?\bviewBox="0 0 ([\d.]+) ([\d.]+)"')


def load_late(page: str, folder: Path) -> str:
    """The text of a page whose pictures, found from ``folder``, load late; an SVG has its size, so that nothing jumps.

    Pictures that say how they load are left as they are.
    """
    return _IMAGE.sub(
        lambda image: f'<img loading="lazy"{_size(folder / image["source"])} {image["before"]}src="{image["source"]}"',
        page,
    )


def _size(picture: Path) -> str:
    head = picture.read_bytes()[:2000].decode("utf-8", "ignore") if picture.is_file() else ""
    size = _SVG_SIZE.search(head)
    return f' width="{float(size[1]):.0f}" height="{float(size[2]):.0f}"' if size else ""
