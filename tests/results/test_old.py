"""Results under old keys: found whatever rows there are today, and removed alone."""

from __future__ import annotations

import pytest

from labcode.results import experiments, keys, run
from labcode.results.old import prune, stored
from labcode.results.store import Store
from tests.results.conftest import Laboratory

ALL = {"fake/first", "fake/second", "other/third"}


def old() -> set[str]:
    return {result.experiment for result in stored() if result.old}


@pytest.fixture(autouse=True)
def computed(lab: Laboratory) -> None:
    assert stored() == []
    run.run()


def test_current_results_of_both_profiles_devices_and_of_other_rows_stay(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    run.run()
    monkeypatch.delenv("LABCODE_PROFILE")
    monkeypatch.setattr(keys, "device", lambda: "cuda (H100)")
    lab.prices.unlink()
    assert run.stored("fake/first") is None, "these rows have no result yet"
    assert len(stored()) == 6 and prune(stored()) == 0 and len(stored()) == 6


def test_changed_code_makes_a_result_old_and_what_needs_it(lab: Laboratory) -> None:
    lab.restart()
    lab.edit("2.0", "3.0", "helper.py")
    assert old() == ALL
    run.run()
    found = stored()
    gone = [file for result in found if result.old for file in result.files]
    assert (len(found), {file.suffix for file in gone}) == (6, {".json", ".npz"})
    assert prune(found) > 0 and not any(file.exists() for file in gone)
    assert old() == set() and all(run.survey().values())


def test_a_changed_setting_library_or_name_makes_a_result_old(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, value in ((keys, "library_versions", {"torch": "0.1"}), (experiments, "modules", ())):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda value=value: value)
            assert old() == ALL
    assert old() == set()
    lab.restart()
    lab.edit('name="fake/first", run=first, spec=Spec()', 'name="fake/first", run=first, spec=Spec(lr=0.3)')
    assert old() == ALL, "one module holds them all"


def test_a_file_that_cannot_be_read_counts_as_old() -> None:
    for text in ("", "[]", "{}", '{"key": 1, "meta": 3}', "\x00"):
        damaged = Store().root / "fake" / "first" / "damaged.json"
        damaged.write_text(text)
        assert [file for result in stored() if result.old for file in result.files] == [damaged]
        prune(stored())
        assert not damaged.exists() and len(stored()) == 3
