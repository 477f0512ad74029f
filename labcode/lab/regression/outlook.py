"""How good a prediction can be, and the next day, which is another matter."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.data.prices import untrustworthy
from labcode.lab.needs import moving_days, on_prices
from labcode.lab.quantities import Data, Stored, number, rmse_of, skill_of
from labcode.lab.regression import network as networks
from labcode.lab.regression.network import Floats, midpoint, position, position_inputs
from labcode.lab.regression.results import Limit, NextDay
from labcode.lab.regression.settings import Bound, Forecast, Network
from labcode.lab.regression.split import split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import DATE_BLOCK, Interval, cluster_bootstrap
from labcode.settings import SEED

#: Days simulated at a time.
_BLOCK = 20_000


def run_limit(spec: Bound, *, data: Data, results: Stored, progress: Progress) -> Limit:
    """Score the best guess on days of a price that moves at random, and a network that knows more on real ones."""
    days = random_days(spec.days, spec.path_steps)
    width = days["high"] - days["low"]
    opened, log_range = (-days["low"] / width).to_numpy(), np.log(width.to_numpy())
    place = ((days["close"] - days["low"]) / width).to_numpy()
    progress(0.2)
    train, test = split_by_date(with_past(data["prices"].frame, spec.past_days))
    tasks = [(spec.network, seed, train, test, known) for known in (True, False) for seed in range(spec.seeds)]
    predicted = np.stack(in_parallel(_past_predictions, tasks, done=lambda share: progress(0.2 + 0.8 * share)))
    squared = (predicted - test["close"].to_numpy()) ** 2
    past, without = squared.reshape(2, spec.seeds, -1).mean(axis=1)
    return Limit(
        brownian_open=Number(_best_guess(opened[:, None], place)),
        brownian_volatility=Number(_best_guess(np.column_stack([opened, log_range]), place)),
        past_rmse=rmse_of(np.sqrt(past), test["date"]),
        past_skill=skill_of(past, without, test["date"]),
    )


def random_days(days: int, steps: int, seed: int = SEED) -> pd.DataFrame:
    """Days of a price that moves at random (a Brownian motion from 0 with variance 1 a day).

    Between two steps, the extremes are drawn from their exact distribution given both ends (the reflection principle;
    Karatzas and Shreve 1991, section 2.8), so that few steps are enough.

    The frame has ``high``, ``low`` and ``close`` of each day; every open is 0.
    """
    random = np.random.default_rng(seed)
    blocks = []
    for start in range(0, days, _BLOCK):
        size = min(_BLOCK, days - start)
        path = np.cumsum(random.normal(scale=steps**-0.5, size=(size, steps)), axis=1)
        before = np.column_stack([np.zeros(size), path[:, :-1]])
        high, low = (_extreme(before, path, sign, steps, random) for sign in (1.0, -1.0))
        blocks.append(pd.DataFrame({"high": high, "low": low, "close": path[:, -1]}))
    return pd.concat(blocks, ignore_index=True)


def _extreme(before: Floats, after: Floats, sign: float, steps: int, random: np.random.Generator) -> Floats:
    reach = np.sqrt((after - before) ** 2 - 2 / steps * np.log(random.uniform(size=after.shape)))
    return np.asarray(sign * np.max((sign * (before + after) + reach) / 2, axis=1))


def _best_guess(inputs: Floats, place: Floats) -> float:
    """Error of the mean place given the inputs, learned on one half of the days and scored on the other."""
    half = len(place) // 2
    trees = HistGradientBoostingRegressor(max_leaf_nodes=15, max_iter=150, early_stopping=False, random_state=SEED)
    errors = trees.fit(inputs[:half], place[:half]).predict(inputs[half:]) - place[half:]
    return float(np.sqrt(np.mean(errors**2)))


def with_past(prices: pd.DataFrame, past_days: int) -> pd.DataFrame:
    """Prices with the logarithms of range and volume over their means in the same symbol's days before.

    Days without enough past have 0: as usual.
    """
    ordered = prices.sort_values(["symbol", "date"])
    # As a share of the midpoint: dividing by the close would tell the network what it should predict.
    relative = (ordered["high"] - ordered["low"]).clip(lower=0) / midpoint(ordered) + 1e-5
    known = {}
    for name, values in (("past_range", relative), ("past_volume", ordered["volume"] + 1.0)):
        by_symbol = values.groupby(ordered["symbol"], observed=True)
        before = by_symbol.transform(lambda days: days.shift(1).rolling(past_days, min_periods=5).mean())
        known[name] = pd.Series(np.log(values / before), index=ordered.index).fillna(0.0)
    return prices.assign(**known)


def past_inputs(days: pd.DataFrame) -> Floats:
    """What the network of the chapter sees, and how range and volume compare with the symbol's own past, ``(n, 6)``."""
    return np.column_stack([position_inputs(days), days[["past_range", "past_volume"]].to_numpy()])


