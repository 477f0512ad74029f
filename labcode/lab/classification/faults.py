"""What makes a score too good, each fault alone: `Target` as an input, and scaling or SMOTE before the split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn.preprocessing import StandardScaler

from labcode.lab.classification.balancing import resampled
from labcode.lab.classification.rows import Fold, Inputs, Labels
from labcode.settings import SEED


def fold_rows(
    X: pd.DataFrame,
    labels: Labels,
    fold: Fold,
    smote: SMOTE,
) -> tuple[Inputs, Labels, Inputs]:
    """The sound way: split first; the scaler and SMOTE learn from the training rows alone.

    Returns
    -------
    tuple
        Inputs ``(m, k)`` and labels ``(m,)`` to train on, each class as large as the largest; inputs held out.
    """
    train, held = fold
    scaler = StandardScaler().fit(X.iloc[train])
    X_train, X_held = (scaler.transform(X.iloc[rows]).astype(np.float32) for rows in (train, held))
    X_train, y_train = smote.fit_resample(X_train, labels[train])
    return X_train, y_train, X_held


def with_target(X: pd.DataFrame, machines: pd.DataFrame) -> pd.DataFrame:
    """Fault: a column that says whether the machine failed, which nobody knows before it does."""
    return X.assign(Target=machines["Target"].astype(float))


def scaled_before_split(X: pd.DataFrame) -> pd.DataFrame:
    """Fault: means and spreads come from all rows, those held out among them."""
    return pd.DataFrame(StandardScaler().fit_transform(X), columns=X.columns)


def smote_before_split(
    X: pd.DataFrame, labels: Labels, folds: Sequence[Fold], smote: SMOTE
) -> tuple[pd.DataFrame, Labels, list[Fold]]:
    """Fault: SMOTE makes rows between any neighbours, and then each made-up row goes to some fold.

    So a made-up row that trains may lie beside a row held out that it was made from. The recorded rows come first, and
    stay in their folds.
    """
    more, more_labels = resampled(X, labels, smote)
    fold_of = np.random.default_rng(SEED).integers(len(folds), size=len(more) - len(X))
    dealt = [
        (
            np.append(train, len(X) + np.flatnonzero(fold_of != number)),
            np.append(held, len(X) + np.flatnonzero(fold_of == number)),
        )
        for number, (train, held) in enumerate(folds)
    ]
    return more, more_labels, dealt
