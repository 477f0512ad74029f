"""The tables of the tuning chapter, and a warning as a block."""

from __future__ import annotations

import textwrap

import pandas as pd
from IPython.display import Markdown

from labcode.lab.tuning.figures import level_text, levels_of
from labcode.lab.tuning.results import OPTIMIZER_NAMES, OPTIMIZERS, FirstSearch, Searched, Setting
from labcode.results.number import decimals


def warning(first: FirstSearch) -> Markdown:
    """What PyTorch said, as it prints it."""
    text = textwrap.fill(f"UserWarning: {first.warning}", 88)
    return Markdown(f"```{{.default}}\n{text}\n```")  # type: ignore[no-untyped-call]


def first_grid(first: FirstSearch) -> pd.DataFrame:
    """Each candidate of our first version with the fault and without."""
    columns = ["learning rate", "first layer", "RMSE, y of shape (n,)", "RMSE, y of shape (n, 1)"]
    rows = [
        (f"{float(tried.lr):g}", tried.hidden1.bare, *(f"{of.bare} ({of.limits})" for of in errors))
        for tried in first.candidates.values()
        for errors in [(tried.rmse, tried.rmse_aligned)]
    ]
    return pd.DataFrame(rows, columns=columns)


def space(searched: Searched) -> pd.DataFrame:
    """The levels of each hyperparameter; one that a single candidate has is the start's alone, and no level."""
    frame = searched.frame
    levels = {
        f"learning rate of {OPTIMIZER_NAMES[name]}": frame["lr"][frame["optimizer"] == name] for name in OPTIMIZERS
    }
    levels |= {"epochs": frame["epochs"], "units of the two layers": frame["hidden"]}
    shared = [values[values.duplicated(keep=False)] for values in levels.values()]
    texts = [", ".join(level_text(level) for level in levels_of(values)) for values in shared]
    return pd.DataFrame({"hyperparameter": list(levels), "levels": texts})


def best(searched: Searched) -> pd.DataFrame:
    """The best candidates and the start, and the winner's skill over each."""

    def row(setting: Setting) -> dict[str, str]:
        named = " (the start)" if setting.rank == searched.start.rank else ""
        return {
            "rank": setting.rank.bare,
            "setting": f"{setting.words}{named}",
            "RMSE": setting.rmse.bare,
            "winner's skill over it": "the winner" if setting.rank == 1 else str(setting.over.interval),
        }

    last = [] if searched.start.rank <= len(searched.best) else [searched.start]
    return pd.DataFrame([row(setting) for setting in (*searched.best.values(), *last)])


def replay(searched: Searched) -> pd.DataFrame:
    """Block by block: what the choice by earlier blocks had promised over the start, and what came of it."""
    columns = ["block", "chosen on the blocks before it", "promised", "kept"]
    rows = [
        (decimals(number, 0), block.choice, block.promised.bare, block.kept.bare)
        for number, block in searched.replay.items()
    ]
    return pd.DataFrame(rows, columns=columns)
