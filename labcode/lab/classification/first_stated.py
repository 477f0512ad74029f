"""What our first version stated of its networks, beside where another seed should fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labcode.book.reference import figures
from labcode.scoring.intervals import next_draw_limits
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1, precisions, recalls, weighted_f1

Flags = NDArray[np.bool_]
#: Limits for one more seed ``(2, n_figures)``, from those of earlier seeds ``(n_seeds, n_figures)``.
Limits = Callable[[Floats], Floats]
#: A figure in each run, ``(n_seeds,)``, and the width of the range that it could have.
Draws = tuple[Floats, float]
#: The result that these figures are of, as data/reference.toml calls it.
RESULT = "classification_as_submitted"
#: The loss of giving each of six classes the same chance: where training starts.
CHANCE_LOSS = float(np.log(6))


class StatedFigure(NamedTuple):
    """A figure that our first version stated: where ours is, its value, and half a unit of its last digit."""

    ours: str
    value: float
    half: float


def stated_figures() -> tuple[StatedFigure, ...]:
    """Every figure that our first version stated of these networks, once, with the most digits that it was given."""
    cells = [cell for cell in figures("classification") if RESULT in cell.ours]
    by_place = {cell.ours: cell for cell in sorted(reversed(cells), key=lambda cell: cell.places)}
    return tuple(StatedFigure(ours, float(cell.value), 0.5 * 10.0**-cell.places) for ours, cell in by_place.items())


def draws_of(
    curves: Mapping[str, Floats], confusion: Mapping[str, Floats], epochs: tuple[int, ...]
) -> dict[str, Draws]:
    """The figures of the runs at the printed epochs, by the expressions that data/reference.toml finds them with.

    Rows by class are not among them, since the split decides them; nor are training accuracies, of which the program
    printed none. ``curves`` ``(n_seeds, n_epochs, 4)`` and counts of the balanced test rows ``(n_seeds, 6, 6)`` are
    those of the networks ``"plain"`` and ``"regularised"``.
    """
    found: dict[str, Draws] = {}
    for network, values in curves.items():
        for epoch in epochs:
            found[f"{RESULT}.{network}.test_accuracy_epoch[{epoch}]"] = values[:, epoch, 3], 1.0
            found[f"{RESULT}.{network}.train_loss_epoch[{epoch}]"] = values[:, epoch, 0], CHANCE_LOSS
        found[f"{RESULT}.{network}.accuracy"] = accuracy(confusion[network]), 1.0
    test = confusion["plain"]
    found[f"{RESULT}.plain.macro_f1"] = macro_f1(test), 1.0
    found[f"over_seeds(weighted_f1({RESULT}.confusion_plain_test))"] = weighted_f1(test), 1.0
    for name, score in (("precision", precisions), ("recall", recalls), ("f1", f1_scores)):
        found |= {f"report_of({RESULT})['{name}'][{k}]": (values, 1.0) for k, values in enumerate(score(test).T)}
    for i, j in np.ndindex(test.shape[1:]):
        support = max(float(test[0, i].sum()), 1.0)
        found[f"over_seeds({RESULT}.confusion_plain_test[:, {i}, {j}])"] = test[:, i, j], support
    return found


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Stated figures ``(n_figures,)`` beside those of the runs ``(n_seeds, n_figures)``.

    ``half`` is half a unit of the last stated digit, ``scale`` the width of the range that a figure could have.
    """

    stated: Floats
    half: Floats
    values: Floats
    scale: Floats

    @classmethod
    def of(cls, stated: tuple[StatedFigure, ...], draws: Mapping[str, Draws]) -> Comparison:
        """The figures that have draws."""
        known = [each for each in stated if each.ours in draws]
        values, scale = zip(*(draws[each.ours] for each in known), strict=True)
        said, half = np.array([(each.value, each.half) for each in known]).T
        return cls(stated=said, half=half, values=np.column_stack(values).astype(np.float64), scale=np.array(scale))

    def informative(self, share: float) -> Flags:
        """Whose limits, of all seeds, have a width, and one below this share of the range that a figure could have."""
        low, high = next_draw_limits(self.values)
        return np.asarray((high > low) & (high - low < share * self.scale))

    def inside(self, limits: Floats) -> Flags:
        """Which stated figures lie inside limits ``(2, n_figures)``, give or take half a unit of their last digit."""
        return np.asarray((limits[0] - self.half <= self.stated) & (self.stated <= limits[1] + self.half))

    def by_seeds(self, n: int, limits: Limits, informative: Flags) -> tuple[float, float, float]:
        """What limits from `n` seeds hold: stated figures, informative ones of them, and a share of other seeds.

        Means over all runs of `n` consecutive seeds, the last followed by the first. The share is that of the
        informative figures of the seeds that are not in the run; where `n` is the number of all seeds, one is left out.
        """
        turned = [np.roll(self.values, -start, axis=0) for start in range(len(self.values))]
        inside = np.array([self.inside(limits(values[:n])) for values in turned])
        m, held = min(n, len(turned) - 1), []
        for values in turned:
            low, high = limits(values[:m])
            held.append(((low <= values[m:]) & (values[m:] <= high))[:, informative].mean())
        return float(inside.sum(axis=1).mean()), float(inside[:, informative].sum(axis=1).mean()), float(np.mean(held))
