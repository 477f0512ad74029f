"""What tuning bought: a search in inner folds for the contest's network, beside the setting that it starts at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labcode.data.types import Dataset
from labcode.lab.classification import sound_settings
from labcode.lab.classification.decision_experiments import out_of_fold
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.rows import FailureRows, FoldsSpec, confusions_of, failure_rows, mean_gain, mean_score
from labcode.lab.classification.sound_experiments import Answer, ContestSpec, compete, number
from labcode.lab.classification.sound_settings import NetworkChoice
from labcode.lab.classification.tuned_results import Searched, Tuned
from labcode.lab.classification.tuned_settings import Tuning
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import mean_interval
from labcode.scoring.scores import macro_f1
from labcode.settings import Profile


@dataclass(frozen=True, kw_only=True)
class TunedSpec(ContestSpec):
    """The contest's folds and network, and the settings to choose from."""

    tuning: Tuning

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
    """Whether one of a setting's values is the least or the largest that there was; weights of 0 weigh rows alike."""
    values = {name: sorted({getattr(each, name) for each in choices}) for name in vars(choice)}
    ends = {name: own[-1:] if name == "weights" else (own[0], own[-1]) for name, own in values.items() if len(own) > 1}
    return any(getattr(choice, name) in own for name, own in ends.items())


def run_tuned(
    spec: TunedSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Tuned:
    """Search on the training rows of each fold of the first repeat; compare with the first setting on the rest."""
    rows = failure_rows(data["maintenance"].frame)
    folds = FoldsSpec(folds=spec.contest.folds, repeats=1).of(rows)[0]
    trains = [FailureRows(rows.X.iloc[fit], rows.labels[fit], rows.y[fit]) for fit, _ in folds]
    tasks = [(spec, train, rows.X.iloc[held]) for train, (_, held) in zip(trains, folds, strict=True)]
    pairs = in_parallel(searched, tasks, done=progress)
    counts = confusions_of(rows.y, [out_of_fold(folds, [pair[i].ruled[0] for pair in pairs]) for i in (0, 1)])
    places = np.arange(len(rows))
    tuned, start = (
        -np.log(np.clip(out_of_fold(folds, [pair[i].chances[0] for pair in pairs])[places, rows.y], 1e-15, 1.0))
        for i in (0, 1)
    )
    choices, chosen = spec.choices, [pair[0].choice for pair in pairs]
    return Tuned(
        folds=spec.contest.folds,
        seeds=spec.contest.seeds,
        start_macro_f1=number(counts.interval(mean_score(macro_f1, 1, 1))),
        macro_f1=number(counts.interval(mean_score(macro_f1, 0, 1))),
        gain=number(counts.interval(mean_gain(macro_f1, 0, 1, 1))),
        start_log_loss=number(mean_interval(start, places)),
        log_loss=number(mean_interval(tuned, places)),
        log_loss_saved=number(mean_interval(start - tuned, places)),
        start_chosen=Number(chosen.count(0)),
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


def _spec(profile: Profile) -> TunedSpec:
    return TunedSpec(
        contest=configured(sound_settings.Contest, "classification.contest", profile=profile),
        network=configured(sound_settings.Network, "classification.network", profile=profile),
        tuning=configured(Tuning, "classification.tuned", profile=profile),
    )


EXPERIMENTS = (
    Experiment(
        name="classification/tuned",
        run=run_tuned,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=90,
    ),
)
