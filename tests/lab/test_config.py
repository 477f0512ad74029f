"""``lab.toml``: every setting is there, known, of its type and possible, or one sentence says which is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from labcode.errors import LabcodeError
from labcode.lab.config import configured

GOOD = """
[lab.first]
epochs = 50
rate = 0.01
name = "plain"
hidden = [64, 32]

[lab.first.optimizer]
kind = "adam"
decay = 1

[lab.first.quick]
epochs = 5
"""


@dataclass(frozen=True)
class Optimizer:
    kind: Literal["adam", "sgd"]
    decay: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True)
class First:
    epochs: Annotated[int, Field(ge=1)]
    rate: Annotated[float, Field(gt=0, lt=1)]
    name: str
    hidden: tuple[int, ...]
    optimizer: Optimizer


@dataclass(frozen=True)
class Both:
    first: Annotated[First, "lab.first"]
    optimizer: Annotated[Optimizer, "lab.first.optimizer"]
    printed: int = 3


@dataclass(frozen=True)
class Named(Optimizer):
    first: Annotated[First, "lab.first"] = None  # type: ignore[assignment]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A project of its own, whose lab.toml this writes."""
    (tmp_path / "_quarto.yml").write_text("")
    (tmp_path / "labcode").mkdir()
    monkeypatch.chdir(tmp_path)

    def written(old: str = "", new: str = "") -> None:
        assert old in GOOD
        (tmp_path / "lab.toml").write_text(GOOD.replace(old, new) if old else GOOD)

    return written


def test_a_table_becomes_a_dataclass_and_an_edited_line_is_read_anew(write) -> None:
    write()
    first = configured(First, "lab.first")
    assert first == First(50, 0.01, "plain", (64, 32), Optimizer("adam", 1.0))
    assert type(first.hidden) is tuple and type(first.optimizer.decay) is float
    write("epochs = 50", "epochs = 60")
    assert configured(First, "lab.first").epochs == 60


def test_the_quick_profile_has_its_own_keys_and_the_others_from_the_table(write) -> None:
    write()
    quick = configured(First, "lab.first", profile="quick")
    assert (quick.epochs, quick.rate, quick.optimizer) == (5, 0.01, Optimizer("adam", 1.0))


def test_a_field_that_names_a_table_is_read_from_there(write) -> None:
    write()
    both = configured(Both, profile="quick")
    assert (both.first.epochs, both.optimizer, both.printed) == (5, Optimizer("adam", 1.0), 3)
    named = configured(Named, "lab.first.optimizer", profile="quick")
    assert (named.kind, named.decay, named.first) == ("adam", 1.0, both.first)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rate = 0.01", "rat = 0.01", ["'rat'", "did you mean rate?"]),
        ("rate = 0.01", "rate = 0.01\nzzz = 1", ["'zzz'", "epochs, rate, name"]),
        ("decay = 1", "decoy = 1", [".optimizer]", "'decoy'", "did you mean decay?"]),
        ("epochs = 5\n", "epoch = 5\n", ["'epoch'", "did you mean epochs?"]),
        ("rate = 0.01\n", "", ["'rate'", "lacks"]),
        ('kind = "adam"\n', "", ["'optimizer.kind'", "lacks"]),
        ("rate = 0.01", 'rate = "0.01"', ["rate", '"0.01"', "number"]),
        ("epochs = 50", "epochs = 50.0", ["epochs", "50.0", "integer"]),
        ('name = "plain"', "name = 1979-05-27", ["no setting can be"]),
        ("epochs = 50", "epochs = 0", ["epochs", "= 0", "greater than or equal to 1"]),
        ("[64, 32]", '[64, "32"]', ["hidden.1", '"32"', "integer"]),
        ("[64, 32]", "64", ["hidden", "64", "array"]),
        ('kind = "adam"', 'kind = "adem"', ["optimizer.kind", '"adem"', "'adam' or 'sgd'"]),
    ],
)  # fmt: skip
def test_a_fault_names_file_table_key_value_and_what_was_expected(write, old: str, new: str, told: list[str]) -> None:
    write(old, new)
    with pytest.raises(LabcodeError) as raised:
        configured(First, "lab.first")
    for part in ["lab.toml", "lab.first", *told]:
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_impossible_quick_value_is_refused_in_that_profile(write) -> None:
    write("epochs = 5\n", "epochs = -5\n")
    with pytest.raises(LabcodeError, match=r"epochs = -5, but it should be greater than or equal to 1"):
        configured(First, "lab.first", profile="quick")


def test_a_quick_that_is_no_table_is_refused(write) -> None:
    text = GOOD.replace("[lab.first.optimizer]", "quick = 3\n[lab.first.optimizer]").replace("[lab.first.quick]", "[x]")
    Path("lab.toml").write_text(text)
    with pytest.raises(LabcodeError, match=r"lab\.first\] quick = 3, but it should be a table"):
        configured(First, "lab.first")


@pytest.mark.parametrize("section", ["lab.second", "other", "lab.first.epochs"])
def test_a_missing_table_is_named(write, section: str) -> None:
    write()
    with pytest.raises(LabcodeError, match=rf"lab\.toml has no table \[{section}\]"):
        configured(First, section)


def test_a_broken_file_and_a_missing_one_are_named(write) -> None:
    with pytest.raises(LabcodeError, match=r"lab\.toml cannot be read \(No such file"):
        configured(First, "lab.first")
    write("[lab.first]", "[lab.first")
    with pytest.raises(LabcodeError, match=r"lab\.toml is not valid TOML: .*line 2"):
        configured(First, "lab.first")
