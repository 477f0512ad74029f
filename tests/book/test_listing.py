"""Code on a page is the source that ran: whole, with the imports it needs, and it runs by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from labcode.book.listing import listing, source_of
from labcode.errors import RenderError

MODULE = '''
"""A module."""
from __future__ import annotations

import os
import json, math
import numpy as np
from dataclasses import dataclass, field
from pathlib import Path as Where
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Sequence

HALF = 0.5
SIZES: tuple[float, ...] = (HALF, 2.0)
TABLE = {
    "a": math.pi,
}
UNUSED = json.dumps({})


def area(scale: float) -> float:
    """Tell the area.

    In several lines.
    """
    # a comment stays

    def inner() -> float:
        """Not shown."""
        return scale * SIZES[0]

    return inner() + TABLE["a"]


@final
@dataclass(frozen=True)
class Box:
    """A box."""

    side: float = HALF
    names: Sequence[str] = field(default_factory=tuple)

    def volume(self) -> float:
        """Its volume."""
        return float(np.power(self.side, 3))  # type: ignore[arg-type, misc]

    @property
    def path(self) -> Where:
        """Where."""
        return Where("box")


class Fault(Exception):
    """It has nothing but this."""
'''
AREA = """import math

HALF = 0.5

SIZES: tuple[float, ...] = (HALF, 2.0)

TABLE = {
    "a": math.pi,
}

def area(scale: float) -> float:
    # a comment stays

    def inner() -> float:
        return scale * SIZES[0]

    return inner() + TABLE["a"]"""
VOLUME = "class Box:\n    def volume(self) -> float:\n        return float(np.power(self.side, 3))"


@pytest.fixture(autouse=True, scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("listed")
    (folder / "listedlab").mkdir()
    (folder / "listedlab" / "shapes.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


def run(code: str) -> dict[str, Any]:
    """Run a listing in a fresh namespace."""
    names: dict[str, Any] = {"__name__": "listing"}
    exec(compile(code, "listing", "exec", dont_inherit=True), names)
    return names


def test_a_function_is_whole_but_for_its_docstrings_below_what_it_needs() -> None:
    assert source_of("listedlab.shapes", "area").replace("\n\n", "\n") == AREA.replace("\n\n", "\n")
    assert source_of("listedlab.shapes", "area", imports=False) == AREA[AREA.index("def area") :]


def test_a_class_begins_with_its_decorators_and_a_method_with_the_line_of_its_class() -> None:
    shown = source_of("listedlab.shapes", "Box", imports=False)
    assert shown.startswith("@final\n@dataclass(frozen=True)\nclass Box:\n    side: float = HALF\n")
    assert '"""' not in shown and shown.endswith('return Where("box")')
    assert source_of("listedlab.shapes", "Box.volume") == f"import numpy as np\n\n{VOLUME}"
    path = source_of("listedlab.shapes", "Box.path", imports=False)
    assert path.startswith("class Box:\n    @property\n    def path")


def test_several_definitions_share_their_imports_and_run_by_themselves() -> None:
    shown = source_of("listedlab.shapes", "area", "Box", "Fault")
    assert shown.count("HALF = 0.5") == shown.count("import math") == 1 and "\n\n\n@final" in shown
    for needed in ("dataclasses import dataclass, field", "pathlib import Path as Where", "import Sequence"):
        assert needed in shown
    names = run(shown)
    assert names["area"](2.0) == pytest.approx(1.0 + np.pi) and names["Box"](3.0).volume() == 27.0
    assert issubclass(names["Fault"], Exception)


def test_the_books_network_runs_from_its_listing_and_is_the_same() -> None:
    from labcode.nets import mlp as models

    shown = source_of("labcode.nets.mlp", "MLP")
    torch.manual_seed(0)
    ours = run(shown)["MLP"](n_features=3, hidden=(4,), n_outputs=1)
    torch.manual_seed(0)
    theirs = models.MLP(n_features=3, hidden=(4,), n_outputs=1)
    assert torch.equal(ours(torch.ones(2, 3)), theirs(torch.ones(2, 3)))


def test_the_block_names_its_file() -> None:
    block = listing("labcode.nets.mlp", "MLP.forward", imports=False).data
    assert block.startswith('```{.python filename="labcode/nets/mlp.py"}\nclass MLP(nn.Module):\n    def forward(')
    assert block.endswith("\n```")
    assert 'filename="listedlab.shapes"' in listing("listedlab.shapes", "area").data


@pytest.mark.parametrize(
    ("module", "name", "told"),
    [
        ("listedlab.shapes", "volume", "listedlab.shapes has no 'volume'"),
        ("listedlab.shapes", "Box.weight", "has no 'weight'"),
        ("listedlab.shapes", "Bag.volume", "has no 'Bag'"),
        ("listedlab.nowhere", "x", "no module 'listedlab.nowhere'"),
        ("nowherelab.shapes", "x", "no module 'nowherelab.shapes'"),
    ],
)
def test_what_is_not_there_is_refused_by_name(module: str, name: str, told: str) -> None:
    with pytest.raises(RenderError, match=told):
        listing(module, name)
