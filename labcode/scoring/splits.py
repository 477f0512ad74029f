"""How a frame becomes training and test sets: as the original lab submitted it, and soundly.

"As submitted" repeats the original's choices, its faults included, to reproduce its figures. "Sound" splits first,
and hands out raw rows: whatever is fitted (a scaler, an encoder, SMOTE) belongs in a pipeline, fitted on training
rows only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import BaseCrossValidator, TimeSeriesSplit, train_test_split
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, OrdinalEncoder, StandardScaler

from labcode.data.columns import FAILURE, PRICE_FEATURES, PRICE_TARGET, QUALITIES, QUALITY, SENSORS
from labcode.settings import SEED

ProtocolName = Literal["as-submitted", "sound"]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Training, validation and test rows of one protocol.

    Attributes
    ----------
    protocol
        ``"as-submitted"`` or ``"sound"``.
    X_train, y_train
        Inputs ``(n_train, n_features)`` and target ``(n_train,)``; their index is that of the frame.
    X_test, y_test
        Rows to report on, touched once.
    X_valid, y_valid
        Rows to choose by (when to stop, which candidate), or ``None``.
    keys_train, keys_valid, keys_test
        ``date`` and ``symbol`` of each row, for intervals that draw whole dates; ``None`` where rows have no such keys.
    """

    protocol: ProtocolName
    X_train: pd.DataFrame
    y_train: pd.Series
    X_test: pd.DataFrame
    y_test: pd.Series
    X_valid: pd.DataFrame | None = None
    y_valid: pd.Series | None = None
    keys_train: pd.DataFrame | None = None
    keys_valid: pd.DataFrame | None = None
    keys_test: pd.DataFrame | None = None

    @property
    def valid_set(self) -> tuple[pd.DataFrame, pd.Series] | None:
        """Validation rows as ``fit(…, valid_set=…)`` takes them."""
        return None if self.X_valid is None or self.y_valid is None else (self.X_valid, self.y_valid)

    @property
    def test_set(self) -> tuple[pd.DataFrame, pd.Series]:
        """Test rows as ``fit(…, test_set=…)`` takes them."""
        return self.X_test, self.y_test

    def with_valid_in_train(self) -> Split:
        """The split with its validation rows added to the training rows, for models that have nothing to choose."""
        if self.X_valid is None:
            return self
        both: dict[str, Any] = {
            name: None if train is None else pd.concat([train, getattr(self, name.replace("train", "valid"))])
            for name, train in (("X_train", self.X_train), ("y_train", self.y_train), ("keys_train", self.keys_train))
        }
        return replace(self, **both, X_valid=None, y_valid=None, keys_valid=None)


def split_rows(
    protocol: ProtocolName, X: pd.DataFrame, y: pd.Series, keys: pd.DataFrame | None, **rows: Indices
) -> Split:
    """A split from positions of rows: ``train=``, ``test=`` and, where there are such rows, ``valid=``."""
    parts: dict[str, Any] = {}
    for name, positions in rows.items():
        parts |= {f"X_{name}": X.iloc[positions], f"y_{name}": y.iloc[positions]}
        parts[f"keys_{name}"] = None if keys is None else keys.iloc[positions]
    return Split(protocol=protocol, **parts)


def prices_as_submitted(frame: pd.DataFrame, *, seed: int = SEED) -> Split:
    """Split prices at random after scaling them together, as the original did.

    Faults kept: the scaler has seen the test rows, and the rows of one day lie on both sides of the split.

    Parameters
    ----------
    frame
        Columns ``date, symbol, open, close, low, high, volume``.
    seed
        Of the split; the original's was 42.

    Shape
    ----- ``X`` ``(n, 4)``: open, low, high (USD) and volume (shares), standardised over all rows; ``y`` ``(n,)``:
    close, in USD. A fifth of the rows are test rows.
    """
    scaled = StandardScaler().fit_transform(frame[PRICE_FEATURES])
    X = pd.DataFrame(scaled, columns=PRICE_FEATURES, index=frame.index)
    train, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=seed)
    return split_rows("as-submitted", X, frame[PRICE_TARGET], frame[["date", "symbol"]], train=train, test=test)


def prices_sound(frame: pd.DataFrame, *, test_share: float = 0.2, valid_share: float = 0.1) -> Split:
    """Split prices by date: the last dates are for the test, those just before them for validation.

    Parameters
    ----------
    frame
        Columns ``date, symbol, open, close, low, high, volume``, in any order of rows.
    test_share, valid_share
        Shares of the distinct dates.

    Raises
    ------
    ValueError
        If the shares leave one of the three sets without a date.

    Shape
    -----
    ``X`` ``(n, 4)``: open, low, high (USD) and volume (shares) as they are; ``y`` ``(n,)``: close, in USD.
    """
    dates, position = np.unique(pd.to_datetime(frame["date"]).to_numpy(), return_inverse=True)
    first_test = len(dates) - round(test_share * len(dates))
    first_valid = first_test - round(valid_share * len(dates))
    if not 0 < first_valid < first_test < len(dates):
        raise ValueError(
            f"{len(dates)} dates cannot be split with {test_share=} and {valid_share=}; each set needs one."
        )
    train, valid, test = (
        np.flatnonzero(mask)
        for mask in (
            position < first_valid,
            (position >= first_valid) & (position < first_test),
            position >= first_test,
        )
    )
    keys = frame[["date", "symbol"]]
    return split_rows("sound", frame[PRICE_FEATURES], frame[PRICE_TARGET], keys, train=train, valid=valid, test=test)


