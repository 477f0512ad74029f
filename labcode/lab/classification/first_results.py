"""What the experiments of our first version of the classification, and of its faults, return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from labcode.lab.quantities import ByNumber, counted, gain, gained_share, positive, score, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results

#: Epochs, counted from 0, whose losses and accuracies are kept: our first version printed all but the last.
PRINTED_EPOCHS = (0, 10, 20, 30, 40, 49)
_share, _loss = partial(share, over="seeds"), partial(positive, decimals=2, over="seeds")
_score, _of_rows = partial(score, decimals=2, over="seeds"), partial(share, over="rows")
_added = partial(gained_share, over="mean over seeds")


@dataclass(frozen=True, kw_only=True)
class Runs(Results):
    """Many runs of one network: on its own training and test rows, most of which SMOTE made."""

    accuracy: Annotated[Number, _share("accuracy on the balanced test rows")]
    macro_f1: Annotated[Number, _score("macro-F1 on the balanced test rows")]
    precision: Annotated[ByNumber, _score("precision of class")]
    recall: Annotated[ByNumber, _score("recall of class")]
    f1: Annotated[ByNumber, _score("F1 of class")]
    train_accuracy: Annotated[Number, _share("accuracy on the balanced training rows")]
    train_macro_f1: Annotated[Number, _score("macro-F1 on the balanced training rows")]
    train_loss_epoch: Annotated[ByNumber, _loss("training loss at epoch")]
    test_loss_epoch: Annotated[ByNumber, _loss("test loss at epoch")]
    train_accuracy_epoch: Annotated[ByNumber, _share("training accuracy at epoch")]
    test_accuracy_epoch: Annotated[ByNumber, _share("test accuracy at epoch")]


@dataclass(frozen=True, kw_only=True)
class Natural(Results):
    """Many runs of one network on recorded rows, with the class mix that machines have."""

    rows: Annotated[Number, counted("rows")]
    healthy: Annotated[Number, counted("healthy rows")]
    majority: Annotated[Number, share("accuracy of always saying that nothing fails")]
    accuracy: Annotated[Number, _share("accuracy on recorded rows")]
    mean_accuracy: Annotated[Number, share("mean accuracy on recorded rows", over="mean over seeds")]
    macro_f1: Annotated[Number, _score("macro-F1 on recorded rows")]
    above_majority: Annotated[Number, share("share of seeds above the accuracy of always saying that nothing fails")]
    healthy_as_random: Annotated[Number, counted("healthy rows called random failures", over="seeds")]
    precision_random: Annotated[Number, _share("precision of random failures")]


@dataclass(frozen=True, kw_only=True)
class Reweighted(Results):
    """The confusion matrix that we stated, as if each class had been as frequent as it is among machines."""

    accuracy: Annotated[Number, _of_rows("accuracy of the stated matrix at the natural mix")]
    macro_f1: Annotated[Number, score("macro-F1 of the stated matrix at the natural mix", 2)]
    precision_random: Annotated[
        Number, _of_rows("precision of random failures in the stated matrix at the natural mix")
    ]


@dataclass(frozen=True, kw_only=True)
class Agreement(Results):
    """Stated figures beside the limits of a number of seeds: empirical quantiles, and Student's t in ``…_t``.

    Counts and shares are means over all runs of so many consecutive seeds, the last being followed by the first.
    """

    inside: Annotated[Number, positive("stated figures inside", 1)]
    inside_informative: Annotated[Number, positive("stated figures inside informative limits", 1)]
    coverage: Annotated[Number, share("share of figures of other seeds inside")]
    inside_t: Annotated[Number, positive("stated figures inside by Student's t", 1)]
    inside_informative_t: Annotated[Number, positive("stated figures inside informative limits by Student's t", 1)]
    coverage_t: Annotated[Number, share("share of figures of other seeds inside by Student's t")]


@dataclass(frozen=True, kw_only=True)
class AsSubmitted(Results):
    """Our first version's network over many seeds, of its weights and of SMOTE, plain and regularised.

    ``curves`` ``(n_seeds, n_epochs, 4)`` are of the plain network: loss of training and test rows, accuracy of both;
    ``confusion_…`` ``(n_seeds, 6, 6)`` have actual classes in rows.
    """

    experiment = "classification/as-submitted"
    seeds: int
    test_rows: Annotated[Number, counted("balanced test rows")]
    train_rows: Annotated[Number, counted("balanced training rows")]
    support: Annotated[ByNumber, counted("balanced test rows of class")]
    synthetic_share: Annotated[Number, share("share of test rows that SMOTE made")]
    plain: Annotated[Runs, Quantity(says="plain network", name="")]
    regularised: Annotated[Runs, Quantity(says="regularised network")]
    regularised_gain: Annotated[Number, _added("accuracy that regularization adds, in pairs of seeds")]
    natural_regularised_gain: Annotated[
        Number, _added("accuracy on all recorded rows that regularization adds, in pairs of seeds")
    ]
    natural: Annotated[Natural, Quantity(says="plain network on all recorded rows")]
    held_out: Annotated[Natural, Quantity(says="plain network on recorded rows that it did not train on")]
    regularised_natural: Annotated[Natural, Quantity(says="regularised network on all recorded rows")]
    split_first: Annotated[Natural, Quantity(says="plain network with the split before SMOTE")]
    reweighted: Annotated[Reweighted, Quantity(says="stated confusion matrix")]
    figures: Annotated[Number, counted("stated figures that depend on the seed")]
    informative: Annotated[Number, counted("stated figures with informative limits")]
    agreement: Mapping[int, Agreement]
    first_five_holds: Annotated[
        Number, share("share of all seeds whose accuracy the limits of the first five hold, by Student's t")
    ]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_train: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_test: Annotated[np.ndarray, Quantity(least=0)]


@dataclass(frozen=True, kw_only=True)
class Variant(Results):
    """The plain network with some faults: on recorded rows held out, and on all rows that it held out itself.

    Means over seeds. ``own_…`` is what the faulty protocol would report: its rows are partly SMOTE's, if that came
    before the split, and each class counts alike.
    """

    macro_f1: Annotated[Number, score("macro-F1 on recorded rows", 2, name="")]
    gain: Annotated[Number, gain("gain in macro-F1 on recorded rows over no fault", 2)]
    without_random: Annotated[Number, score("macro-F1 without random failures on recorded rows", 2)]
    gain_without_random: Annotated[
        Number, gain("gain in macro-F1 without random failures on recorded rows over no fault", 2)
    ]
    accuracy: Annotated[Number, _of_rows("accuracy on recorded rows")]
    own_rows: Annotated[Number, counted("rows that it holds out, over all folds")]
    own_macro_f1: Annotated[Number, score("macro-F1 that it would report", 2)]
    own_accuracy: Annotated[Number, _of_rows("accuracy that it would report")]


@dataclass(frozen=True, kw_only=True)
class Leakage(Results):
    """The plain network without and with our first version's faults, on the same folds."""

    experiment = "classification/leakage"
    variants: Annotated[Mapping[str, Variant], Quantity(name="")]
    folds: int
    seeds: int
    rows: Annotated[Number, counted("recorded rows")]
