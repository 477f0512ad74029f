"""The two protocols: what the original did, figure for figure, and what a sound split must never do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from labcode.scoring.splits import (
    FAILURE,
    PRICE_FEATURES,
    QUALITY,
    SENSORS,
    DateSeriesSplit,
    Split,
    in_fold_pipeline,
    maintenance_as_submitted,
    maintenance_encoder,
    maintenance_sound,
    prices_as_submitted,
    prices_sound,
)

FAILURES = {
    "No Failure": 120,
    "Heat Dissipation Failure": 20,
    "Power Failure": 20,
    "Overstrain Failure": 15,
    "Tool Wear Failure": 15,
    "Random Failures": 10,
}


def some_prices(n_dates: int, n_symbols: int) -> pd.DataFrame:
    """Prices of some days, rows in no order."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2010-01-04", periods=n_dates, freq="B")
    frame = pd.DataFrame(
        [(date, f"S{symbol}") for date in dates for symbol in range(n_symbols)], columns=["date", "symbol"]
    )
    frame["low"] = rng.uniform(10, 100, len(frame))
    frame["high"] = frame["low"] + rng.uniform(0, 2, len(frame))
    frame["open"] = frame["close"] = (frame["low"] + frame["high"]) / 2
    frame["volume"] = rng.integers(0, 10**7, len(frame)).astype(float)
    columns = ["date", "symbol", "open", "close", "low", "high", "volume"]
    return frame.sample(frac=1.0, random_state=0)[columns]


@pytest.fixture(scope="module")
def maintenance() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    failures = rng.permutation(np.repeat(list(FAILURES), list(FAILURES.values())))
    n = len(failures)
    return pd.DataFrame(
        {
            "UDI": np.arange(1, n + 1),
            "Product ID": [f"M{i}" for i in range(n)],
            QUALITY: rng.choice(["L", "M", "H"], n),
            **{sensor: rng.normal(size=n) for sensor in SENSORS},
            "Target": (failures != "No Failure").astype(int),
            FAILURE: failures,
        }
    )


def real(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, encoding="utf-8-sig")


class TestPricesAsSubmitted:
    def test_is_the_split_of_the_original(self) -> None:
        frame = some_prices(40, 5)
        split = prices_as_submitted(frame)
        train, test = train_test_split(frame, test_size=0.2, random_state=42)
        assert split.y_train.equals(train["close"]) and split.y_test.equals(test["close"])
        assert split.X_valid is None and split.valid_set is None

    def test_keeps_the_fault_of_scaling_all_rows_together(self) -> None:
        split = prices_as_submitted(some_prices(40, 5))
        X = pd.concat([split.X_train, split.X_test])
        assert list(X) == ["open", "low", "high", "volume"]
        np.testing.assert_allclose(X.mean(), 0.0, atol=1e-12)
        np.testing.assert_allclose(X.std(ddof=0), 1.0)


class TestPricesSound:
    @settings(deadline=None, max_examples=25)
    @given(n_dates=st.integers(10, 60), n_symbols=st.integers(1, 6))
    def test_dates_never_overlap_and_follow_each_other(self, n_dates: int, n_symbols: int) -> None:
        split = prices_sound(some_prices(n_dates, n_symbols))
        train, valid, test = (set(keys["date"]) for keys in all_keys(split))
        assert max(train) < min(valid) <= max(valid) < min(test)
        assert len(test) == round(0.2 * n_dates) and len(train) + len(valid) + len(test) == n_dates

    def test_rows_are_raw_and_stay_beside_their_target_and_keys(self) -> None:
        frame = some_prices(30, 4)
        split = prices_sound(frame)
        for X, y, keys in zip(
            (split.X_train, split.X_valid, split.X_test), (split.y_train, split.y_valid, split.y_test), all_keys(split)
        ):
            assert X is not None and y is not None
            again = pd.concat([keys, X, y], axis=1)[list(frame)]
            pd.testing.assert_frame_equal(again, frame.loc[again.index])

    def test_valid_rows_can_join_training(self) -> None:
        split = prices_sound(some_prices(30, 4))
        both = split.with_valid_in_train()
        assert both.X_valid is None and split.X_valid is not None
        assert len(both.X_train) == len(split.X_train) + len(split.X_valid) == len(both.y_train)
        assert both.X_test.equals(split.X_test)

    def test_dates_as_text_split_alike(self) -> None:
        frame = some_prices(30, 4)
        as_text = frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d"))
        assert prices_sound(as_text).X_test.equals(prices_sound(frame).X_test)

    def test_too_few_dates_are_refused_with_their_number(self) -> None:
        with pytest.raises(ValueError, match="2 dates cannot be split"):
            prices_sound(some_prices(2, 3))

    def test_least_squares_on_the_real_rows(self, real_data: Path) -> None:
        """Known from the data: 0.803 USD by date and 0.64 at random."""
        frame = real(real_data, "prices.csv")
        submitted = prices_as_submitted(frame)
        assert rmse(LinearRegression(), submitted) == pytest.approx(0.64, abs=0.005)
        sound = prices_sound(frame).with_valid_in_train()
        assert rmse(in_fold_pipeline(LinearRegression()), sound) == pytest.approx(0.803, abs=0.002)
        midpoint = (sound.X_test["low"] + sound.X_test["high"]) / 2
        assert np.sqrt(((midpoint - sound.y_test) ** 2).mean()) == pytest.approx(0.977, abs=0.002)


