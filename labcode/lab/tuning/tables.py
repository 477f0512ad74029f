"""The tables of the tuning chapter, and a warning as a block."""

from __future__ import annotations

import textwrap

import pandas as pd
from IPython.display import Markdown

from labcode.lab.tuning.results import OPTIMIZER_NAMES, OPTIMIZERS, FirstSearch, Searched, Setting
from labcode.lab.tuning.space import level_text, levels_of
from labcode.results.number import decimals


def warning(first: FirstSearch) -> Markdown:
    """What PyTorch said, as it prints it."""
    text = textwrap.fill(f"UserWarning: {first.warning}", 88)
    return Markdown(f"```{{.default}}\n{text}\n```")  # type: ignore[no-untyped-call]


def first_grid(first: FirstSearch) -> pd.DataFrame:
    """Each candidate of our first version with the fault and without."""
    return pd.DataFrame(
        [
            {
                "learning rate": f"{float(each.lr):g}",
                "first layer": each.hidden1.bare,
                "RMSE, y of shape (n,)": f"{each.rmse.bare} ({each.rmse.limits})",
                "RMSE, y of shape (n, 1)": f"{each.rmse_aligned.bare} ({each.rmse_aligned.limits})",
            }
            for each in first.candidates.values()
        ]
    )


def space(searched: Searched) -> pd.DataFrame:
    """The levels of each hyperparameter; one that a single candidate has is the start's alone, and no level."""
    frame = searched.frame
    rates = {name: frame.loc[frame["optimizer"] == name, "lr"] for name in OPTIMIZERS}
    levels = {f"learning rate of {OPTIMIZER_NAMES[name]}": own for name, own in rates.items()}
    levels |= {"epochs": frame["epochs"], "units of the two layers": frame["hidden"]}
    shared = [own[own.duplicated(keep=False)] for own in levels.values()]
    texts = [", ".join(level_text(level) for level in levels_of(own)) for own in shared]
    return pd.DataFrame({"hyperparameter": list(levels), "levels": texts})


def best(searched: Searched) -> pd.DataFrame:
    """The best candidates and the start, and the winner's skill over each."""
    rows = [*searched.best.values(), *([] if searched.start.rank <= len(searched.best) else [searched.start])]
    return pd.DataFrame([_row(each, searched) for each in rows])


def _row(setting: Setting, searched: Searched) -> dict[str, str]:
    named = " (the start)" if setting.rank == searched.start.rank else ""
    return {
        "rank": setting.rank.bare,
        "setting": f"{setting.words}{named}",
        "RMSE": setting.rmse.bare,
        "winner's skill over it": "the winner" if setting.rank == 1 else str(setting.over.interval),
    }


def replay(searched: Searched) -> pd.DataFrame:
    """Block by block: what the choice by earlier blocks had promised over the start, and what came of it."""
    return pd.DataFrame(
        [
            {
                "block": decimals(block, 0),
                "chosen on the blocks before it": own.choice,
                "promised": own.promised.bare,
                "kept": own.kept.bare,
            }
            for block, own in searched.replay.items()
        ]
    )
