"""What the failure models see, where their questions lie, and that nothing is learned from rows held out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.base import clone

from labcode.data.simulate import simulate_maintenance
from labcode.experiments.encodings import PiecewiseLinear, TreeQuestions
from labcode.experiments.failure_models import (
    SeedEnsemble,
    class_weights,
    fit_ensembles,
    physics_features,
    plain_encoder,
    questions_encoder,
    rivals,
    strain_by_quality,
)
from labcode.experiments.failure_rows import LEAK_BOUND, cross_fit, refuse_leak
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.rows import FoldsSpec, class_numbers, failure_rows, in_all_classes, without_weights

ROWS = failure_rows(simulate_maintenance(3000))
QUICK = {"network": {"max_epochs": 2}, "seeds": 2}


def steps(n: int = 400, edge: float = 0.3) -> tuple[pd.DataFrame, np.ndarray]:
    """A column that decides the label at an edge, and one that has nothing to do with it."""
    random = np.random.default_rng(0)
    X = pd.DataFrame({"decides": random.uniform(0, 1, n), "idle": random.uniform(0, 1, n)})
    return X, np.where(X["decides"] > edge, "No Failure", "Power Failure")


def test_questions_find_the_edge_and_ask_nothing_of_an_idle_column() -> None:
    X, y = steps()
    questions = TreeQuestions().fit(X, y)
    assert questions.edges_["decides"] == pytest.approx([0.3], abs=0.01)
    assert len(questions.edges_["idle"]) == 0
    answers = questions.transform(X)
    np.testing.assert_array_equal(answers[:, 2], X["decides"] > questions.edges_["decides"][0])


def test_without_the_test_an_idle_column_gets_edges() -> None:
    random = np.random.default_rng(1)
    X = pd.DataFrame({"idle": random.uniform(0, 1, 400)})
    y = np.where(random.random(400) < 0.1, "Power Failure", "No Failure")
    assert len(TreeQuestions(min_gain=0.0).fit(X, y).edges_["idle"]) > 0
    assert len(TreeQuestions().fit(X, y).edges_["idle"]) == 0


def test_a_missing_value_answers_no_and_is_told_apart() -> None:
    X, y = steps()
    X.loc[::2, "idle"] = np.nan
    questions = TreeQuestions().fit(X, y)
    assert questions.partial_ == ["idle"]
    answers = questions.transform(X)
    np.testing.assert_array_equal(answers[:, 2], X["idle"].notna())
    X["decides"] = np.nan
    assert (questions.transform(X)[:, -1] == 0).all() and np.isfinite(questions.transform(X)).all()


@pytest.mark.parametrize("edges", ["trees", "quantiles"])
def test_piecewise_parts_rise_with_the_value_and_add_up(edges: str) -> None:
    X, y = steps()
    encoder = PiecewiseLinear(edges=edges, bins=4).fit(X, y)  # type: ignore[arg-type]
    column = X[["decides", "idle"]].sort_values("decides")
    parts = encoder.transform(column)[:, 2 : 2 + len(encoder.edges_["decides"]) + 1]
    assert (np.diff(parts, axis=0) >= 0).all()
    assert parts[0].sum() == 0 and parts[-1].sum() == parts.shape[1]


def test_physics_is_what_the_rules_speak_of() -> None:
    features = physics_features(ROWS.X)
    limits = {"L": 11_000, "M": 12_000, "H": 13_000}
    over = features["strain"] > ROWS.X["Type"].astype(str).map(limits)
    assert over[ROWS.labels == "Overstrain Failure"].all()
    power = features["power"][ROWS.labels == "Power Failure"]
    assert ((power < 3500) | (power > 9000)).all()
    own = strain_by_quality(ROWS.X)[["strain_L", "strain_M", "strain_H"]]
    assert (own.notna().sum(axis=1) == 1).all()
    np.testing.assert_allclose(own.sum(axis=1), features["strain"])


def test_no_model_sees_target() -> None:
    assert "Target" not in [*ROWS.X, *physics_features(ROWS.X), *strain_by_quality(ROWS.X)]


def test_an_ensemble_is_an_estimator_and_trains_together_as_it_does_alone() -> None:
    fit, _ = FoldsSpec(folds=2, repeats=1).of(ROWS)[0][0]
    X, y = ROWS.take(fit)
    plain = SeedEnsemble(encoder=plain_encoder(), sampler=SMOTE(k_neighbors=1, random_state=0), **QUICK)
    alone = clone(plain).fit(X, y)
    together = fit_ensembles([plain, SeedEnsemble(**QUICK)], [(X, y), (X, y)], n_jobs=None)[0]
    np.testing.assert_allclose(alone.predict_proba(X), together.predict_proba(X), atol=1e-4)
    np.testing.assert_allclose(alone.predict_proba(X).sum(axis=1), 1.0)
    assert set(alone.predict(X)) <= set(CLASSES)
    assert len(alone.members_) == 2 and not hasattr(plain, "members_")
    first, second = alone.member_probabilities(X)
    assert not np.allclose(first, second), "networks of an ensemble differ"


def test_a_network_that_cannot_train_says_why() -> None:
    with pytest.raises(ValueError, match="lr"):
        SeedEnsemble(network={"lr": -1.0}, seeds=1).fit(ROWS.X, ROWS.labels)


def test_rows_held_out_change_nothing_that_is_fitted() -> None:
    fit, held = FoldsSpec(folds=2, repeats=1).of(ROWS)[0][0]
    spoilt = ROWS.X.copy()
    spoilt.iloc[held, 1:] = 1e3 * spoilt.iloc[held, 1:]
    labels = ROWS.labels.copy()
    labels[held] = "Power Failure"
    for make in (lambda: SeedEnsemble(**QUICK), lambda: rivals(trees=5, smote_neighbors=1, smote_share=0.2)["forest"]):
        clean = make().fit(ROWS.X.iloc[fit], ROWS.labels[fit])
        other = make().fit(spoilt.iloc[fit], labels[fit])
        np.testing.assert_array_equal(clean.predict_proba(ROWS.X), other.predict_proba(ROWS.X))


def test_cross_fitting_holds_every_row_out_of_the_networks_that_answer_for_it() -> None:
    folds = FoldsSpec(folds=2, repeats=1).of(ROWS)[0]
    ensemble = SeedEnsemble(encoder=plain_encoder(), network={"max_epochs": 1}, seeds=1)
    before = cross_fit([ensemble], ROWS, folds)[0]
    held = folds[0][1]
    swapped = ROWS.labels.copy()
    swapped[held] = np.roll(swapped[held], 7)
    after = cross_fit([ensemble], type(ROWS)(ROWS.X, swapped, class_numbers(swapped)), folds)[0]
    np.testing.assert_array_equal(before[:, held], after[:, held])
    assert not np.array_equal(before, after), "the other fold did train on them"


def test_questions_are_asked_of_training_rows_only() -> None:
    fit, held = FoldsSpec(folds=2, repeats=1).of(ROWS)[0][0]
    X, y = ROWS.take(fit)
    encoder = questions_encoder().fit(X, y)
    other = questions_encoder().fit(ROWS.X, ROWS.labels)
    assert not np.array_equal(encoder[-1].mean_, other[-1].mean_)
    assert encoder.transform(ROWS.X.iloc[held]).shape == (len(held), encoder.transform(X).shape[1])


def test_weights_make_classes_alike_and_can_be_undone() -> None:
    weights = class_weights(ROWS.labels, 1.0)
    totals = [weights[label] * (ROWS.labels == label).sum() for label in weights]
    np.testing.assert_allclose(totals, len(ROWS))
    assert set(class_weights(ROWS.labels, 0.0).values()) == {1.0}
    shares = np.array([[0.9, 0.1], [0.2, 0.8]])
    odds = np.array([1.0, 3.0])
    seen = shares * odds / (shares * odds).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(without_weights(seen, odds), shares)


def test_a_class_that_a_model_never_saw_gets_no_probability() -> None:
    whole = in_all_classes(np.array([[0.25, 0.75]]), ["No Failure", "Power Failure"])
    assert whole.tolist() == [[0.0, 0.25, 0.0, 0.75, 0.0, 0.0]]


def test_all_rivals_train_on_rows_with_rare_classes() -> None:
    for name, rival in rivals(trees=5, smote_neighbors=1, smote_share=0.2).items():
        fitted = rival.fit(ROWS.X, ROWS.labels)
        assert fitted.predict_proba(ROWS.X.iloc[:5]).shape == (5, len(CLASSES)), name


def test_more_than_an_honest_model_can_reach_is_a_leak() -> None:
    assert pytest.approx(5 / 6) == LEAK_BOUND
    refuse_leak(0.83, "an honest model")
    with pytest.raises(Exception, match="leaked"):
        refuse_leak(0.84, "a model that has seen the answer")