def _past_predictions(network: Network, seed: int, train: pd.DataFrame, test: pd.DataFrame, known: bool) -> Floats:
    inputs = past_inputs if known else position_inputs
    members = [
        networks.fit_position_network(train, network, seed=seed, odd=odd, inputs=inputs) for odd in (False, True)
    ]
    return networks.predict_close(members, test)


def run_next_day(spec: Forecast, *, data: Data, results: Stored, progress: Progress) -> NextDay:
    """Predict the next close from a day's five numbers, by its level and by its return, beside persistence."""
    rows = next_day_rows(data["prices"].frame)
    first_test = split_by_date(data["prices"].frame)[1]["date"].min()
    train, test = rows[(rows["next_date"] < first_test) & ~rows["odd"]], rows[rows["next_date"] >= first_test]
    seeds = range(spec.seeds)
    tasks = [(spec, kind, seed, train, test) for kind in ("level", "return") for seed in seeds]
    level, returns = np.stack(in_parallel(_next_close, tasks, done=progress)).reshape(2, len(seeds), -1)
    actual, today, dates = (test[name].to_numpy() for name in ("next_close", "close", "next_date"))
    persistence, of_level, of_return = (
        ((predicted - actual) ** 2).mean(axis=0) for predicted in (today[None], level, returns)
    )
    truth, guess = np.log(actual / today), np.log(returns.mean(axis=0) / today)
    calm = np.abs(truth) <= spec.clip
    missed, still = (guess - truth) ** 2, truth**2
    return NextDay(
        persistence_rmse=Number(float(np.sqrt(persistence.mean()))),
        persistence_r2=Number(float(1 - persistence.mean() / actual.var())),
        level_rmse=Number(float(np.sqrt(of_level.mean()))),
        level_skill=skill_of(of_level, persistence, dates),
        return_rmse=Number(float(np.sqrt(of_return.mean()))),
        return_skill=skill_of(of_return, persistence, dates),
        return_r2=skill_of(missed, still, dates),
        return_r2_without_jumps=skill_of(missed[calm], still[calm], dates[calm]),
        jumps=Number(int((~calm).sum())),
        clip=Number(spec.clip),
        direction=number(_share_right(truth, guess, dates)),
        rising=Number(float((truth[truth != 0] > 0).mean())),
    )


def _share_right(truth: Floats, guess: Floats, dates: np.ndarray) -> Interval:
    """Share of right directions among the days on which the price moved."""
    moved = truth != 0
    parts = np.column_stack([np.sign(guess) == np.sign(truth), np.ones(len(truth))])[moved]
    return cluster_bootstrap(parts, dates[moved], lambda sums: sums[..., 0] / sums[..., 1], block=DATE_BLOCK)


def next_day_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with the same symbol's next date and next close; a symbol's last row is left out, ``odd`` marks bad rows."""
    ordered = frame.sort_values(["symbol", "date"])
    following = ordered.groupby("symbol", observed=True)[["date", "close"]].shift(-1)
    rows = ordered.assign(next_date=following["date"], next_close=following["close"], odd=untrustworthy(frame))
    return rows.dropna(subset=["next_close"])


def _next_close(
    spec: Forecast, kind: Literal["level", "return"], seed: int, train: pd.DataFrame, test: pd.DataFrame
) -> Floats:
    """Predicted next closes (USD), ``(n,)``: by the price itself, or by its return, clipped in training."""
    from labcode.nets.estimators import TabularRegressor

    network = TabularRegressor(
        hidden=spec.network.hidden,
        batch_size=spec.network.batch_size,
        lr=spec.network.lr,
        max_epochs=spec.epochs,
        schedule="onecycle",
        random_state=seed,
    )
    model = make_pipeline(StandardScaler(), network)
    if kind == "level":
        columns = ["open", "low", "high", "close", "volume"]
        return np.asarray(model.fit(train[columns], train["next_close"]).predict(test[columns]))
    moves = np.log(train["next_close"] / train["close"]).clip(-spec.clip, spec.clip)
    predicted = model.fit(_today(train), moves).predict(_today(test))
    return np.asarray(test["close"].to_numpy() * np.exp(predicted))


def _today(days: pd.DataFrame) -> Floats:
    """Where open and close lie in the day's range, the range, the volume and the price level, all free of scale."""
    opened, closed = (np.clip(position(days, days[name]), -1, 1) for name in ("open", "close"))
    middle, width = midpoint(days), networks.day_range(days)
    relative = np.log(np.maximum(width / middle, 1e-5))
    return np.column_stack([opened, closed, relative, np.log1p(days["volume"].to_numpy()), np.log(middle)])


EXPERIMENTS = (
    on_prices(run_limit, "regression.limit", seconds=25),
    on_prices(run_next_day, "regression.next_day", lacks=moving_days),
)
