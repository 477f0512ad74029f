"""Models of the failure type: what they see of a row, an ensemble of networks that trains as one, and its rivals.

All are fitted on whatever rows ``fit`` is given, scalers, edges and oversampling included; none of them reads `Target`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from labcode.experiments.encodings import TreeQuestions
from labcode.lab.classification.classes import NETWORK
from labcode.protocols import QUALITIES, QUALITY, SENSORS
from labcode.settings import SEED

if TYPE_CHECKING:
    from labcode.batched import TrainingRows
    from labcode.training import TabularClassifier

Floats = NDArray[np.float64]
#: Inputs and labels of rows to train on.
TrainingSet = tuple[pd.DataFrame, Any]


def raw_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The five sensors (K, K, rpm, Nm, min), and the quality as 0, 1, 2 for L, M, H; shape ``(n, 6)``."""
    grades = {quality: float(grade) for grade, quality in enumerate(QUALITIES)}
    return rows[SENSORS].astype(float).assign(quality=rows[QUALITY].astype(str).map(grades))


def physics_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Raw features with temperature difference (K), power (W) and strain (min Nm); shape ``(n, 9)``.

    Power is torque times angular speed, 2 pi rpm / 60; strain is tool wear times torque.

    Examples
    --------
    >>> row = pd.DataFrame([["L", 300.0, 309.0, 3000.0, 20.0, 100.0]], columns=[QUALITY, *SENSORS])
    >>> physics_features(row).iloc[0, 6:].round().tolist()
    [9.0, 6283.0, 2000.0]
    """
    air, process, speed, torque, wear = (rows[sensor].astype(float) for sensor in SENSORS)
    power = torque * speed * 2 * np.pi / 60
    return raw_features(rows).assign(difference=process - air, power=power, strain=wear * torque)


def strain_by_quality(rows: pd.DataFrame) -> pd.DataFrame:
    """Physics features with the strain of each quality in a column of its own, NaN elsewhere; shape ``(n, 11)``.

    So each quality can have a limit of its own. The quality itself is in which of the columns is known.
    """
    features = physics_features(rows)
    own = {f"strain_{name}": features["strain"].where(rows[QUALITY].astype(str) == name) for name in QUALITIES}
    return features.drop(columns="quality").assign(**own)


def class_weights(y: ArrayLike, exponent: float) -> dict[Any, float]:
    """Weight of each label, 1 / (its share of the rows) ** exponent: 0 weighs rows alike, 1 weighs classes alike.

    Examples
    --------
    >>> class_weights(["none", "none", "none", "power"], 0.5)["power"]
    2.0
    """
    labels, counts = np.unique(np.asarray(y), return_counts=True)
    shares = counts / counts.sum()
    return {label: float(share**-exponent) for label, share in zip(labels.tolist(), shares, strict=True)}


def questions_encoder() -> Pipeline:
    """Unfitted encoder of the network that is trusted: physics, strain by quality, and tree-placed questions."""
    return make_pipeline(FunctionTransformer(strain_by_quality), TreeQuestions())


def plain_encoder(features: Literal["raw", "physics"] = "physics") -> Pipeline:
    """Unfitted encoder that standardises raw or physics features."""
    chosen = {"raw": raw_features, "physics": physics_features}[features]
    return make_pipeline(FunctionTransformer(chosen), StandardScaler())


@dataclass(kw_only=True, eq=False, repr=False)
class SeedEnsemble(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Mean probability of networks that differ in their seed alone.

    Parameters
    ----------
    encoder
        Unfitted transformer from rows to numbers; :func:`questions_encoder` if ``None``.
    sampler
        Changes the encoded training rows, such as SMOTE; ``None`` for none.
    network
        Settings of a :class:`~labcode.training.TabularClassifier` that differ from :data:`NETWORK`.
    seeds
        Number of networks.
    weight_exponent
        See :func:`class_weights`.
    random_state
        Seed of the first network; each next one has the next number.

    Attributes
    ----------
    encoder_, members_, classes_
        The fitted encoder, the trained networks, and the labels.
    class_weight_
        Weight of each label in the loss.

    Shape
    -----
    ``X`` a frame ``(n, n_columns)`` that the encoder takes, ``y`` labels ``(n,)``, probabilities ``(n, n_classes)``.

    See Also
    --------
    fit_ensembles : trains several at once, which takes far less time than one after the other.
    """

    encoder: BaseEstimator | None = None
    sampler: BaseEstimator | None = None
    network: dict[str, Any] | None = None
    seeds: int = 5
    weight_exponent: float = 0.4
    random_state: int = 0

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Fit the encoder and train the networks."""
        train_ensembles([self], [(X, y)], n_jobs=None)
        return self

    def prepare(
        self, X: pd.DataFrame, y: Any, known: dict[Any, tuple[BaseEstimator, TrainingRows]] | None = None
    ) -> tuple[list[TabularClassifier], TrainingRows]:
        """Fit all but the networks; these, untrained, and the rows that they train on.

        ``known`` keeps fitted encoders and encoded rows, for ensembles that encode the same frame in the same way.
        """
        from labcode.training import TabularClassifier

        self.classes_ = np.unique(np.asarray(y))
        self.class_weight_ = class_weights(y, self.weight_exponent)
        known = {} if known is None else known
        key = (id(X), repr(self.encoder), repr(self.sampler))
        if key not in known:
            known[key] = self._encode(X, np.asarray(y))
        self.encoder_, rows = known[key]
        settings = {**NETWORK, "class_weight": self.class_weight_, **(self.network or {})}
        seeds = range(self.random_state, self.random_state + self.seeds)
        return [TabularClassifier(**settings, random_state=seed) for seed in seeds], rows

    def _encode(self, X: pd.DataFrame, labels: NDArray[Any]) -> tuple[BaseEstimator, TrainingRows]:
        from labcode.batched import TrainingRows

        encoder = clone(self.encoder or questions_encoder())
        inputs = np.asarray(encoder.fit_transform(X, labels), dtype=np.float32)
        if self.sampler is not None:
            inputs, labels = clone(self.sampler).fit_resample(inputs, labels)
        return encoder, TrainingRows(inputs, labels)

    def member_probabilities(self, X: pd.DataFrame) -> Floats:
        """Probabilities that each network gives, shape ``(seeds, n, n_classes)``."""
        inputs = np.asarray(self.encoder_.transform(X), dtype=np.float32)
        return np.stack([member.predict_proba(inputs) for member in self.members_])

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Mean probability of the networks, ``(n, n_classes)``."""
        return self.member_probabilities(X).mean(axis=0)

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """The most probable label of each row, ``(n,)``."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def fit_ensembles(
    ensembles: Sequence[SeedEnsemble], sets: Sequence[TrainingSet], *, n_jobs: int | None = -1
) -> list[SeedEnsemble]:
    """Fit clones of ensembles, each on rows of its own, the networks of all of them together.

    Parameters
    ----------
    ensembles, sets
        Unfitted ensembles, and inputs and labels for each.
    n_jobs
        Processes, as in :func:`labcode.batched.fit_together`.
    """
    fitted = [clone(ensemble) for ensemble in ensembles]
    train_ensembles(fitted, sets, n_jobs=n_jobs)
    return fitted


def train_ensembles(ensembles: Sequence[SeedEnsemble], sets: Sequence[TrainingSet], *, n_jobs: int | None) -> None:
    """Fit ensembles in place; a network that cannot be trained raises its error."""
    from labcode.batched import fit_together

    known: dict[Any, tuple[BaseEstimator, TrainingRows]] = {}
    prepared = [ensemble.prepare(X, y, known) for ensemble, (X, y) in zip(ensembles, sets, strict=True)]
    networks = [network for own, _ in prepared for network in own]
    fits = iter(fit_together(networks, [rows for own, rows in prepared for _ in own], n_jobs=n_jobs))
    for ensemble, (own, _) in zip(ensembles, prepared, strict=True):
        found = [next(fits) for _ in own]
        for fit in found:
            if fit.error is not None:
                raise fit.error
        ensemble.members_ = [fit.estimator for fit in found]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A model to compare the network with.

    Attributes
    ----------
    features, balance
        What it sees, and what is done about the rare classes: for tables.
    model
        Unfitted; its features are standardised, which trees do not mind.
    sampler
        Changes the training rows; ``None`` for none.
    weight_exponent
        See :func:`class_weights`.
    """

    features: Literal["raw", "physics"]
    model: BaseEstimator
    balance: str = "nothing"
    sampler: BaseEstimator | None = None
    weight_exponent: float = 0.0

    def fit(self, X: pd.DataFrame, y: Any) -> Pipeline:
        """A pipeline fitted on rows ``(n, 6)`` of quality and sensors with their labels."""
        # imbalanced-learn takes no pipeline as a step of another, so the encoder's steps are put in one by one.
        sampling = [] if self.sampler is None else [("sample", clone(self.sampler))]
        pipeline = Pipeline([*plain_encoder(self.features).steps, *sampling, ("model", clone(self.model))])
        if not self.weight_exponent:
            return pipeline.fit(X, y)
        weight = pd.Series(np.asarray(y)).map(class_weights(y, self.weight_exponent))
        return pipeline.fit(X, y, model__sample_weight=weight.to_numpy())


