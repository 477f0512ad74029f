"""Model cards and datasheets: what the final models are for, how good they are, and what they must not be used for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labcode import settings
from labcode.data.columns import FAILURE, PRICE_FEATURES, PRICE_TARGET, SENSORS
from labcode.data.labels import NO_FAILURE
from labcode.data.types import Dataset
from labcode.lab import load
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.classes import CLASSES, SHORT
from labcode.lab.classification.settings import Network as FailureNetwork
from labcode.lab.classification.sound_results import Contest
from labcode.lab.config import configured
from labcode.lab.regression.results import Sound
from labcode.lab.regression.settings import Network
from labcode.results.number import count, decimals


def card(rows: dict[str, str]) -> pd.DataFrame:
    """Two columns: what is asked, and the answer."""
    return pd.DataFrame({"about": [f"**{name}**" for name in rows], "what to know": list(rows.values())})


def regression_model() -> pd.DataFrame:
    """The model card of the network that predicts the close of the same day."""
    own, network = load(Sound), configured(Network, "regression.network", profile=settings.profile())
    return card(
        {
            "Model": f"Multilayer perceptron, {count(own.seeds)} of them that differ in their seed: scores are "
            f"means over the single ones. The variant “{own.network}”, as the rolling folds chose.",
            "Chosen how": "By rolling folds before the test dates (@sec-regression-selection). But while the recipe "
            "was found, the test dates had been looked at (@sec-regression-sound), so its scores may flatter.",
            "Inputs": f"{_listed(PRICE_FEATURES)} of one day, as the position of the open in the day's range, the "
            "relative range and the level of price and volume.",
            "Output": "Where in the day's range the close lies, from the low to the high; turned into USD.",
            "Training": "All rows before the test dates, less untrustworthy ones; "
            f"{count(network.epochs)} epochs in batches of {count(network.batch_size)}, "
            f"learning rate {network.lr:g} at its peak.",
            "Intended use": "Teaching: how the right question and a baseline decide what a score means.",
            "Not for": "Forecasts, trading, or any day that is not over: low and high are known only afterwards "
            "(@sec-regression-forecast).",
            "Test data": f"{own.test_rows} rows of the last {own.test_dates} dates.",
            "Ethical notes": "No personal data. The danger is trust: an R² near one invites people to stake money "
            "on a formula that restates the day's range.",
        }
    )


def regression_metrics() -> pd.DataFrame:
    """The scores of the price network on the test dates."""
    own = load(Sound)
    rows = [
        ("RMSE", own.rmse, f"{own.rmse.limits} for other dates"),
        ("RMSE", own.rmse_symbols, f"{own.rmse_symbols.limits} for symbols drawn again"),
        ("median absolute error", own.median_error, ""),
        ("error as a share of the price", own.percent, ""),
        ("skill over least squares", own.skill_vs_ols, own.skill_vs_ols.limits),
        ("skill over the midpoint", own.skill_vs_midpoint, own.skill_vs_midpoint.limits),
    ]
    return pd.DataFrame([tuple(map(str, row)) for row in rows], columns=["score", "value", "95% interval"])


def classification_model() -> pd.DataFrame:
    """The model card of the network that tells failures apart."""
    own, spec = load(Contest), configured(FailureNetwork, "classification.network", profile=settings.profile())
    counts = np.bincount(own.y, minlength=len(CLASSES))
    shares = dict(zip(SHORT.values(), counts.tolist(), strict=True))
    return card(
        {
            "Model": f"Mean chances of {count(own.seeds)} multilayer perceptrons that differ in their seed, with "
            f"hidden layers of {' and '.join(map(str, spec.hidden))} units (@sec-classification-network).",
            "Chosen how": "Class weights, L1, temperature, hazard and rule by inner folds. The inputs were found by "
            "cross-validation on all of these rows, so the scores out of fold may flatter; those on fresh rows do not.",
            "Inputs": f"{_listed([name.split(' [')[0].lower() for name in SENSORS])}, and the quality type; "
            "from these, power, temperature difference, strain, the chance that a tool of this wear fails, and "
            "questions whose edges trees place. Never `Target`.",
            "Output": f"A probability for each of {count(len(CLASSES))} classes.",
            "Training": f"AdamW, {count(spec.epochs)} epochs in batches of {count(spec.batch_size)}; no oversampling.",
            "Intended use": "Teaching, and as a pattern for machines whose failures follow physical limits.",
            "Not for": "Any real machine: the rows come from published rules, not from a workshop. Nor for random "
            "failures, and hardly for tool wear.",
            "Class mix": "; ".join(f"{name} {count(rows)}" for name, rows in shares.items())
            + ". Scores assume this mix.",
            "Calibration": f"Calibration error {own.chances['network'].calibration_error}, mean over bins of equally "
            "many rows (@sec-classification-decision).",
            "Ethical notes": "No personal data. A missed failure can hurt people at the machine, so a low share of "
            "alarms is no aim in itself; the costs of both errors must be set by those who bear them.",
        }
    )


def classification_metrics() -> pd.DataFrame:
    """The scores of the failure network, out of fold and on fresh rows, beside one who knows the rules."""
    own = load(Contest)
    best, chances = load(Ceiling).best, own.chances["network"]
    rows = [
        ("macro-F1", own.network.macro_f1.interval, own.network.fresh_macro_f1.interval, best.macro_f1.interval),
        ("log loss", chances.log_loss.interval, chances.fresh_log_loss.interval, ""),
    ]
    rows += [(f"recall, {SHORT[label]}", own.network.recall[slug].interval, "", "") for label, slug in CLASSES.items()]
    names = ["score", "out of fold", "fresh simulated rows", "knows the rules, out of fold"]
    return pd.DataFrame([tuple(map(str, row)) for row in rows], columns=names)


def prices_sheet(prices: Dataset) -> pd.DataFrame:
    """The datasheet of the prices, from the rows as loaded."""
    frame, facts = prices.frame, prices.provenance
    first, last = (f"{date:%-d %B %Y}" for date in (frame["date"].min(), frame["date"].max()))
    spread = frame[PRICE_TARGET].quantile([0.05, 0.5, 0.95])
    rows = {
        "What": f"{count(facts.rows)} rows, one for each company and trading day: "
        f"{count(frame['symbol'].nunique())} symbols on {count(frame['date'].nunique())} days, {first} to {last}.",
        "Columns": "Date, symbol, open, close, low and high in USD, volume in shares.",
        "Spread": f"Nine closes in ten: between {decimals(spread.iloc[0], 1)} and {decimals(spread.iloc[2], 1)} USD, "
        f"half of them under {decimals(spread.iloc[1], 1)}.",
        "Collected by": "Published as Kaggle's dgawlik/nyse [@gawlik2017nyse].",
        "Bias": "The published file has only companies that were large in its last year, so the past looks better than "
        "it was.",
        "Not for": "Judging trading rules or companies.",
    }
    return card(rows | _shared(prices))


def machines_sheet(machines: Dataset) -> pd.DataFrame:
    """The datasheet of the machines, from the rows as loaded."""
    frame, facts = machines.frame, machines.provenance
    failed = (frame[FAILURE] != NO_FAILURE).sum()
    counts, quality = frame[FAILURE].value_counts(), frame["Type"].value_counts()
    rows = {
        "What": f"{count(facts.rows)} products of a milling machine, {count(failed)} of them with a failure type.",
        "Columns": f"{_listed(SENSORS)}; quality type; `Failure Type`, the label; `Target`, which gives it away.",
        "Class mix": "; ".join(f"{name} {count(rows)}" for name, rows in counts.items()) + ".",
        "Quality types": "; ".join(f"{name} {count(rows)}" for name, rows in quality.items()) + ".",
        "Collected by": "Nobody: simulated by its author from stated rules [@matzka2020explainable; @uci2020ai4i], and "
        "repackaged on Kaggle with one label [@bansal2021maintenance].",
        "Bias": "Failures follow sharp limits, which flatters models that find them. Real sensors drift and break.",
        "Not for": "Claims about real machines.",
    }
    return card(rows | _shared(machines))


def _shared(dataset: Dataset) -> dict[str, str]:
    """What is said of every data set, from its provenance."""
    facts = dataset.provenance
    odd = "; ".join(f"{name}: {count(rows)}" for name, rows in facts.oddities.items() if rows)
    quick = " of the quick profile" if settings.profile() == "quick" else ""
    return {
        "Odd rows": f"{odd or 'none'} (treated by the rules of @sec-eda).",
        "Licence": f"{facts.licence}. No personal data.",
        "This copy": f"{facts.status}{quick}, SHA-256 `{facts.sha256[:16]}…`.",
    }


def _listed(names: list[str]) -> str:
    text = f"{', '.join(names[:-1])} and {names[-1]}"
    return text[0].upper() + text[1:]
