"""Experiments: computed when something that they rest on changed, and only then; what is finished is never lost."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from typer.testing import CliRunner

from labcode import cli
from labcode.errors import LabcodeError
from labcode.results import experiments, run
from labcode.results.experiments import Experiment
from labcode.results.store import Store
from tests.results.conftest import Laboratory

ROOT = Path(__file__).resolve().parents[2]


def mean_close(result: object) -> float:
    return float(result.scalars["mean"])  # type: ignore[attr-defined]


def test_a_result_is_computed_once_and_found_ever_after(lab: Laboratory, good_prices: pd.DataFrame) -> None:
    assert run.stored("fake/first") is None
    computed = run.load("fake/first")
    assert lab.ran() == ["first"]
    assert mean_close(computed) == pytest.approx(2 * good_prices["close"].mean())
    lab.restart()
    found = run.load("fake/first")
    assert lab.ran() == []
    assert repr(found.scalars) == repr(computed.scalars) and found.meta == computed.meta
    assert list(found.scalars) == ["mean", "mean_low", "mean_high", "lr"]
    np.testing.assert_array_equal(found.arrays["x"], [0, 1, 2])
    assert computed.meta["sources"] == {"prices": "part"} and computed.meta["device"] == "cpu"


def test_it_is_loaded_as_the_dataclass_that_was_returned(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = importlib.import_module("fakelab.numbers").First
    for profile, lr in (("full", 0.1), ("quick", 0.5)):
        monkeypatch.setenv("LABCODE_PROFILE", profile)
        for _ in range(2):
            found = run.load_typed(kind)
            assert found.lr == lr and found.mean.low == 0 and found.mean.quantity.says == "mean close"
            assert found.origin.profile == profile and not found.origin.published  # a few rows only


def test_sums_do_not_depend_on_the_number_of_cores(lab: Laboratory) -> None:
    with threadpool_limits(3, user_api="blas"):
        (third,) = run.run(["other/third"])
        left = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
    assert third.scalars["lr"] == 1 and left == {3}


def test_needed_results_come_first_and_data_are_not_shared(lab: Laboratory, good_prices: pd.DataFrame) -> None:
    results = {result.experiment: result for result in run.run(["fake/*", "other/*"])}
    ran = lab.ran()
    assert sorted(ran) == ["first", "second", "third"] and ran.index("first") < ran.index("second")
    assert results["fake/second"].scalars["twice"] == 2 * mean_close(results["fake/first"])
    assert mean_close(results["other/third"]) == pytest.approx(good_prices["close"].mean())


def _change_row(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    frame = pd.read_csv(lab.prices)
    frame.loc[17, "close"] += 0.01
    frame.to_csv(lab.prices, index=False)


def _change_parser(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    """The same file, read in another way."""
    real = run.rows

    def read(name: str) -> object:
        dataset = real(name)
        dataset.frame.loc[0, "volume"] += 1
        return dataset

    patch.setattr(run, "rows", read)


CHANGES: dict[str, tuple[Callable[[Laboratory, pytest.MonkeyPatch], object], bool]] = {
    "spec": (lambda lab, patch: lab.edit("run=first, spec=Spec()", "run=first, spec=Spec(0.2)"), True),
    "data row": (_change_row, True),
    "parsed value": (_change_parser, True),
    "library": (lambda lab, patch: patch.setattr(run, "library_versions", lambda: {"scipy": "99.0"}), True),
    "device": (lambda lab, patch: patch.setattr(run, "device", lambda: "cuda (H100)"), True),
    "quick profile": (lambda lab, patch: patch.setenv("LABCODE_PROFILE", "quick"), True),
    "a number in the source": (lambda lab, patch: lab.edit("2.0", "3.0", "helper.py"), True),
    "a comment": (lambda lab, patch: lab.edit("2.0", "2.0  # twice", "helper.py"), False),
    "the touched file": (lambda lab, patch: os.utime(lab.prices), False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_result_rests_on_and_nothing_else_recomputes_it(
    lab: Laboratory, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.load("fake/second")
    assert lab.ran() == ["first", "second"]
    act, recomputes = CHANGES[change]
    act(lab, monkeypatch)
    lab.restart()
    run.load("fake/second")
    assert lab.ran() == (["first", "second"] if recomputes else []), "a needed result's key is part of the key"


class TestEdits:
    """In a notebook: code is imported, then edited, then what it computes is asked for."""

    @pytest.mark.parametrize("reload", [False, True])
    def test_what_was_imported_before_an_edit_is_never_stored_as_what_the_edit_gives(
        self, lab: Laboratory, reload: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        importlib.import_module("fakelab.numbers")
        lab.edit("2.0", "3.0", "helper.py")
        if reload:
            importlib.reload(sys.modules["fakelab.helper"])
        old = run.load("fake/first")
        assert "fake/first is not stored: fakelab.numbers or what it imports was edited" in capsys.readouterr().err
        assert run.load("fake/first") is old, "this process goes on with what it has"
        lab.restart()
        assert run.stored("fake/first") is None
        new = run.load("fake/first")
        assert new.key != old.key and mean_close(new) == pytest.approx(1.5 * mean_close(old))

    def test_an_edit_undone_leaves_the_results_that_were_stored(self, lab: Laboratory) -> None:
        run.load("fake/first")
        lab.edit("2.0", "3.0", "helper.py")
        run.load("fake/first")
        assert lab.ran() == ["first"], "the code that is imported has its result"
        lab.edit("3.0", "2.0", "helper.py")
        lab.restart()
        run.load("fake/first")
        assert lab.ran() == []


def test_a_damaged_result_is_recomputed(lab: Laboratory, capsys: pytest.CaptureFixture[str]) -> None:
    result = run.load("fake/first")
    path = Store().path("fake/first", result.key)
    path.write_text("{")
    assert repr(run.load("fake/first").scalars) == repr(result.scalars)
    assert lab.ran() == ["first", "first"]
    assert f"{path} cannot be used" in capsys.readouterr().err
    assert run.stored("fake/first") is not None


def _full_disk(lab: Laboratory, store: Path, patch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    patch.setattr(os, "fsync", full)


SPOILT: dict[str, Callable[[Laboratory, Path, pytest.MonkeyPatch], object]] = {
    "a file": lambda lab, store, patch: store.touch(),
    "a link to itself": lambda lab, store, patch: store.symlink_to(store),
    "a pipe": lambda lab, store, patch: os.mkfifo(store),
    "a file in a result's place": lambda lab, store, patch: (
        (store / "results").mkdir(parents=True),
        (store / "results" / "fake").touch(),
    ),
    "a full disk": _full_disk,
}


@pytest.mark.filterwarnings("ignore:The parsed copy could not be kept")
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_store_that_cannot_be_written_costs_time_and_nothing_else(
    lab: Laboratory, spoil: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = lab.root / "store"
    SPOILT[spoil](lab, store, monkeypatch)
    monkeypatch.setenv("LABCODE_STORE_DIR", str(store))
    result = run.load("fake/second")
    assert "fake/second could not be stored" in capsys.readouterr().err
    assert repr(run.load("fake/second").scalars) == repr(result.scalars)
    assert lab.ran() == ["first", "second"], "this process knows its results, stored or not"
    with pytest.raises(LabcodeError, match=r"Computed, but not stored: fake/.*run it again"):
        cli.run(["fake/*"])
    assert not [path for path in store.glob("results/*/*/*") if path.suffix != ".lock"], "nothing half-written stays"


@pytest.mark.parametrize("call", [run.load, run.stored, lambda name: run.run([name])])
def test_an_unknown_name_lists_those_there_are(lab: Laboratory, call: Callable[[str], object]) -> None:
    with pytest.raises(LabcodeError, match=r"no experiment 'fake/no'; there are .*fake/first"):
        call("fake/no")


@pytest.mark.parametrize(
    ("needs", "expected"),
    [({"a": ("b",), "b": ("a",)}, "in a circle"), ({"a": ("z",)}, "needs 'z', but there are only a")],
)
def test_a_faulty_catalog_is_refused(
    lab: Laboratory, needs: dict[str, tuple[str, ...]], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("fakelab.numbers")
    faulty = tuple(Experiment(name=name, run=module.first, spec={}, quick={}, needs=needs[name]) for name in needs)
    monkeypatch.setattr(module, "EXPERIMENTS", faulty)
    with pytest.raises(LabcodeError, match=expected):
        experiments.catalog()
    monkeypatch.setattr(module, "EXPERIMENTS", faulty[:1] * 2)
    with pytest.raises(LabcodeError, match="share a name"):
        experiments.catalog()


def labcode(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(cli.app, arguments)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


def test_run_says_what_it_did(lab: Laboratory) -> None:
    code, out, _ = labcode("run", "fake/second")
    lines = [f"fake/{name}: {how}" for name in ("first", "second") for how in ("computing, about 10 s", "computed")]
    assert (code, [line.split(" in ")[0] for line in out.splitlines()]) == (0, lines)
    code, out, _ = labcode("run")
    assert code == 0 and {"fake/first: stored", "fake/second: stored"} < set(out.splitlines())
    assert "other/third: computing, about 1 min 15 s" in out
    assert lab.ran() == ["first", "second", "third"]


def test_results_are_shown_and_never_computed(lab: Laboratory) -> None:
    code, out, err = labcode("results", "--json")
    assert (code, json.loads(out)) == (0, {})
    assert "not computed yet: fake/first, other/third, fake/second" in err
    mean = mean_close(run.load("fake/first"))
    code, out, err = labcode("results", "fake/*", "--json")
    scalars = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert scalars == {"fake/first": {"mean": mean, "mean_low": 0.0, "mean_high": None, "lr": 0.1}}
    assert (code, "fake/second" in err, "other/third" in err) == (0, True, False)
    assert [line.split() for line in labcode("results")[1].splitlines()][1] == ["fake/first", "mean", f"{mean:.6g}"]
    assert lab.ran() == ["first"]


DRIVER = """
import signal, sys, time
from labcode.cli import main
from labcode.results import experiments, progress, run
experiments.modules = lambda: ("fakelab.numbers",)
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
sys.stdin.readline()
main()
"""


def start(lab: Laboratory, sleep: float) -> subprocess.Popen[str]:
    """A process that is ready to run everything and does so at the first line that it is sent."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{lab.root}", "FAKE_SLEEP": str(sleep)}
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    process = subprocess.Popen([sys.executable, "-c", DRIVER, "run"], cwd=ROOT, env=environment, text=True, **pipes)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def stop_in_second(lab: Laboratory, stop: signal.Signals) -> tuple[int, str]:
    """Run all, send a signal while the second experiment computes, and give exit code and stderr."""
    go(process := start(lab, sleep=60))
    deadline = time.monotonic() + 60
    while not (lab.log.exists() and "second" in lab.log.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, stop)
    err = process.communicate(timeout=60)[1]
    return process.returncode, err


