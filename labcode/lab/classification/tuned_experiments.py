"""What tuning bought: a search in inner folds for the contest's network, beside the setting that it starts at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from labcode.lab.classification.rows import Compared, FailureRows, failure_rows, folds_of, out_of_fold
from labcode.lab.classification.settings import NetworkChoice, Tuning
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_results import Searched, Tuned
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.scores import macro_f1


@dataclass(frozen=True, kw_only=True)
class TunedSpec(ContestSpec):
    """The contest's folds and network, and the settings to choose from."""

    tuning: Annotated[Tuning, "classification.tuned"]

    @property
    def choices(self) -> tuple[NetworkChoice, ...]:
        """The settings; the contest's first is where the search starts."""
        return self.tuning.choices(self.network, self.contest.network[0])


def searched(spec: TunedSpec, train: FailureRows, held: Any) -> tuple[Answer, Answer]:
    """What the chosen and the first setting say of rows held out; each calibrates and decides by inner folds."""
    choices = spec.choices
    chosen = compete("network", _among(spec, choices), train, [held])
    return chosen, chosen if chosen.choice == 0 else compete("network", _among(spec, choices[:1]), train, [held])


def _among(spec: TunedSpec, choices: tuple[NetworkChoice, ...]) -> ContestSpec:
    return ContestSpec(contest=replace(spec.contest, network=choices), network=spec.network)


def at_edge(choice: NetworkChoice, choices: tuple[NetworkChoice, ...]) -> bool:
    """Whether a larger or smaller L1, or a larger exponent, was not among the choices; 0 weighs all rows alike."""
    factors, exponents = ({getattr(each, name) for each in choices} for name in ("l1", "weights"))
    return len(choices) > 1 and (choice.l1 in (min(factors), max(factors)) or choice.weights == max(exponents))


def run_tuned(spec: TunedSpec, *, data: Data, results: Stored, progress: Progress) -> Tuned:
    """Search on the training rows of each fold of the first repeat; compare with the first setting on the rest."""
    rows = failure_rows(data["maintenance"].frame)
    folds = folds_of(rows.labels, spec.contest.folds)
    tasks = [(spec, rows.part(fit), rows.X.iloc[held]) for fit, held in folds]
    pairs = in_parallel(searched, tasks, done=progress)
    found = Compared.of(rows.y, [out_of_fold(folds, [pair[i].ruled[0] for pair in pairs]) for i in (0, 1)])
    choices, chosen = spec.choices, [pair[0].choice for pair in pairs]
    return Tuned(
        start_macro_f1=found.score(macro_f1, 1),
        macro_f1=found.score(macro_f1, 0),
        gain=found.gain(macro_f1, 0, 1),
        edge_chosen=Number(sum(at_edge(choices[place], choices) for place in chosen)),
        settings={
            place: Searched(
                weights=Number(choice.weights),
                l1=Number(choice.l1),
                lr=Number(choice.lr or 0.0),
                epochs=Number(choice.epochs or 0),
                layers=" and ".join(map(str, choice.hidden or ())),
                chosen=Number(chosen.count(place)),
            )
            for place, choice in enumerate(choices)
        },
    )


EXPERIMENTS = (on_machines(run_tuned, seconds=90),)
