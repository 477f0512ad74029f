"""What was tried to get a network past the forest, on the same folds: the steps that helped, and those that did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from labcode.confusion import f1_scores
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.encodings import PiecewiseLinear, TreeQuestions
from labcode.experiments.failure_models import SeedEnsemble, plain_encoder, strain_by_quality
from labcode.experiments.failure_rows import MACRO_F1, cross_fit, named, numbers
from labcode.experiments.recipes import CHOSEN, ENSEMBLE
from labcode.lab.classification.classes import CLASSES, NETWORK
from labcode.lab.classification.rows import FoldsSpec, confusions_of, failure_rows, mean_gain, mean_score
from labcode.parallel import training_device
from labcode.store import Result


@dataclass(frozen=True, kw_only=True)
class TriedSpec(FoldsSpec):
    """The folds of the first repeat, and networks that are scored one by one.

    Attributes
    ----------
    folds, repeats
        See :class:`~labcode.experiments.failure_rows.FoldsSpec`.
    seeds
        Networks of each variant, whose scores are averaged.
    epochs
        Passes over the training rows.
    bins
        Parts of a column that is cut at quantiles.
    """

    repeats: int = 1
    seeds: int = 1
    epochs: int = NETWORK["max_epochs"]
    bins: int = 12


def _encoder(cut: BaseEstimator) -> BaseEstimator:
    return make_pipeline(FunctionTransformer(strain_by_quality), cut)


def variants(spec: TriedSpec) -> dict[str, SeedEnsemble]:
    """The variants by what is different about them: from the plain network to the trusted one, and around that."""
    no_edges, no_test = 1e9, 0.0

    def ensemble(encoder: BaseEstimator | None = None, exponent: float = 0.4, **network: Any) -> SeedEnsemble:
        settings = {"max_epochs": spec.epochs, **network}
        return SeedEnsemble(encoder=encoder, network=settings, seeds=spec.seeds, weight_exponent=exponent)

    return {
        "raw sensors": ensemble(plain_encoder("raw")),
        "physics": ensemble(plain_encoder("physics")),
        "strain by quality": ensemble(_encoder(TreeQuestions(min_gain=no_edges))),
        "piecewise linear, quantiles": ensemble(_encoder(PiecewiseLinear(edges="quantiles", bins=spec.bins))),
        "piecewise linear, tree edges": ensemble(_encoder(PiecewiseLinear())),
        "questions at quantiles": ensemble(_encoder(TreeQuestions(edges="quantiles", bins=spec.bins))),
        "questions, any tree edge": ensemble(_encoder(TreeQuestions(min_gain=no_test, max_leaves=8))),
        "questions that pass a test": ensemble(),
        "without L1": ensemble(l1=0.0),
        "without class weights": ensemble(exponent=0.0),
        "classes weighing alike": ensemble(exponent=1.0),
        "a linear model on the questions": ensemble(hidden=()),
    }


def run_tried(
    spec: TriedSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Score every variant on the same folds, and the ensemble beside them."""
    rows = failure_rows(data["maintenance"].frame)
    tried = variants(spec)
    members = cross_fit(list(tried.values()), rows, spec.of(rows)[0])
    progress(0.9)
    whole = numbers(results["classification/sound"].arrays["probabilities"][0])
    predicted = {name: numbers(own) for name, own in zip(tried, members, strict=True)}
    predicted[ENSEMBLE] = np.repeat(whole[None], spec.seeds, axis=0)
    counts = confusions_of(rows.y, list(predicted.values()))
    chosen = list(predicted).index(CHOSEN)
    table = []
    for place, name in enumerate(predicted):
        row: dict[str, Any] = {"variant": name}
        for end, score in MACRO_F1.items():
            row |= named(end, counts.interval(mean_score(score, place, spec.seeds)))
            row |= named(end.replace("macro_f1", "gain"), counts.interval(mean_gain(score, place, chosen, spec.seeds)))
        of_classes = mean_score(f1_scores, place, spec.seeds)(counts.counts)
        table.append(row | {f"f1_{slug}": float(f1) for slug, f1 in zip(CLASSES.values(), of_classes, strict=True)})
    scores = {row["variant"]: row["macro_f1"] for row in table}
    return Payload(
        scalars={**scores, "best": max(scores, key=lambda name: scores[name])},
        tables={"variants": table},
        arrays={"y": rows.y.astype(np.int8), "predicted": np.stack(list(predicted.values())).astype(np.int8)},
        device=training_device(),
    )


EXPERIMENTS = (
    Experiment(
        name="classification/tried",
        run=run_tried,
        spec=TriedSpec(),
        quick=TriedSpec(folds=2, epochs=2, bins=8),
        datasets=("maintenance",),
        needs=("classification/sound",),
        seconds=25,
    ),
)