def test_two_processes_at_once_compute_once(lab: Laboratory) -> None:
    processes = [start(lab, sleep=3) for _ in range(2)]
    for process in processes:
        go(process)
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert sorted(lab.ran()) == ["first", "second", "third"]
    told = "".join(out for out, _ in answers)
    assert told.count("fake/second: computed in") == 1 and told.count("fake/second: stored") == 1


def test_kill_9_loses_only_what_was_not_finished(lab: Laboratory) -> None:
    assert stop_in_second(lab, signal.SIGKILL)[0] == -signal.SIGKILL
    assert sorted(lab.ran()) == ["first", "second", "third"]
    code, out, err = labcode("run")
    assert (code, err) == (0, "")
    assert {"fake/first: stored", "other/third: stored"} < set(out.splitlines())
    assert lab.ran() == ["second"]


def test_ctrl_c_keeps_what_is_finished(lab: Laboratory) -> None:
    code, err = stop_in_second(lab, signal.SIGINT)
    assert code == 130
    assert err == "labcode: interrupted; what is finished is kept, and the same command resumes.\n"
    assert [run.stored(name) is not None for name in ("fake/first", "fake/second")] == [True, False]


def test_finding_a_result_imports_no_torch_and_only_its_own_chapter() -> None:
    code = (
        "import sys; from labcode.results.run import stored; stored('eda/machines'); "
        "sys.exit(bool({'torch', 'labcode.lab.tuning.experiments'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LABCODE_PROFILE": "quick"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
