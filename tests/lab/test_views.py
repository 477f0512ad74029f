"""What the views hold is what the stored results say, and only pages see it."""

from __future__ import annotations

import json
import re
from pathlib import Path

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
from labcode.lab.tuning.results import Searched

MOST_BYTES = 120_000


@pytest.fixture
def searched(quick_store: Path) -> Searched:
    return load(Searched)


@pytest.fixture
def decided(quick_store: Path) -> Decided:
    return load(Decided)


def held_data(text: str) -> dict:
    """The data inside a view's HTML."""
    found = re.search(r'<script type="application/json">(.*)</script>', text)
    assert found
    return json.loads(found[1])


def unpacked(runs: str, shape: tuple[int, ...]) -> np.ndarray:
    """Class numbers from runs such as ``b4d2``."""
    parts = re.findall(r"([a-z])(\d+)", runs)
    return np.concatenate([np.full(int(length), ord(letter) - ord("a")) for letter, length in parts]).reshape(shape)


def test_the_space_holds_every_candidate_by_its_rank(searched: Searched) -> None:
    held = held_data(views.space(searched).data)
    frame = searched.frame.sort_values("score", ascending=False, kind="stable")
    assert len(held["candidates"]) == len(frame)
    for row, candidate in zip(frame.itertuples(), held["candidates"], strict=True):
        own = {axis["name"]: axis["levels"][at] for axis, at in zip(held["axes"], candidate["at"], strict=True)}
        optimiser = {"adam": "Adam", "sgd": "SGD"}[row.optimizer]
        assert own == {
            "optimiser": optimiser,
            "learning rate": f"{row.lr:g}",
            "epochs": str(row.epochs),
            "layers": row.hidden,
        }
        assert candidate["words"].startswith(f"{optimiser}, rate {row.lr:g}, layers {row.hidden}, {row.epochs} epoch")
    assert f"{-frame['score'].max():.4f} USD" in held["candidates"][0]["words"], "the score as the page shows it"
    start = [rank for rank, each in enumerate(held["candidates"], 1) if "(the start)" in each["words"]]
    assert start == [searched.start.rank.value]
    assert [len(axis["levels"]) for axis in held["axes"]] == [2, 5, 3, 2], "as the quick grid has them"


def test_slices_are_the_stored_ones(decided: Decided) -> None:
    data = held_data(views.borders(decided, load_maintenance().frame).data)
    assert len(data["planes"]) == len(HELD)
    for name, plane in zip(HELD, data["planes"], strict=True):
        stored = getattr(decided, name).slices
        assert stored.dtype == np.uint8 and stored.max() < len(CLASSES)
        np.testing.assert_allclose(plane["x"]["values"], getattr(decided, name).slice_x, atol=0.05)
        assert len(plane["held"]["levels"]) == stored.shape[1]
        for quality, own in zip(QUALITIES, stored, strict=True):
            held = [unpacked(each["cells"], own.shape[1:]) for each in plane["slices"][quality]]
            np.testing.assert_array_equal(held, own)


def test_every_failure_with_a_region_is_marked_once_where_a_level_is_near(decided: Decided) -> None:
    frame = load_maintenance().frame
    data = views.plane_data(decided.torque_speed, frame, "torque_speed")
    wear, levels = frame[HELD["torque_speed"]], decided.torque_speed.levels
    near = wear <= levels.max() + np.diff(levels).max() / 2
    expected = frame[near & frame["Failure Type"].isin(["Power Failure", "Overstrain Failure", "Tool Wear Failure"])]
    slices = [each for own in data["slices"].values() for each in own]
    marks = sorted((list(CLASSES)[k], x, y) for each in slices for k, x, y in each["failed"])
    across, upwards = PLANES["torque_speed"]
    columns = ["Failure Type", across, upwards]
    assert marks == sorted((kind, round(x, 1), round(y, 1)) for kind, x, y in expected[columns].to_numpy())
    assert len(marks) > 0


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("quality", QUALITIES)
def test_rule_lines_lie_where_the_rules_change_their_answer(name: str, quality: str) -> None:
    x, level = np.array([1200.0, 1500.0, 2500.0]) if name == "torque_speed" else np.array([50.0, 150.0, 240.0]), 200.0
    level = level if name == "torque_speed" else 1500.0
    across, upwards = PLANES[name]
    flags = {"below": "PWF", "above": "PWF", "strain": "OSF"}
    for rule, line in views.rule_lines(name, quality, level, x).items():
        torque = np.broadcast_to(np.asarray(line), x.shape)
        rows = pd.DataFrame({sensor: 300.0 for sensor in SENSORS}, index=range(len(x)))
        rows = rows.assign(Type=quality, **{HELD[name]: level, across: x})
        under, over = (physical_flags(rows.assign(**{upwards: torque + gap}))[flags[rule]] for gap in (-0.2, 0.2))
        assert (under if rule == "below" else over).all() and not (over if rule == "below" else under).any()


def test_strain_has_no_line_where_no_torque_is_enough() -> None:
    assert "strain" not in views.rule_lines("torque_speed", "L", 0.0, np.array([1500.0]))


def test_quartos_pages_get_the_script_once_and_the_one_page_has_it_inside() -> None:
    module = '<script src="../site_libs/quarto-html/quarto.js" type="module"></script>'
    page = mend(mend(f"<html><head>{module}</head><body></body></html>"))
    assert page.count("site_libs/labcode/views.js") == page.count("site_libs/labcode/views.css") == 1
    whole = with_views("<html><head></head><body><p>text</p></body></html>")
    assert re.search(
        r"<style>.*\.view.*</style>\s*</head><body><p>text</p><script>.*</script>\s*</body>", whole, re.DOTALL
    )
    assert outside_files(whole) == []


def test_a_notebook_is_offered_once_in_quartos_menu() -> None:
    menu = '<ul class="dropdown-menu" aria-labelledby="quarto-navigation-tool-dropdown-0"><li>PDF</li></ul><ul></ul>'
    page = offer_notebook(offer_notebook(menu, "eda.ipynb", "Notebook"), "eda.ipynb", "Notebook")
    assert re.search(r'<li>PDF</li><li><a [^>]*href="eda.ipynb" download>Notebook</a></li></ul><ul></ul>$', page)
    assert page.count("eda.ipynb") == 1


def test_views_are_small_hidden_and_for_pages_only(searched: Searched, decided: Decided) -> None:
    for shown in (views.space(searched), views.borders(decided, load_maintenance().frame)):
        assert shown.data.startswith('````{=html}\n<div class="view"') and shown.data.endswith("\n````")
        assert re.search(r"<div [^>]*\bhidden>", shown.data)
        assert len(shown.data.encode()) < MOST_BYTES
        assert shown.data.count("</script>") == 1
