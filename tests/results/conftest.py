"""Fake experiments in a package of their own, on 300 rows of prices, and a log of those that ran."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from labcode import sources
from labcode.results import experiments, run

FAKES = '''
"""Experiments that note each time they run."""
import os, time
from dataclasses import dataclass
from typing import Annotated
import numpy as np
from labcode.results.experiments import Experiment
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results
from labcode.scoring import scores as metrics
from fakelab.helper import FACTOR


@dataclass(frozen=True)
class Spec:
    lr: float = 0.1


@dataclass(frozen=True, kw_only=True)
class First(Results):
    experiment = "fake/first"
    mean: Annotated[Number, Quantity(says="mean close", unit="USD", over="dates")]
    lr: float
    x: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Second(Results):
    experiment = "fake/second"
    twice: float


def note(name):
    with open(os.environ["FAKE_LOG"], "a") as log:
        log.write(name + "\\n")


def first(spec: Spec, *, data, results, progress):
    note("first")
    progress(0.5)
    prices = data["prices"].frame
    mean = Number(FACTOR * prices["close"].mean(), 0.0, float("nan"))
    prices["close"] = 0.0
    return First(mean=mean, lr=spec.lr, x=np.arange(3))


def second(spec, *, data, results, progress):
    note("second")
    time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
    return Second(twice=2 * results["fake/first"].scalars["mean"])


def third(spec, *, data, results, progress):
    """Do little."""
    from threadpoolctl import threadpool_info

    note("third")
    threads = max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
    return First(mean=Number(data["prices"].frame["close"].mean()), lr=float(threads), x=np.arange(2))


EXPERIMENTS = (
    Experiment(name="fake/second", run=second, spec=Spec(), quick=Spec(), needs=("fake/first",)),
    Experiment(name="fake/first", run=first, spec=Spec(), quick=Spec(lr=0.5), datasets=("prices",)),
    Experiment(name="other/third", run=third, spec=Spec(), quick=Spec(), datasets=("prices",), seconds=75),
)
'''


class Laboratory:
    """The package `fakelab`: its experiments, and a helper that they import."""

    def __init__(self, root: Path, prices: Path) -> None:
        self.root, self.prices, self.log = root, prices, root / "log"
        self.package = root / "fakelab"
        self.package.mkdir()
        (self.package / "numbers.py").write_text(FAKES)
        (self.package / "helper.py").write_text("FACTOR = 2.0\n")

    def ran(self) -> list[str]:
        """Names of the experiments that ran since the last call."""
        names = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return names

    def edit(self, old: str, new: str, file: str = "numbers.py") -> None:
        """Change the source of a module."""
        text = (self.package / file).read_text()
        assert old in text
        (self.package / file).write_text(text.replace(old, new))

    def restart(self) -> None:
        """Forget what a new process would not know."""
        for known in (run._unstored, run._contents, sys.modules, sources._imported):
            for name in [name for name in known if known is run._contents or str(name).startswith("fakelab")]:
                del known[name]  # type: ignore[attr-defined]
        run._unstored.clear()
        shutil.rmtree(self.package / "__pycache__", ignore_errors=True)


@pytest.fixture
def lab(
    tmp_path: Path, folder: Path, good_prices: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Laboratory]:
    """The only experiments that there are."""
    good_prices.to_csv(folder / "prices.csv", index=False)
    laboratory = Laboratory(tmp_path, folder / "prices.csv")
    monkeypatch.setenv("FAKE_LOG", str(laboratory.log))
    monkeypatch.setattr(experiments, "modules", lambda: ("fakelab.numbers",))
    monkeypatch.syspath_prepend(str(tmp_path))
    laboratory.restart()
    yield laboratory
    laboratory.restart()