class TestMaintenanceAsSubmitted:
    def test_balances_before_the_split_and_keeps_target(self, maintenance: pd.DataFrame) -> None:
        split = maintenance_as_submitted(maintenance)
        y = pd.concat([split.y_train, split.y_test])
        assert y.value_counts().tolist() == [120] * 6
        assert "Target" in split.X_train and split.X_train.shape[1] == 7
        assert (split.X_test.index >= len(maintenance)).mean() > 0.5

    def test_support_does_not_hang_on_the_seed_of_smote(self, maintenance: pd.DataFrame) -> None:
        one, other = (maintenance_as_submitted(maintenance, smote_seed=seed) for seed in (0, 1))
        assert one.y_test.equals(other.y_test)
        assert not one.X_test.equals(other.X_test)

    def test_support_on_the_real_rows_is_that_of_the_original(self, real_data: Path) -> None:
        split = maintenance_as_submitted(real(real_data, "predictive_maintenance.csv"))
        assert split.y_test.value_counts().sort_index().tolist() == [1881, 1962, 1933, 1957, 1916, 1934]
        assert len(split.X_train) + len(split.X_test) == 6 * 9652


class TestMaintenanceSound:
    def test_rows_are_raw_without_target_and_in_proportion(self, maintenance: pd.DataFrame) -> None:
        split = maintenance_sound(maintenance, valid_share=0.2)
        assert list(split.X_train) == [QUALITY, *SENSORS]
        assert split.X_valid is not None and split.y_valid is not None
        pd.testing.assert_frame_equal(split.X_test, maintenance.loc[split.X_test.index, list(split.X_test)])
        indices = [*split.X_train.index, *split.X_valid.index, *split.X_test.index]
        assert sorted(indices) == list(maintenance.index)
        for y in (split.y_train, split.y_valid, split.y_test):
            for failure, count in FAILURES.items():
                assert abs((y == failure).sum() - count * len(y) / 200) <= 1

    def test_no_validation_rows_unless_asked_for(self, maintenance: pd.DataFrame) -> None:
        assert maintenance_sound(maintenance).valid_set is None

    def test_quality_is_ordered_low_to_high(self, maintenance: pd.DataFrame) -> None:
        X = maintenance_sound(maintenance).X_train
        ordinal = pd.Series(maintenance_encoder().fit_transform(X)[:, 0]).groupby(X[QUALITY].to_numpy()).first()
        assert ordinal["L"] < ordinal["M"] < ordinal["H"]
        one_hot = maintenance_encoder(quality="one-hot").fit_transform(X)
        assert one_hot.shape == (len(X), 8) and (one_hot[:, :3].sum(axis=1) == 1).all()

    def test_pipeline_oversamples_what_it_is_fitted_on_and_not_what_it_predicts(
        self, maintenance: pd.DataFrame
    ) -> None:
        split = maintenance_sound(maintenance)
        pipeline = in_fold_pipeline(
            CountRows(), transformer=maintenance_encoder(), sampler=SMOTE(k_neighbors=3, random_state=0)
        ).fit(split.X_train, split.y_train)
        assert pipeline["model"].n_rows_ == 6 * split.y_train.value_counts().max()
        assert len(pipeline.predict(split.X_test)) == len(split.X_test)


class TestDateSeriesSplit:
    @settings(deadline=None, max_examples=25)
    @given(n_dates=st.integers(8, 40), n_symbols=st.integers(1, 5), n_splits=st.integers(2, 5))
    def test_trains_on_the_past_only(self, n_dates: int, n_symbols: int, n_splits: int) -> None:
        frame = some_prices(n_dates, n_symbols)
        dates = frame["date"].to_numpy()
        folds = list(DateSeriesSplit(n_splits).split(frame[PRICE_FEATURES], groups=frame["date"]))
        assert len(folds) == n_splits
        for train, test in folds:
            assert dates[train].max() < dates[test].min()
        tested = np.concatenate([test for _, test in folds])
        assert len(tested) == len(set(tested))

    def test_asks_for_dates(self) -> None:
        with pytest.raises(ValueError, match="needs the date of each row"):
            next(DateSeriesSplit().split(np.zeros((4, 1))))


class CountRows(DummyClassifier):  # type: ignore[misc]
    def fit(self, X: pd.DataFrame, y: pd.Series, sample_weight: None = None) -> CountRows:
        self.n_rows_ = len(X)
        return super().fit(X, y)


def all_keys(split: Split) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    assert split.keys_train is not None and split.keys_valid is not None and split.keys_test is not None
    return split.keys_train, split.keys_valid, split.keys_test


def rmse(model: BaseEstimator, split: Split) -> float:
    predictions = model.fit(split.X_train, split.y_train).predict(split.X_test)
    return float(np.sqrt(((predictions - split.y_test) ** 2).mean()))
