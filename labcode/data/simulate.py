"""Simulated stand-ins for both data sets: deterministic, full size, made without any data file.

They keep the moments, the correlations and the structure (a panel of symbols; rules for failures) that the report is
about, and nothing else: a simulated price is no estimate of any company's price, and symbols are called SIM001, SIM002,
... Machines are made in `simulate_maintenance`. Constants are published, or were measured once on the real files.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries import holiday
from pandas.tseries.offsets import CustomBusinessDay
from scipy.signal import lfilter
from scipy.special import ndtri

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.settings import SEED

__all__ = ["simulate_maintenance", "simulate_prices", "trading_days"]

Array = NDArray[np.float64]

#: Symbols in the full-size panel.
N_SYMBOLS: Final = 501
#: Quantiles of the daily close in USD, pooled over symbols and days, of the real table.
CLOSE_QUANTILES: Final[dict[float, float]] = {
    0.0: 0.86, 0.001: 3.92, 0.01: 8.22, 0.05: 15.54, 0.10: 21.51, 0.25: 33.83, 0.50: 52.81, 0.625: 64.71, 0.75: 79.90,
    0.90: 119.99, 0.95: 167.93, 0.965: 200.0, 0.975: 244.57, 0.98: 279.96, 0.985: 341.63, 0.9875: 390.87, 0.99: 474.88,
    0.99125: 515.89, 0.9925: 538.86, 0.995: 620.76, 0.996: 671.63, 0.997: 728.40, 0.998: 789.69, 0.99825: 807.90,
    0.9985: 871.61, 0.99875: 953.93, 0.999: 1107.09, 0.9993: 1180.97, 0.9995: 1223.68, 0.9997: 1288.96,
    0.9999: 1431.80, 1.0: 1578.13,
}  # fmt: skip
#: Log close: mean and standard deviation.
LOG_CLOSE_MEAN, LOG_CLOSE_SD = 3.957, 0.739
#: log(volume + 1) in log shares: mean, standard deviation, and correlation with the log close.
LOG_VOLUME_MEAN, LOG_VOLUME_SD, LOG_VOLUME_CORRELATION = 14.77, 1.12, -0.427
#: Correlation of volume with close, both untransformed.
VOLUME_CORRELATION: Final = -0.062
#: Mean log close of the years 2010 to 2016.
YEARLY_LOG_CLOSE: Final = (3.631, 3.758, 3.823, 4.003, 4.148, 4.172, 4.132)
#: Daily standard deviation of the market factor's log return, overnight and in trading hours.
MARKET_SD_OVERNIGHT, MARKET_SD_INTRADAY = 0.0072, 0.0079
#: Daily standard deviation of a typical symbol's own log return, overnight and in trading hours.
SYMBOL_SD_OVERNIGHT, SYMBOL_SD_INTRADAY = 0.0095, 0.0111
#: Share of the market's distance from its trend that is left a day later: it wanders for months and returns.
MARKET_PERSISTENCE: Final = 0.99
#: Half hours of a trading day, from 9.30 to 16.00.
HALF_HOURS: Final = 13
#: Shares that one becomes when it is split, with the number of such splits, which the table does not adjust for.
SPLITS: Final = {1.5: 17, 2.0: 70, 3.0: 4, 4.0: 4, 5.0: 5, 7.0: 2}
#: Listings that most late symbols share, as (trading day, symbols): 2013-01-02 and 2015-01-02.
SHARED_LISTINGS: Final = ((754, 13), (1258, 4))
#: Late symbols listed on days of their own, and the symbol-days that all late symbols together lack.
SINGLE_LISTINGS, MISSING_SYMBOL_DAYS = 17, 31_498

#: NYSE Rule 7.2, and the two days that the exchange lost to Hurricane Sandy.
NYSE_HOLIDAYS: Final = holiday.AbstractHolidayCalendar(
    "NYSE",
    rules=[
        holiday.Holiday("New Year's Day", month=1, day=1, observance=holiday.sunday_to_monday),
        holiday.USMartinLutherKingJr,
        holiday.USPresidentsDay,
        holiday.GoodFriday,
        holiday.USMemorialDay,
        holiday.Holiday("Independence Day", month=7, day=4, observance=holiday.nearest_workday),
        holiday.USLaborDay,
        holiday.USThanksgivingDay,
        holiday.Holiday("Christmas Day", month=12, day=25, observance=holiday.nearest_workday),
        holiday.Holiday("Hurricane Sandy", year=2012, month=10, day=29),
        holiday.Holiday("Hurricane Sandy", year=2012, month=10, day=30),
    ],
)


def trading_days(start: str = "2010-01-04", end: str = "2016-12-30") -> pd.DatetimeIndex:
    """Trading days of the New York Stock Exchange, 1,762 by default; complete for 2010 to 2016."""
    return pd.date_range(start, end, freq=CustomBusinessDay(calendar=NYSE_HOLIDAYS), unit="us")


def simulate_prices(n_symbols: int = N_SYMBOLS, seed: int = SEED) -> pd.DataFrame:
    """Simulate daily prices with the layout and the moments of Kaggle's ``dgawlik/nyse`` ``prices.csv``.

    Each symbol's log price is a random walk driven by a market factor and by its own heavy-tailed returns, overnight
    (Student's t, 3 degrees of freedom) and in trading hours, with a volatility that differs by symbol and lasts for
    weeks; some shares are split. Low and high are the extremes of a Brownian bridge from open to close. One increasing
    function maps the log closes so that, pooled, they have the quantiles in `CLOSE_QUANTILES`; a day's other prices
    move with its close. The market is drawn back to the trend of `YEARLY_LOG_CLOSE`, for every seed.

    Gives ``date``, ``symbol``, ``open``, ``close``, ``low``, ``high`` (USD, in cents) and ``volume`` (shares, in
    hundreds), sorted by date and symbol, shape ``(n_rows, 7)``; 851,264 rows by default. 24 symbols have the quartiles
    of all 501, without the few above 400 USD. Equal arguments give equal frames; fewer than 2 symbols or more than 501
    raise `ValueError`.

    >>> prices = simulate_prices(n_symbols=3)
    >>> prices.shape, prices["symbol"].unique().tolist()
    ((5286, 7), ['SIM001', 'SIM002', 'SIM003'])
    """
    if not 2 <= n_symbols <= N_SYMBOLS:
        raise ValueError(f"{n_symbols=} is not between 2 and {N_SYMBOLS}; use 24 for a small panel.")
    rng = np.random.default_rng(seed)
    days = trading_days()
    listed = _listed(rng, len(days), n_symbols)
    levels = _levels(rng, n_symbols)
    volatility = _log_volatility(rng, levels, len(days))
    raw = _raw_log_prices(rng, levels, volatility)
    prices = _calibrate(raw, listed)
    log_close = np.log(prices["close"])
    activity = _activity(rng, raw)[listed]
    volume = np.expm1(_log_volume(activity, log_close)).round(-2)
    return _long_frame(days, listed, {**prices, "volume": volume})


def _listed(rng: np.random.Generator, n_days: int, n_symbols: int) -> NDArray[np.bool_]:
    """Whether a symbol is listed on a day, shape ``(n_days, n_symbols)``; 34 of 501 are listed late."""
    shared = [day for day, count in SHARED_LISTINGS for _ in range(count)]
    single = np.linspace(324, 1636, SINGLE_LISTINGS).round().astype(int)
    single[SINGLE_LISTINGS // 2] += MISSING_SYMBOL_DAYS - sum(shared) - single.sum()
    late = np.sort(np.r_[shared, single])
    kept = late[np.linspace(0, len(late) - 1, round(len(late) * n_symbols / N_SYMBOLS)).round().astype(int)]
    first_day = np.zeros(n_symbols, dtype=int)
    first_day[rng.choice(n_symbols, len(kept), replace=False)] = kept
    return np.arange(n_days)[:, None] >= first_day


def _ar1(rng: np.random.Generator, shape: tuple[int, int], persistence: float) -> Array:
    """AR(1) columns of mean 0 and unit variance, skewed to the right; `persistence` is the correlation of two days."""
    shocks = rng.standard_exponential(shape) - 1
    shocks[1:] *= np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], shocks, axis=0))


def _normal_scores(rng: np.random.Generator, size: int) -> Array:
    """Evenly spaced quantiles of the standard normal in random order: every draw has the same distribution."""
    return np.asarray(ndtri((rng.permutation(size) + 0.5) / size))


def _standardised(values: Array) -> Array:
    return np.asarray((values - values.mean()) / values.std())


def _log_volatility(rng: np.random.Generator, levels: Array, n_days: int) -> Array:
    """Log volatility by day and symbol, near 0 on average: lower for dear symbols, in waves, with news on some days."""
    level = 0.26 * _normal_scores(rng, len(levels)) - 0.20 * _standardised(levels)
    common = 0.27 * _standardised(_ar1(rng, (n_days, 1), 0.95))
    months = 0.20 * _ar1(rng, (n_days, len(levels)), 0.98)
    days = 0.30 * rng.standard_normal((n_days, len(levels)))
    news = 1.7 * (rng.random(days.shape) < 0.05) * rng.random(days.shape)
    return level + common + months + days + news


def _levels(rng: np.random.Generator, n_symbols: int) -> Array:
    """Average log price of each symbol before scaling: evenly spaced quantiles of the pooled closes, mean 0."""
    probabilities = np.clip(list(CLOSE_QUANTILES), 1e-4, 1 - 1e-4)
    log_quantiles = np.log(list(CLOSE_QUANTILES.values()))
    levels = np.interp(_normal_scores(rng, n_symbols), ndtri(probabilities), log_quantiles)
    return np.asarray(levels - levels.mean())


def _market(rng: np.random.Generator, wave: Array) -> tuple[Array, Array]:
    """Log returns of the market factor overnight and in trading hours, each ``(n_days, 1)``, without the drift."""
    overnight = MARKET_SD_OVERNIGHT * _standardised(wave * rng.standard_normal(wave.shape))
    intraday = MARKET_SD_INTRADAY * _standardised(wave * rng.standard_normal(wave.shape))
    distance = lfilter([0.0, 1.0], [1.0, -MARKET_PERSISTENCE], overnight + intraday, axis=0)
    return overnight - (1 - MARKET_PERSISTENCE) * distance, intraday


def _raw_log_prices(rng: np.random.Generator, levels: Array, volatility: Array) -> dict[str, Array]:
    """Log open, close, low and high of every symbol on every day, before calibration, each ``(n_days, n_symbols)``."""
    beta = 1 + 0.3 * _normal_scores(rng, volatility.shape[1])
    wave = np.exp(volatility.mean(axis=1, keepdims=True))
    market_overnight, market_intraday = _market(rng, wave)
    scale = np.exp(volatility - volatility.var())
    jumps = SYMBOL_SD_OVERNIGHT * scale * rng.standard_t(3, volatility.shape) / np.sqrt(3)
    splits = _splits(rng, volatility.shape)
    overnight = _trend(len(wave)) + beta * market_overnight + jumps + splits.mean() - splits
    intraday = beta * market_intraday + SYMBOL_SD_INTRADAY * scale * rng.standard_normal(volatility.shape)
    movement = np.cumsum(overnight + intraday, axis=0)
    movement -= movement.mean(axis=0)
    spread = np.sqrt(max(LOG_CLOSE_SD**2 - movement.var(), 0)) / levels.std()
    close = LOG_CLOSE_MEAN + spread * levels + movement
    variance = (MARKET_SD_INTRADAY * beta * wave) ** 2 + (SYMBOL_SD_INTRADAY * scale) ** 2
    return {"open": close - intraday, "close": close, **_extremes(rng, close, intraday, variance)}


def _trend(n_days: int) -> Array:
    """Growth of the log price on each day, ``(n_days, 1)``: from one year's mean to the next, and none at both ends."""
    middles = (np.arange(len(YEARLY_LOG_CLOSE)) + 0.5) * n_days / len(YEARLY_LOG_CLOSE)
    level = np.interp(np.arange(n_days), middles, YEARLY_LOG_CLOSE)
    return np.diff(level, prepend=level[0])[:, None]


def _splits(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Log of the shares that one becomes overnight, ``(n_days, n_symbols)``: 0 but where a share is split."""
    shares = np.repeat(list(SPLITS), list(SPLITS.values()))
    kept = rng.choice(shares, round(len(shares) * shape[1] / N_SYMBOLS), replace=False)
    splits = np.zeros(shape)
    splits[rng.integers(1, shape[0], len(kept)), rng.integers(0, shape[1], len(kept))] = np.log(kept)
    return splits


def _extremes(rng: np.random.Generator, close: Array, intraday: Array, variance: Array) -> dict[str, Array]:
    """Log low and high of a Brownian bridge from open to close, half hour by half hour.

    Both extremes of a half hour are drawn from their exact law, given its ends.
    """
    now = close - intraday
    low, high, each = now.copy(), now.copy(), variance / HALF_HOURS
    for left in range(HALF_HOURS, 0, -1):
        step = (close - now) / left + np.sqrt(each * (1 - 1 / left)) * rng.standard_normal(close.shape)
        down, up = (np.sqrt(step**2 - 2 * each * np.log1p(-rng.random(close.shape))) for _ in range(2))
        low, high = np.minimum(low, now + (step - down) / 2), np.maximum(high, now + (step + up) / 2)
        now = now + step
    return {"low": low, "high": high}


def _calibrate(raw: dict[str, Array], listed: NDArray[np.bool_]) -> dict[str, Array]:
    """Prices in USD of the listed rows: one increasing map gives the close its quantiles, and moves its day with it.

    A small panel takes only those quantiles beyond which half a symbol's rows lie: the others would stretch one symbol.
    """
    rows = {name: values[listed] for name, values in raw.items()}
    rarest = 0.5 / listed.shape[1] if listed.shape[1] < N_SYMBOLS else 0
    quantiles = {p: usd for p, usd in CLOSE_QUANTILES.items() if rarest <= p <= 1 - rarest}
    knots = np.quantile(rows["close"], list(quantiles))
    targets = np.log(list(quantiles.values()))
    move = _interpolate(rows["close"], knots, targets) - rows["close"]
    return {name: np.exp(values + move).round(2) for name, values in rows.items()}


def _interpolate(values: Array, knots: Array, targets: Array) -> Array:
    """Piecewise linear through the knots, with slope 1 outside them, where ``np.interp`` would be flat."""
    inside = np.clip(values, knots[0], knots[-1])
    return np.interp(inside, knots, targets) + (values - inside)


def _activity(rng: np.random.Generator, raw: dict[str, Array]) -> Array:
    """Log volume before calibration: a level by symbol, slow and daily waves, and more trade on days that move far."""
    close, reach = raw["close"], np.log(raw["high"] - raw["low"])
    level = 0.95 * _normal_scores(rng, close.shape[1])
    slow = 0.26 * _ar1(rng, close.shape, 0.99)
    daily = 0.22 * rng.standard_normal(close.shape)
    price = 0.3 * (close - close.mean(axis=0))
    return np.asarray(level + slow + daily + price + 0.7 * (reach - reach.mean(axis=0)))


def _residual(values: Array, regressor: Array) -> Array:
    """Standardised part of `values` that a standardised `regressor` does not explain."""
    centred = values - values.mean()
    return _standardised(centred - (centred * regressor).mean() * regressor)


def _log_volume(activity: Array, log_close: Array) -> Array:
    """Log volume with the stated mean, spread and correlation with the log close, exactly.

    A curved dependence on the log close, which leaves these three as they are, brings the correlation of the
    untransformed columns to `VOLUME_CORRELATION`; its strength is read off a grid.
    """
    price = _standardised(log_close)
    curve = _residual(np.clip(price, 0, 4) ** 2, price)
    rest = _residual(activity, price)

    def log_volume(strength: float) -> Array:
        mixed = _standardised(rest + strength * curve)
        slope = LOG_VOLUME_CORRELATION
        return np.asarray(LOG_VOLUME_MEAN + LOG_VOLUME_SD * (slope * price + np.sqrt(1 - slope**2) * mixed))

    close = _standardised(np.exp(log_close))
    strengths = np.linspace(0, 1.6, 17)
    correlations = [float((_standardised(np.exp(log_volume(k))) * close).mean()) for k in strengths]
    return log_volume(float(np.interp(VOLUME_CORRELATION, correlations, strengths)))


def _long_frame(days: pd.DatetimeIndex, listed: NDArray[np.bool_], columns: dict[str, Array]) -> pd.DataFrame:
    """One row for each listed symbol-day, by date and then symbol."""
    day, symbol = np.nonzero(listed)
    names = pd.array([f"SIM{number:03d}" for number in range(1, listed.shape[1] + 1)], dtype="str")
    return pd.DataFrame({"date": days[day], "symbol": names.take(symbol), **columns})
