"""Experiments: computed when something that they rest on changed, and only then; what is finished is never lost."""

from __future__ import annotations

import json
import os
import shutil
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
from labcode.results import experiments, store
from labcode.results import run as catalog
from labcode.results.experiments import Experiment, Payload

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = '''
"""Experiments that note each time they run."""
import os, time
from dataclasses import dataclass
import numpy as np
from labcode.scoring import scores as metrics
from labcode.results.experiments import Experiment, Payload

FACTOR = 2.0


@dataclass(frozen=True)
class Spec:
    lr: float = 0.1


def note(name):
    with open(os.environ["FAKE_LOG"], "a") as log:
        log.write(name + "\\n")


def first(spec, *, data, results, progress):
    note("first")
    progress(0.5)
    prices = data["prices"].frame
    mean = FACTOR * prices["close"].mean()
    prices["close"] = 0.0
    return Payload(scalars={"mean": mean, "lr": spec.lr, "nothing": float("nan")}, arrays={"x": np.arange(3)})


def second(spec, *, data, results, progress):
    note("second")
    time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
    return Payload(scalars={"twice": 2 * results["fake/first"].scalars["mean"]})


def third(spec, *, data, results, progress):
    """Do little."""
    from threadpoolctl import threadpool_info

    note("third")
    threads = max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
    scalars = {"close": data["prices"].frame["close"].mean(), "threads": threads}
    return Payload(scalars=scalars, tables={"t": [{"a": np.float64(1)}]})


EXPERIMENTS = (
    Experiment(name="fake/second", run=second, spec=Spec(), quick=Spec(), datasets=(), needs=("fake/first",)),
    Experiment(name="fake/first", run=first, spec=Spec(), quick=Spec(lr=0.5), datasets=("prices",)),
    Experiment(name="other/third", run=third, spec=Spec(), quick=Spec(), datasets=("prices",), seconds=75),
)
'''


class Laboratory:
    """Fake experiments in a package of their own, and a log of those that ran."""

    def __init__(self, root: Path, prices: Path) -> None:
        self.root, self.prices, self.log = root, prices, root / "log"
        self.source = root / "fakelab" / "numbers.py"
        self.source.parent.mkdir()
        self.source.write_text(NUMBERS)

    def ran(self) -> list[str]:
        """Names of the experiments that ran since the last call."""
        names = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return names

    def edit(self, old: str, new: str) -> None:
        text = self.source.read_text()
        assert old in text
        self.source.write_text(text.replace(old, new))

    def restart(self) -> None:
        """Forget what a new process would not know."""
        for known in (catalog._running_code, catalog._unstored, catalog._contents):
            known.clear()
        for name in [name for name in sys.modules if name.startswith("fakelab")]:
            del sys.modules[name]
        shutil.rmtree(self.source.parent / "__pycache__", ignore_errors=True)


