"""What the views hold is what the stored results say, and only pages see it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.book.quarto.onefile import outside_files, with_views
from labcode.book.quarto.postrender import mend, offer_notebook
from labcode.data.columns import QUALITIES, SENSORS
from labcode.data.labels import physical_flags
from labcode.data.maintenance import load_maintenance
from labcode.lab import load, views
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.decision import HELD, PLANES
from labcode.lab.classification.decision_results import Decided
from labcode.lab.tuning import figures
from labcode.lab.tuning.results import Searched

MOST_BYTES = 120_000


def held_data(text: str) -> Any:
    """The data inside a view's HTML, which is small, hidden, and for pages only."""
    assert text.startswith('````{=html}\n<div class="view"') and text.endswith("\n````")
    assert re.search(r"<div [^>]*\bhidden>", text)
    assert len(text.encode()) < MOST_BYTES and text.count("</script>") == 1
    found = re.search(r'<script type="application/json">(.*)</script>', text)
    assert found
    return json.loads(found[1])


def unpacked(runs: str, shape: tuple[int, ...]) -> np.ndarray:
    """Class numbers from runs such as ``b4d2``."""
    parts = re.findall(r"([a-z])(\d+)", runs)
    return np.concatenate([np.full(int(length), ord(letter) - ord("a")) for letter, length in parts]).reshape(shape)


def test_the_space_holds_every_candidate_by_its_rank(quick_store: Path) -> None:
    searched = load(Searched)
    held = held_data(views.space(searched).data)
    frame = figures.errors(searched).sort_values("RMSE", kind="stable").rename(columns={"rate": "learning rate"})
    assert len(held["candidates"]) == len(frame)
    names = [axis["name"] for axis in held["axes"]]
    for row, candidate in zip(frame[names].to_numpy().tolist(), held["candidates"], strict=True):
        levels = [axis["levels"][at] for axis, at in zip(held["axes"], candidate["at"], strict=True)]
        assert levels == [f"{level:g}" if isinstance(level, int | float) else level for level in row]
    assert f"{frame['RMSE'].min():.4f} USD" in held["candidates"][0]["words"], "the score as the page shows it"
    start = [rank for rank, candidate in enumerate(held["candidates"], 1) if "(the start)" in candidate["words"]]
    assert start == [searched.start.rank.value]


def test_slices_are_the_stored_ones_and_every_failure_with_a_region_is_marked_once(quick_store: Path) -> None:
    decided, frame = load(Decided), load_maintenance().frame
    data = held_data(views.borders(decided, frame).data)
    for name, plane in zip(HELD, data["planes"], strict=True):
        stored = getattr(decided, name)
        np.testing.assert_allclose(plane["x"]["values"], stored.slice_x, atol=0.05)
        for quality, classes in zip(QUALITIES, stored.slices, strict=True):
            held = [unpacked(part["cells"], classes.shape[1:]) for part in plane["slices"][quality]]
            np.testing.assert_array_equal(held, classes)
        near = frame[HELD[name]].between(
            *(stored.levels[[0, -1]] + np.diff(stored.levels).max() / 2 * np.array([-1, 1]))
        )
        marked = frame[near & frame["Failure Type"].isin(views._MARKED)]
        points = marked[["Failure Type", *PLANES[name]]].to_numpy()
        marks = [mark for of_quality in plane["slices"].values() for part in of_quality for mark in part["failed"]]
        expected = sorted((kind, round(x, 1), round(y, 1)) for kind, x, y in points)
        assert marks and sorted((list(CLASSES)[k], x, y) for k, x, y in marks) == expected


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("quality", QUALITIES)
def test_rule_lines_lie_where_the_rules_change_their_answer(name: str, quality: str) -> None:
    speeds, wears = ([1200.0, 1500.0, 2500.0], 200.0), ([50.0, 150.0, 240.0], 1500.0)
    x, level = speeds if name == "torque_speed" else wears
    across, upwards = PLANES[name]
    flags = {"below": "PWF", "above": "PWF", "strain": "OSF"}
    for rule, line in views.rule_lines(name, quality, level, np.array(x)).items():
        torque = np.broadcast_to(np.asarray(line), len(x))
        rows = pd.DataFrame({sensor: 300.0 for sensor in SENSORS}, index=range(len(x)))
        rows = rows.assign(Type=quality, **{HELD[name]: level, across: x})
        under, over = (physical_flags(rows.assign(**{upwards: torque + gap}))[flags[rule]] for gap in (-0.2, 0.2))
        assert (under if rule == "below" else over).all() and not (over if rule == "below" else under).any()
    assert "strain" not in views.rule_lines("torque_speed", "L", 0.0, np.array([1500.0])), "no torque is enough"


def test_quartos_pages_get_script_and_notebook_once_and_the_one_page_has_the_script_inside() -> None:
    module = '<script src="../site_libs/quarto-html/quarto.js" type="module"></script>'
    page = mend(mend(f"<html><head>{module}</head><body></body></html>"))
    assert page.count("site_libs/labcode/views.js") == page.count("site_libs/labcode/views.css") == 1
    whole = with_views("<html><head></head><body><p>text</p></body></html>")
    assert re.search(
        r"<style>.*\.view.*</style>\s*</head><body><p>text</p><script>.*</script>\s*</body>", whole, re.DOTALL
    )
    assert outside_files(whole) == []
    menu = '<ul class="dropdown-menu" aria-labelledby="quarto-navigation-tool-dropdown-0"><li>PDF</li></ul><ul></ul>'
    offered = offer_notebook(offer_notebook(menu, "eda.ipynb", "Notebook"), "eda.ipynb", "Notebook")
    assert re.search(r'<li>PDF</li><li><a [^>]*href="eda.ipynb" download>Notebook</a></li></ul><ul></ul>$', offered)