def rivals(*, trees: int, smote_neighbors: int, smote_share: float) -> dict[str, Rival]:
    """The models that a network has to beat, by name.

    Parameters
    ----------
    trees
        Trees of each forest.
    smote_neighbors
        Neighbours of SMOTE, in the training rows of each fold.
    smote_share
        Share of the oversampled rows that each tree draws: SMOTE makes almost six times as many rows, and a sixth of
        them is about what a tree of the other forests draws.
    """
    forest = RandomForestClassifier(trees, random_state=SEED)
    boosting = HistGradientBoostingClassifier(random_state=SEED, early_stopping=False)
    logistic = LogisticRegression(C=10.0, max_iter=500)
    smote = SMOTE(k_neighbors=smote_neighbors, random_state=SEED)
    drawing = clone(forest).set_params(max_samples=smote_share)
    root: dict[str, Any] = {"balance": "weights 1/√frequency", "weight_exponent": 0.5}
    return {
        "forest_smote": Rival(features="physics", model=drawing, balance="SMOTE in the fold", sampler=smote),
        "forest": Rival(features="physics", model=forest),
        "forest_weighted": Rival(features="physics", model=forest, **root),
        "forest_raw": Rival(features="raw", model=forest),
        "boosting": Rival(features="physics", model=boosting, **root),
        "boosting_raw": Rival(features="raw", model=boosting, **root),
        "logistic": Rival(features="physics", model=logistic, **root),
        "logistic_raw": Rival(features="raw", model=logistic, **root),
        "majority": Rival(features="raw", model=DummyClassifier()),
    }
