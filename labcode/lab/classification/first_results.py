"""What the experiment of our first version of the classification returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Over, Quantity
from labcode.results.typed import Results

#: Epochs, counted from 0, whose losses and accuracies are kept: our first version printed all but the last.
PRINTED_EPOCHS = (0, 10, 20, 30, 40, 49)


def _share(says: str, name: str | None = None, over: Over | None = "seeds") -> Quantity:
    return Quantity(says=says, unit="%", decimals=1, least=0, most=1, over=over, name=name)


def _score(says: str, over: Over | None = "seeds") -> Quantity:
    return Quantity(says=says, decimals=2, least=0, most=1, over=over)


def _loss(says: str, name: str) -> Quantity:
    return Quantity(says=says, decimals=2, least=0, over="seeds", name=name)


def _count(says: str, name: str | None = None, most: float = np.inf, over: Over | None = None) -> Quantity:
    return Quantity(says=says, decimals=0, least=0, most=most, name=name, over=over)


@dataclass(frozen=True, kw_only=True)
class Runs(Results):
    """Many runs of one network: on its own training and test rows, most of which SMOTE made."""

    accuracy: Annotated[Number, _share("accuracy on the balanced test rows")]
    macro_f1: Annotated[Number, _score("macro-F1 on the balanced test rows")]
    precision: Annotated[Mapping[int, Number], _score("precision of class")]
    recall: Annotated[Mapping[int, Number], _score("recall of class")]
    f1: Annotated[Mapping[int, Number], _score("F1 of class")]
    train_accuracy: Annotated[Number, _share("accuracy on the balanced training rows")]
    train_macro_f1: Annotated[Number, _score("macro-F1 on the balanced training rows")]
    train_loss_epoch: Annotated[Mapping[int, Number], _loss("training loss at epoch", "train_loss_epoch")]
    test_loss_epoch: Annotated[Mapping[int, Number], _loss("test loss at epoch", "test_loss_epoch")]
    train_accuracy_epoch: Annotated[Mapping[int, Number], _share("training accuracy at epoch", "train_accuracy_epoch")]
    test_accuracy_epoch: Annotated[Mapping[int, Number], _share("test accuracy at epoch", "test_accuracy_epoch")]


@dataclass(frozen=True, kw_only=True)
class Natural(Results):
    """Many runs of one network on recorded rows, with the class mix that machines have."""

    rows: Annotated[Number, _count("rows")]
    healthy: Annotated[Number, _count("healthy rows")]
    majority: Annotated[Number, _share("accuracy of always saying that nothing fails", over=None)]
    accuracy: Annotated[Number, _share("accuracy on recorded rows")]
    mean_accuracy: Annotated[Number, _share("mean accuracy on recorded rows", over="mean over seeds")]
    macro_f1: Annotated[Number, _score("macro-F1 on recorded rows")]
    above_majority: Annotated[
        Number, _share("share of seeds above the accuracy of always saying that nothing fails", over=None)
    ]
    healthy_as_random: Annotated[Number, _count("healthy rows called random failures", over="seeds")]
    precision_random: Annotated[
        Number,
        Quantity(says="precision of random failures", unit="%", decimals=1, least=0, most=1, over="seeds"),
    ]


@dataclass(frozen=True, kw_only=True)
class Reweighted(Results):
    """The confusion matrix that we stated, as if each class had been as frequent as it is among machines."""

    accuracy: Annotated[Number, _share("accuracy of the stated matrix at the natural mix", over="rows")]
    macro_f1: Annotated[Number, _score("macro-F1 of the stated matrix at the natural mix", over="rows")]
    precision_random: Annotated[
        Number,
        Quantity(
            says="precision of random failures in the stated matrix at the natural mix",
            unit="%",
            decimals=1,
            least=0,
            most=1,
            over="rows",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Family(Results):
    """Stated figures of one kind, beside the limits of all seeds."""

    figures: Annotated[Number, _count("stated figures")]
    inside: Annotated[Number, _count("stated figures inside")]
    informative: Annotated[Number, _count("stated figures with informative limits")]
    inside_informative: Annotated[Number, _count("stated figures inside informative limits")]


@dataclass(frozen=True, kw_only=True)
class Agreement(Results):
    """Stated figures beside the limits of a number of seeds: empirical quantiles, and Student's t in ``…_t``.

    Counts and shares are means over all runs of so many consecutive seeds, the last being followed by the first.
    """

    inside: Annotated[Number, Quantity(says="stated figures inside", decimals=1, least=0)]
    inside_informative: Annotated[
        Number, Quantity(says="stated figures inside informative limits", decimals=1, least=0)
    ]
    coverage: Annotated[Number, _share("share of figures of other seeds inside", over=None)]
    inside_t: Annotated[Number, Quantity(says="stated figures inside by Student's t", decimals=1, least=0)]
    inside_informative_t: Annotated[
        Number, Quantity(says="stated figures inside informative limits by Student's t", decimals=1, least=0)
    ]
    coverage_t: Annotated[Number, _share("share of figures of other seeds inside by Student's t", over=None)]


@dataclass(frozen=True, kw_only=True)
class AsSubmitted(Results):
    """Our first version's network over many seeds, of its weights and of SMOTE, plain and regularised.

    Shape
    -----
    ``curves_…`` ``(n_seeds, n_epochs, 4)``: loss of training and test rows, accuracy of both.
    ``confusion_…`` ``(n_seeds, 6, 6)``: actual classes in rows. ``…_natural`` are all recorded rows, ``…_held_out``
    those that the split put into the test, ``…_split_first`` the test rows of the right order, of fewer seeds.
    ``plain_curves_…`` ``(n_epochs, 4)``, ``plain_confusion_…`` ``(6, 6)``: the first seed, by the plain loop.
    """

    experiment = "classification/as-submitted"
    seeds: int
    test_rows: Annotated[Number, _count("balanced test rows")]
    train_rows: Annotated[Number, _count("balanced training rows")]
    support: Annotated[Mapping[int, Number], _count("balanced test rows of class", "support")]
    recorded: Annotated[Mapping[int, Number], _count("recorded rows of class", "recorded")]
    synthetic_share: Annotated[Number, _share("share of test rows that SMOTE made", over=None)]
    plain: Annotated[Runs, Quantity(says="plain network", name="")]
    regularised: Annotated[Runs, Quantity(says="regularised network")]
    regularised_gain: Annotated[
        Number,
        Quantity(
            says="accuracy that regularization adds, in pairs of seeds",
            unit="%",
            decimals=1,
            least=-1,
            most=1,
            over="mean over seeds",
        ),
    ]
    natural_regularised_gain: Annotated[
        Number,
        Quantity(
            says="accuracy on all recorded rows that regularization adds, in pairs of seeds",
            unit="%",
            decimals=1,
            least=-1,
            most=1,
            over="mean over seeds",
        ),
    ]
    natural: Annotated[Natural, Quantity(says="plain network on all recorded rows")]
    held_out: Annotated[Natural, Quantity(says="plain network on recorded rows that it did not train on")]
    regularised_natural: Annotated[Natural, Quantity(says="regularised network on all recorded rows")]
    split_first: Annotated[Natural, Quantity(says="plain network with the split before SMOTE")]
    reweighted: Annotated[Reweighted, Quantity(says="stated confusion matrix")]
    largest_difference: Annotated[
        Mapping[str, Number],
        Quantity(says="largest difference of a loss or an accuracy between the two loops", decimals=7, least=0),
    ]
    figures: Annotated[Number, _count("stated figures that depend on the seed")]
    informative: Annotated[Number, _count("stated figures with informative limits")]
    agreement: Annotated[Mapping[int, Agreement], Quantity(name="agreement")]
    families: Annotated[Mapping[str, Family], Quantity(name="stated")]
    first_five: Annotated[
        Number, _share("accuracy on the balanced test rows, first five seeds, by Student's t", "first_five")
    ]
    first_five_holds: Annotated[
        Number, _share("share of all seeds whose accuracy the limits of the first five hold", over=None)
    ]
    curves_plain: Annotated[np.ndarray, Quantity(least=0)]
    curves_regularised: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_train: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_test: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_natural: Annotated[np.ndarray, Quantity(least=0)]
    confusion_plain_held_out: Annotated[np.ndarray, Quantity(least=0)]
    confusion_regularised_train: Annotated[np.ndarray, Quantity(least=0)]
    confusion_regularised_test: Annotated[np.ndarray, Quantity(least=0)]
    confusion_regularised_natural: Annotated[np.ndarray, Quantity(least=0)]
    confusion_split_first: Annotated[np.ndarray, Quantity(least=0)]
    plain_curves_plain: Annotated[np.ndarray, Quantity(least=0)]
    plain_curves_regularised: Annotated[np.ndarray, Quantity(least=0)]
    plain_confusion_plain: Annotated[np.ndarray, Quantity(least=0)]
    plain_confusion_regularised: Annotated[np.ndarray, Quantity(least=0)]