def maintenance_as_submitted(frame: pd.DataFrame, *, smote_seed: int = SEED, seed: int = SEED) -> Split:
    """Encode, scale and oversample all maintenance rows together, then split, as the original did.

    Faults kept: ``Target``, which all but states the label, is an input; the scaler has seen the test rows; SMOTE
    before the split puts near-copies of test rows in training, and makes five sixths of the test rows synthetic.

    Parameters
    ----------
    frame
        The Kaggle file's columns.
    smote_seed, seed
        Of SMOTE (the original set none) and of the split (42). The number of test rows a class depends on the latter
        only.

    Shape
    ----- ``X`` ``(n, 7)``, standardised; ``y`` ``(n,)``: the failure type's place in the alphabet, 0 to 5. ``n`` is
    the number of classes times the rows of the largest. An index of ``len(frame)`` or more marks a synthetic row.
    """
    features = frame.drop(columns=["UDI", "Product ID", FAILURE]).reset_index(drop=True)
    features[QUALITY] = LabelEncoder().fit_transform(features[QUALITY])
    labels = LabelEncoder().fit_transform(frame[FAILURE])
    scaled = StandardScaler().fit_transform(features)
    resampled, y = SMOTE(random_state=smote_seed).fit_resample(scaled, labels)
    X = pd.DataFrame(resampled, columns=features.columns)
    train, test = train_test_split(np.arange(len(X)), test_size=0.2, random_state=seed)
    return split_rows("as-submitted", X, pd.Series(y, name=FAILURE), None, train=train, test=test)


def maintenance_sound(
    frame: pd.DataFrame, *, test_share: float = 0.2, valid_share: float = 0.0, seed: int = SEED
) -> Split:
    """Split maintenance rows first, each failure type in proportion, and leave them as they are.

    Parameters
    ----------
    frame
        The Kaggle file's columns.
    test_share, valid_share
        Shares of all rows; without a ``valid_share`` there are no validation rows, as cross-validation wants it.
    seed
        Of the split.

    Shape
    ----- ``X`` ``(n, 6)``: ``Type`` as ``"L"``, ``"M"`` or ``"H"``, and five sensors in K, rpm, Nm and min; no
    ``Target``. ``y`` ``(n,)``: the failure type's name.
    """
    y = frame[FAILURE]
    rest, test = train_test_split(np.arange(len(frame)), test_size=test_share, random_state=seed, stratify=y)
    rows = {"train": rest, "test": test}
    if valid_share:
        share = valid_share / (1.0 - test_share)
        rows["train"], rows["valid"] = train_test_split(rest, test_size=share, random_state=seed, stratify=y.iloc[rest])
    return split_rows("sound", frame[[QUALITY, *SENSORS]], y, None, **rows)


def maintenance_encoder(*, quality: Literal["ordinal", "one-hot"] = "ordinal") -> ColumnTransformer:
    """Unfitted encoder of sound maintenance rows: sensors standardised, quality low to high.

    Parameters
    ----------
    quality
        ``"ordinal"``: one standardised column, L < M < H, since the letters are grades; ``"one-hot"``: a column each.

    Examples
    --------
    >>> frame = pd.DataFrame({QUALITY: ["L", "H"], **{sensor: [1.0, 3.0] for sensor in SENSORS}})
    >>> maintenance_encoder().fit_transform(frame)[:, 0]
    array([-1.,  1.])
    """
    encoder: BaseEstimator
    if quality == "ordinal":
        encoder = Pipeline([("order", OrdinalEncoder(categories=[QUALITIES])), ("scale", StandardScaler())])
    else:
        encoder = OneHotEncoder(categories=[QUALITIES], sparse_output=False)
    return ColumnTransformer([("quality", encoder, [QUALITY]), ("sensors", StandardScaler(), SENSORS)])


def in_fold_pipeline(
    estimator: BaseEstimator, *, transformer: BaseEstimator | None = None, sampler: BaseEstimator | None = None
) -> Pipeline:
    """Pipeline that fits its transformer and its sampler on whatever rows ``fit`` is given, so on training rows only.

    Parameters
    ----------
    estimator
        Last step, named ``model``: its parameters are ``model__…`` in a search.
    transformer
        Step ``transform``; a ``StandardScaler`` if ``None``.
    sampler
        Step ``sample``, such as ``SMOTE(random_state=0)``: it changes training rows, never those predicted. None if
        ``None``.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> [name for name, _ in in_fold_pipeline(Ridge()).steps]
    ['transform', 'model']
    """
    steps = [("transform", transformer or StandardScaler()), ("sample", sampler), ("model", estimator)]
    return Pipeline([(name, step) for name, step in steps if step is not None])


class DateSeriesSplit(BaseCrossValidator):  # type: ignore[misc]
    """Cross-validation that trains on earlier dates and tests on the block of dates that follows; no date is in both.

    Parameters
    ----------
    n_splits
        Number of folds. The dates are cut into ``n_splits + 1`` blocks, the first of which only trains.

    Examples
    --------
    >>> dates = np.array(["2010-01-04", "2010-01-04", "2010-01-05", "2010-01-06"])
    >>> for train, test in DateSeriesSplit(n_splits=2).split(np.zeros((4, 1)), groups=dates):
    ...     print(train, test)
    [0 1] [2]
    [0 1 2] [3]
    """

    def __init__(self, n_splits: int = 5) -> None:
        self.n_splits = n_splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Positions of training and test rows; ``groups`` are the dates of the rows, ``(n,)``."""
        if groups is None:
            raise ValueError("DateSeriesSplit needs the date of each row: pass groups=split.keys_train['date'] to fit.")
        dates, position = np.unique(pd.to_datetime(np.asarray(groups)).to_numpy(), return_inverse=True)
        for train, test in TimeSeriesSplit(self.n_splits).split(dates):
            yield np.flatnonzero(np.isin(position, train)), np.flatnonzero(np.isin(position, test))