@pytest.fixture
def lab(tmp_path: Path, folder: Path, good_prices: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    good_prices.to_csv(folder / "prices.csv", index=False)
    laboratory = Laboratory(tmp_path, folder / "prices.csv")
    monkeypatch.setattr(experiments, "modules", lambda: ("fakelab.numbers",))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("FAKE_LOG", str(laboratory.log))
    laboratory.restart()
    return laboratory


def test_a_result_is_computed_once_and_found_ever_after(lab: Laboratory, good_prices: pd.DataFrame) -> None:
    assert catalog.stored("fake/first") is None
    computed = catalog.load("fake/first")
    assert lab.ran() == ["first"]
    assert computed.scalars["mean"] == pytest.approx(2 * good_prices["close"].mean())
    lab.restart()
    found = catalog.load("fake/first")
    assert lab.ran() == []
    assert repr(found.scalars) == repr(computed.scalars) and found.meta == computed.meta
    np.testing.assert_array_equal(found.arrays["x"], [0, 1, 2])
    assert catalog.stored("fake/first").key == computed.key
    assert {"device", "seconds", "versions", "spec", "data", "sources"} <= computed.meta.keys()
    assert computed.meta["sources"] == {"prices": "file"}


@pytest.mark.parametrize("at_once", [1, 2])
def test_sums_do_not_depend_on_the_number_of_cores(lab: Laboratory, at_once: int) -> None:
    with threadpool_limits(3, user_api="blas"):
        (third,) = catalog.run(["other/third"], at_once=at_once)
        left = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
    assert third.scalars["threads"] == 1 and left == {3}


def test_needed_results_come_first_and_data_are_not_shared(lab: Laboratory, good_prices: pd.DataFrame) -> None:
    results = {result.experiment: result for result in catalog.run(["fake/*", "other/*"])}
    ran = lab.ran()
    assert sorted(ran) == ["first", "second", "third"] and ran.index("first") < ran.index("second")
    assert results["fake/second"].scalars["twice"] == 2 * results["fake/first"].scalars["mean"]
    mean = good_prices["close"].mean()
    assert results["other/third"].scalars["close"] == pytest.approx(mean), "one experiment's edits reached another"
    assert results["other/third"].frame("t")["a"].tolist() == [1.0]


def _change_spec(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    lab.edit("EXPERIMENTS = (", "EXPERIMENTS = (  # same code\n")
    real = catalog._spec
    patch.setattr(catalog, "_spec", lambda e: type(real(e))(lr=0.2) if e.name == "fake/first" else real(e))


def _change_row(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    frame = pd.read_csv(lab.prices)
    frame.loc[17, "close"] += 0.01
    frame.to_csv(lab.prices, index=False)


def _change_parser(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    """The same file, read in another way."""
    real = catalog._LOADERS["prices"]

    def load() -> catalog.Dataset:
        dataset = real()
        dataset.frame.loc[0, "volume"] += 1
        return dataset

    patch.setitem(catalog._LOADERS, "prices", load)


def _change_version(lab: Laboratory, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(store, "library_versions", lambda: {**real_versions(), "scikit-learn": "99.0"})


real_versions = store.library_versions
CHANGES: dict[str, tuple[Callable[[Laboratory, pytest.MonkeyPatch], object], bool]] = {
    "spec": (_change_spec, True),
    "data row": (_change_row, True),
    "parsed value": (_change_parser, True),
    "library version": (_change_version, True),
    "quick profile": (lambda lab, patch: patch.setenv("LABCODE_PROFILE", "quick"), True),
    "a number in the source": (lambda lab, patch: lab.edit("FACTOR = 2.0", "FACTOR = 3.0"), True),
    "a comment": (lambda lab, patch: lab.edit("FACTOR = 2.0", "FACTOR = 2.0  # twice"), False),
    "a docstring": (lambda lab, patch: lab.edit("Do little.", "Do even less."), False),
    "the touched file": (lambda lab, patch: os.utime(lab.prices), False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_result_rests_on_and_nothing_else_recomputes_it(
    lab: Laboratory, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.load("fake/second")
    assert lab.ran() == ["first", "second"]
    act, recomputes = CHANGES[change]
    act(lab, monkeypatch)
    lab.restart()
    catalog.load("fake/second")
    assert lab.ran() == (["first", "second"] if recomputes else []), "a needed result's key is part of the key"


def test_a_stored_result_is_found_without_importing_an_experiment(lab: Laboratory) -> None:
    computed = catalog.load("fake/second")
    lab.restart()
    found = catalog.load("fake/second")
    assert found.key == computed.key and "fakelab.numbers" not in sys.modules
    catalog.load("other/third")
    assert lab.ran() == ["first", "second", "third"], "what is missing is imported and computed"


@pytest.mark.parametrize(("old", "new"), [("lr: float = 0.1", "lr: float = 0.2"), ('"fake/second"', '"fake/renamed"')])
def test_an_edit_of_the_experiments_renews_their_list(lab: Laboratory, old: str, new: str) -> None:
    before = set(catalog._Session().experiments), catalog._Session().key("fake/first")
    lab.restart()
    lab.edit(old, new)
    session = catalog._Session()
    assert (set(session.experiments), session.key("fake/first")) != before
    assert ("fake/renamed" in session.experiments) == ("renamed" in new)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"address": 1}'])
def test_a_damaged_list_is_made_anew(lab: Laboratory, content: str) -> None:
    key = catalog._Session().key("fake/first")
    (store.Store().root.parent / "experiments.json").write_text(content)
    lab.restart()
    assert catalog._Session().key("fake/first") == key


KEYS = """
import sys
from pathlib import Path
from labcode.results import experiments
from labcode.results import run as catalog
import labcode
experiments.modules = lambda: ("fakelab.numbers",)
package = Path(labcode.__file__).parent
assert package.parent == Path.cwd(), "only a copy may be edited"
print(catalog._Session().key("other/third"))
for name in sys.argv[1:]:
    with (package / name).open("a") as file:
        file.write("\\nCHANGED = 1.5\\n")
    print(catalog._Session().key("other/third"))
"""


def test_plots_tables_captions_and_prose_recompute_nothing(lab: Laboratory) -> None:
    for name in ("labcode", "data"):
        shutil.copytree(
            ROOT / name, lab.root / name, ignore=shutil.ignore_patterns("__pycache__", "raw"), dirs_exist_ok=True
        )
    (lab.root / "_quarto.yml").touch()
    quiet = ["book/plots.py", "book/text.py", "book/prose.py", "book/book.mplstyle", "cli.py"]
    environment = {**os.environ, "PYTHONPATH": str(lab.root)}
    command = [sys.executable, "-c", KEYS, *quiet, "scoring/scores.py"]
    answer = subprocess.run(command, cwd=lab.root, env=environment, capture_output=True, text=True, check=True)
    keys = answer.stdout.split()
    assert len(keys) == len(quiet) + 2
    assert len(set(keys[:-1])) == 1, "what only shows results changed a key"
    assert keys[-1] != keys[0], "a numeric module did not"


def test_code_edited_under_a_running_process_is_not_mistaken_for_what_ran(
    lab: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog.load("other/third")
    lab.edit("FACTOR = 2.0", "FACTOR = 3.0")
    old = catalog.load("fake/first")
    assert "fake/first is not stored: fakelab.numbers or what it imports was edited" in capsys.readouterr().err
    lab.restart()
    new = catalog.load("fake/first")
    assert new.key == old.key and new.scalars["mean"] == pytest.approx(1.5 * old.scalars["mean"])


def test_a_damaged_result_is_recomputed(lab: Laboratory, capsys: pytest.CaptureFixture[str]) -> None:
    result = catalog.load("fake/first")
    path = store.Store().path("fake/first", result.key)
    path.write_text("{")
    assert repr(catalog.load("fake/first").scalars) == repr(result.scalars)
    assert lab.ran() == ["first", "first"]
    assert f"{path} cannot be used" in capsys.readouterr().err
    assert catalog.stored("fake/first") is not None


@pytest.mark.filterwarnings("ignore:The parsed copy could not be kept")
def test_a_store_that_cannot_be_written_costs_time_and_nothing_else(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lab.root / "a file").touch()
    monkeypatch.setenv("LABCODE_STORE_DIR", str(lab.root / "a file" / "store"))
    result = catalog.load("fake/second")
    assert result.scalars["twice"] > 0
    assert "fake/second could not be stored" in capsys.readouterr().err
    assert catalog.load("fake/second") is result
    assert lab.ran() == ["first", "second"], "this process knows its results, stored or not"


def test_a_full_disk_costs_time_and_nothing_else(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert catalog.load("fake/first").scalars["mean"] > 0
    assert "No space left on device" in capsys.readouterr().err
    assert not [path for path in (store.Store().root / "fake/first").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("call", [catalog.load, catalog.stored, lambda name: catalog.run([name])])
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
    import fakelab.numbers

    def run(*arguments: object, **more: object) -> Payload:
        raise AssertionError

    faulty = tuple(Experiment(name=n, run=run, spec={}, quick={}, datasets=(), needs=needs[n]) for n in needs)
    monkeypatch.setattr(fakelab.numbers, "EXPERIMENTS", faulty)
    with pytest.raises(LabcodeError, match=expected):
        catalog.catalog()
    monkeypatch.setattr(fakelab.numbers, "EXPERIMENTS", faulty[:1] * 2)
    with pytest.raises(LabcodeError, match="share a name"):
        catalog.catalog()


def labcode(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(cli.app, arguments)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


def test_run_says_what_it_did(lab: Laboratory) -> None:
    code, out, _ = labcode("run", "fake/second")
    assert code == 0
    assert [line.split(" in ")[0] for line in out.splitlines()] == [
        "fake/first: computing, about 10 s",
        "fake/first: computed",
        "fake/second: computing, about 10 s",
        "fake/second: computed",
    ]
    code, out, _ = labcode("run")
    assert code == 0
    assert {"fake/first: stored", "fake/second: stored"} < set(out.splitlines())
    assert "other/third: computing, about 1 min 15 s" in out
    assert lab.ran() == ["first", "second", "third"]


def test_results_are_shown_and_never_computed(lab: Laboratory) -> None:
    code, out, err = labcode("results", "--json")
    assert (code, json.loads(out)) == (0, {})
    assert "not computed yet: fake/first, other/third, fake/second" in err
    first = catalog.load("fake/first")
    code, out, err = labcode("results", "fake/*", "--json")
    scalars = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert scalars == {"fake/first": {"mean": first.scalars["mean"], "lr": 0.1, "nothing": None}}
    assert (code, "fake/second" in err, "other/third" in err) == (0, True, False)
    out = labcode("results")[1]
    assert [line.split() for line in out.splitlines()][1][:2] == ["fake/first", "mean"]
    assert f"{first.scalars['mean']:.6g}" in out
    assert lab.ran() == ["first"]


DRIVER = """
import signal, sys, time
from pathlib import Path
from labcode.cli import main
from labcode.results import experiments
from labcode.results import run as catalog
experiments.modules = lambda: ("fakelab.numbers",)
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
sys.stdin.readline()
main()
"""


def start(lab: Laboratory, *arguments: str, sleep: float = 0.0) -> subprocess.Popen[str]:
    """A process that is ready to run a command and does so at the first line that it is sent."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{lab.root}", "FAKE_SLEEP": str(sleep)}
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def stop_in_second(lab: Laboratory, stop: signal.Signals) -> tuple[int, str]:
    """Run all, send a signal while the second experiment computes, and give exit code and stderr."""
    process = start(lab, "run", sleep=60)
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not (lab.log.exists() and "second" in lab.log.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, stop)
    err = process.communicate(timeout=30)[1]
    return process.returncode, err


def test_two_processes_at_once_compute_once(lab: Laboratory) -> None:
    processes = [start(lab, "run", sleep=1.5) for _ in range(2)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert sorted(lab.ran()) == ["first", "second", "third"]
    told = "".join(out for out, _ in answers)
    assert told.count("fake/second: computed in") == 1 and told.count("fake/second: stored") == 1
    assert sum("fake/second is being computed by another process" in err for _, err in answers) == 1


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
    assert [catalog.stored(name) is not None for name in ("fake/first", "fake/second")] == [True, False]


def test_finding_results_of_the_real_catalog_imports_no_torch() -> None:
    code = "import sys; from labcode.results.run import survey; print(*survey()); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LABCODE_PROFILE": "quick"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "regression/as-submitted" in answer.stdout
