"""What the project withstands, tried at random: `make soak` tries everything, `--slice` a minute's worth of it.

Fuzzed data files, damage to whatever is read back, kills at any moment, hostile strings through every page, odd rows.
A try that fell is printed with its name, and this alone tries it again: ``python -m tests.soak prices:117 --seed 0``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr, suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup

from labcode import settings
from labcode.data import simulate, sources
from labcode.data.columns import FAILURE, SENSORS
from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.data.schemas import MAINTENANCE_COLUMNS, PRICE_COLUMNS, UCI_FLAGS
from labcode.errors import LabcodeError
from labcode.results import old, run
from labcode.results.store import Result, Store

ROOT = Path(__file__).resolve().parents[1]
RENDER = ("render", "--engine", "portable", "--to", "html")
LOAD = {"prices": load_prices, "maintenance": load_maintenance}
#: Tries of each part: in all, and in a slice.
PARTS = {"prices": (1_200, 50), "machines": (1_200, 50), "results": (300, 10), "rows": (100, 5), "pages": (60, 2),
         "killed-run": (25, 1), "killed-render": (20, 1), "hostile": (2, 1), "odd": (13, 1)}  # fmt: skip
HOSTILE = ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "`#(6*7)`{=typst}", "[x](javascript:alert(1))",
           "![](/etc/hostname)", "{{< env HOME >}}", "a|b", "=1+1", "$x$ **b** @fig-x", "`{=html}`", "::: {.x}",
           "'\"&lt;\\"]  # fmt: skip
CELLS = ["", "\0", "A\u200bB", "now", "today", "2016-13-01", "2016-01-09", "01/02/16", "5/1/2016", "2016-1-5",
         "0001-01-01", "2016-05-01 00:00:00", "20160105", "9999-12-31", "1e5", "0x1F", "1_000", "1,5", "inf", "NaN",
         "-0.0", "١٢", "TRUE", "1e400", " 7 ", "+3", "1d", ".", "12.5\xa0", "x" * 9_999, *HOSTILE]  # fmt: skip
CHANGES = [(",", ";"), (",", "\t"), (",", ", "), ("\n", "\r\n"), ("\n", "\r"), ("\n", "\n\n"), (".", ",")]
#: Rows that are few, alike or wrong, by name; those of machines come first.
ODD = {
    "one class": lambda f: f[f[FAILURE] == "No Failure"],
    "a class missing": lambda f: f[f[FAILURE] != f[FAILURE].value_counts().index[-1]],
    "a class of one": lambda f: f[(f[FAILURE] != "Random Failures") | ~f.duplicated(FAILURE)],
    "classes of two": lambda f: f.groupby(FAILURE).head(2),
    "classes of 60": lambda f: f.groupby(FAILURE).head(60),
    "100 machines": lambda f: f.head(100),
    "still sensors": lambda f: f.assign(**dict.fromkeys(SENSORS, 300.0)),
    "one day": lambda f: f[f["date"].rank(method="dense") <= 1],
    "31 days": lambda f: f[f["date"].rank(method="dense") <= 31],
    "one symbol": lambda f: f[f["symbol"] == f["symbol"].iloc[0]],
    "constant close": lambda f: f.assign(open=9.5, close=10.0, low=9.0, high=11.0),
    "all rows odd": lambda f: f.assign(high=f["low"], low=f["high"] + 1),
    "rows twice": lambda f: pd.concat([f, f]),
}
#: A page of the small book, and of the whole one, that shows what comes from data.
PAGE = """
```{python}
#| echo: false
from IPython.display import display
from labcode.book.text import table
from labcode.data.prices import load_prices
from labcode.lab import load
from labcode.lab.eda.results import Prices
from labcode.lab.provenance import data_line, provenance_table
soaked, stocks = load_prices(), load(Prices)
display(data_line(soaked.provenance), provenance_table(soaked.provenance))
display(table(soaked.frame.groupby("symbol", observed=True).head(1)))
```

`{python} stocks.rows` rows, the first of `{python} str(soaked.frame["symbol"].iloc[0])`.
"""
SMALL = "project: {type: book, execute-dir: project}\nbook: {title: T, author: A, chapters: [index.qmd]}\n"


class Soak:
    """A book and its store, made anew for each try; the parts are its methods, and each gives the outcome of a try."""

    def __init__(self, work: Path, *, whole: bool) -> None:
        self.book, self.store, self.quick, self.whole = work / "book", work / "store", work / "quick", whole
        left_out = shutil.ignore_patterns(".*", "_book", "_freeze", "_handin", "raw", "tests", "__pycache__", "dist")
        shutil.copytree(ROOT, self.book, ignore=left_out)
        index = self.book / "index.qmd"
        index.write_text((index.read_text("utf-8") if whole else "# Start\n") + PAGE, "utf-8")
        if not whole:
            (self.book / "_quarto-full.yml").unlink()
            (self.book / "_quarto.yml").write_text(SMALL)
        with suppress(FileNotFoundError):
            shutil.copytree(settings.store_dir() / "results", self.quick / "results")
        os.chdir(self.book)
        os.environ.pop("LABCODE_DATA_DIR", None)
        os.environ |= {"LABCODE_PROFILE": "quick", "LABCODE_STORE_DIR": str(self.quick), "PYTHONPATH": str(self.book)}
        ended(labcode("run"))
        os.environ["LABCODE_STORE_DIR"] = str(self.store)
        self.renew()
        self.names = list(run.keys())

    def renew(self) -> None:
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.quick, self.store)
        run._contents.clear()

    def rendered(self) -> dict[Path, bytes]:
        if not (self.book / "_book").exists():
            ended(labcode(*RENDER))
        return contents(self.book / "_book")

    def prices(self, n: int, rng: random.Random) -> str:
        """A valid file, changed at random: its rows are what its text says, or it is refused in one sentence."""
        frame = simulate.simulate_prices(2)[[*PRICE_COLUMNS]][:150]
        form = rng.choice(["%Y-%m-%d", "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%Y-%d-%m"])
        return self._file("prices", "prices.csv", frame.assign(date=frame["date"].dt.strftime(form)), rng)

    def machines(self, n: int, rng: random.Random) -> str:
        """The same, in Kaggle's layout or UCI's."""
        frame = simulate.simulate_maintenance(150)
        uci = frame[[*MAINTENANCE_COLUMNS[:8]]].assign(**dict.fromkeys(["Machine failure", *UCI_FLAGS], 0))
        return self._file("maintenance", "ai4i2020.csv", uci if rng.random() < 0.3 else frame, rng)

    def _file(self, name: str, file: str, frame: pd.DataFrame, rng: random.Random) -> str:
        text = frame.to_csv(index=False).encode(rng.choice(["utf-8"] * 9 + ["utf-8-sig", "utf-16"]))
        content, packed = mutated(text, rng), rng.random() < 0.1
        path = self.book.parent / (file + ".gz" * packed)
        raw = gzip.compress(content) if packed else content
        path.write_bytes(damaged(raw, rng) if packed and rng.random() < 0.7 else raw)
        os.environ |= {"LABCODE_DATA_DIR": str(path.parent), "LABCODE_PROFILE": "full"}
        began = time.process_time()
        try:
            refuse_other_rows(LOAD[name]().frame, gzip.decompress(path.read_bytes()) if packed else content)
            return "read right"
        except LabcodeError as error:
            assert str(error).isprintable() and len(str(error)) < 1_500, f"no message for a terminal: {error!r:.300}"
            return "refused"
        finally:
            path.unlink()
            os.environ["LABCODE_PROFILE"] = "quick"
            del os.environ["LABCODE_DATA_DIR"]
            assert time.process_time() - began < 10, "slower than 10 s"

    def results(self, n: int, rng: random.Random) -> str:
        """A stored result, damaged: noticed and set aside, or the same to the last bit."""
        name, key = rng.choice(list(run.keys().items()))
        good, path = Store().load(name, key), Store().path(name, key)
        file = rng.choice(sorted([path, *path.parent.glob(f"{path.stem}.*.npz")]))
        file.write_bytes(damaged(file.read_bytes(), rng))
        old.stored()  # as `labcode store prune` does
        with redirect_stderr(io.StringIO()):
            found = Store().load(name, key)
        assert found is None or facts(found) == facts(good), f"other numbers of {name} in silence"
        return "noticed" if found is None else "the same"

    def rows(self, n: int, rng: random.Random) -> str:
        """The parsed copy of rows, damaged: made anew, and the same."""
        copy = rng.choice(sorted((self.store / "data").glob("*-small.parquet")))
        good = LOAD[copy.name.partition("-")[0]]().frame
        copy.write_bytes(damaged(copy.read_bytes(), rng))
        assert good.equals(LOAD[copy.name.partition("-")[0]]().frame), f"other rows of {copy.name} in silence"
        return "the same"

    def pages(self, n: int, rng: random.Random) -> str:
        """What the last render kept, damaged: pages and numbers are the same to the last byte."""
        good = self.rendered()
        file = rng.choice(sorted((self.book / "_freeze").rglob("*.json")))
        file.write_bytes(damaged(file.read_bytes(), rng))
        ended(labcode(*RENDER))
        assert self.rendered() == good, f"another page in silence, after damage to {file.relative_to(self.book)}"
        return "the same"

    def killed_run(self, n: int, rng: random.Random) -> str:
        """`labcode run`, killed twice at random moments: then it gives the same result, without litter."""
        name = self.names[n % len(self.names)] if self.whole else "eda/prices"
        key, before = run.keys()[name], set(self.store.rglob("*"))
        good, path = run.load(name), Store().path(name, key)
        for file in path.parent.glob(f"{path.stem}*"):
            file.unlink()
        kills = sum(kill(labcode("run", name), rng.uniform(0.2, 8 + good.meta["seconds"]), rng) for _ in range(2))
        ended(labcode("run", name))
        assert facts(Store().load(name, key)) == facts(good), f"another result of {name}"
        assert not (litter := {file for file in set(self.store.rglob("*")) - before if file.suffix != ".lock"}), litter
        return f"right after {kills} kills"

    def killed_render(self, n: int, rng: random.Random) -> str:
        """`labcode render`, all cells run, killed at a random moment: then it gives the same, without litter."""
        good, before = self.rendered(), {path.name for path in self.book.iterdir()}
        kills = int(kill(labcode(*RENDER, "--fresh"), rng.uniform(1, 90 if self.whole else 15), rng))
        assert contents(self.book / "_book") in (good, {}), "half a render was put in place"
        ended(labcode(*RENDER))
        assert self.rendered() == good, "another book"
        assert not (litter := {path.name for path in self.book.iterdir()} - before), litter
        return f"right after {kills} kills"

    def hostile(self, n: int, rng: random.Random) -> str:
        """Symbols, notes and names of files that are markup: pages show them as the text that they are."""
        names, results = rng.sample(HOSTILE, 12), {name: run.load(name) for name in self.names}
        prices, machines = LOAD["prices"]().frame, LOAD["maintenance"]().frame
        symbols = dict(zip(prices["symbol"].cat.categories, names, strict=True))
        said = {"source": "file", "path": names[0].replace("/", ""), "notes": HOSTILE, "status": names[1]}
        plant("prices", prices.assign(symbol=prices["symbol"].cat.rename_categories(symbols)), said)
        plant("maintenance", machines.assign(**{"Product ID": [names[i % 12] for i in range(len(machines))]}), said)
        for name, key in run.keys().items():  # of these rows, the figures are those of the others
            text = json.dumps({part: getattr(results[name], part) for part in ("scalars", "tables")})
            text = re.sub(r'"(SIM\w+)"', lambda symbol: json.dumps(symbols[symbol[1]]), text)
            Store().save(replace(results[name], key=key, **json.loads(text)))
        shutil.rmtree(self.book / "_book", ignore_errors=True)
        ended(labcode(*RENDER))
        pages = [BeautifulSoup(page.read_bytes(), "html.parser") for page in (self.book / "_book").rglob("*.html")]
        shutil.rmtree(self.book / "_book")
        foreign = "[onerror], [src=x], [href^='javascript:'], [src*='/etc/'], script:-soup-contains('alert(1)')"
        assert not (found := [each for page in pages for each in page.select(foreign)]), f"markup: {found[:3]}"
        shown = " ".join(page.get_text() for page in pages)
        assert not (lost := [each for each in names if each not in shown]), f"no page shows {lost}"
        return "all shown as text"

    def odd(self, n: int, rng: random.Random) -> str:
        """Experiments on odd rows: a result of each, or one sentence that says what it needs."""
        case = n if self.whole else rng.randrange(len(ODD))
        name = "maintenance" if case < 7 else "prices"
        plant(name, [*ODD.values()][case](LOAD[name]().frame).reset_index(drop=True), {})
        few = () if self.whole else ("eda/*", "regression/baselines")
        return "a sentence" if ended(labcode("run", *few), odd=True) else "results"


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One to three changes: to a cell, a line, a separator, a byte."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        lines = content.split(b"\n")
        at, kind = rng.randrange(len(lines)), rng.choice(["cell", "cell", "cell", "byte", "line", "text"])
        if kind == "cell":
            cells = lines[at].split(b",")
            place = rng.randrange(len(cells))
            cells[place] = rng.choice([*map(str.encode, CELLS), b'"' + cells[place], b'"%b"' % cells[place]])
            lines[at] = b",".join(cells)
        elif kind == "line":
            lines.insert(at, rng.choice([lines[at], b"", b",", lines[0]]))
        content = damaged(content, rng) if kind == "byte" else b"\n".join(lines)
        if kind == "text":
            one, other = rng.choice(CHANGES)
            content = content.replace(one.encode(), other.encode(), rng.choice([-1, -1, 5]))
    return content


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A bit flipped, or a part cut away, zeroed or put twice."""
    at = rng.randrange(len(content))
    end = min(len(content), at + rng.randrange(1, 200))
    middle = rng.choice([bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 : end], b"", bytes(end - at)])
    return rng.choice([content[:at] + middle + content[end:]] * 4 + [content[:at], content[:end] + content[at:]])


def refuse_other_rows(frame: pd.DataFrame, content: bytes) -> None:
    """Compare a frame with what Python's own reader finds in the text, cell by cell."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode().replace("\r\n", "\n").replace("\r", "\n").rstrip()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    names = {each.strip().casefold(): place for place, each in enumerate(header)}
    for column in [name for name in frame if name.casefold() in names]:  # others are derived
        for row, value in zip(rows, frame[column].tolist(), strict=True):
            cell = row[names[column.casefold()]].strip()
            if column == "date":
                parts = sorted(map(int, re.findall(r"\d+", cell)[:3]))
                same = parts == sorted([value.year, value.month, value.day]) and value.weekday() < 5
            else:
                same = cell == value if isinstance(value, str) else float(cell) == value
            assert same, f"{column}: {cell!r} was read as {value!r}"


def facts(result: Result | None) -> str:
    """What a result says, bit for bit, without the seconds that it took."""
    arrays = {name: (each.dtype, each.tobytes()) for name, each in result.arrays.items()} if result else {}
    return repr((result.scalars, result.tables, arrays)) if result else ""


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plant(name: str, frame: pd.DataFrame, said: dict[str, object]) -> None:
    """Put other rows in the place of the quick profile's, with other facts on where they came from."""
    path = settings.store_dir() / "data" / f"{name}-simulated-small.parquet"
    attrs = sources._read_copy(path).attrs
    attrs["provenance"] |= {"rows": len(frame), **said}
    sources._keep_copy(path, frame, attrs)
    run._contents.clear()


def labcode(*arguments: str) -> subprocess.Popen[str]:
    command, pipe = [sys.executable, "-m", "labcode.cli", *arguments], subprocess.PIPE
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=pipe, text=True, process_group=0)


def ended(process: subprocess.Popen[str], *, odd: bool = False) -> int:
    """Its exit code: 0, or, on odd rows, 2 with a sentence."""
    err = process.communicate(timeout=7_200)[1]
    right = process.returncode == 0 or (odd and process.returncode == 2 and " need" in err)
    assert right and "Traceback" not in err, f"{process.args} ended with {process.returncode}: {err.strip()[-300:]}"
    return process.returncode


def kill(process: subprocess.Popen[str], after: float, rng: random.Random) -> bool:
    """Kill a command, with its workers or alone, unless it ends before."""
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=after)
        return False
    (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    return True


def main() -> int:
    """Try what is asked for; 1 if anything fell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"{', '.join(PARTS)}, or one try, such as prices:117")
    parser.add_argument("--slice", action="store_true", help="a minute's worth, in a book of one page")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    asked, fell = parser.parse_args(), 0
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), whole=not asked.slice)
        for part, _, only in (each.partition(":") for each in asked.parts):
            outcomes, began = Counter[str](), time.monotonic()
            for n in [int(only)] if only else range(PARTS[part][asked.slice]):
                soak.renew()
                try:
                    rng = random.Random(f"{asked.seed} {part}:{n}")
                    outcomes[getattr(soak, part.replace("-", "_"))(n, rng)] += 1
                except Exception as error:
                    outcomes["fell"] += 1
                    print(f"  {part}:{n} fell: {type(error).__name__}: {error}", flush=True)
            fell += outcomes["fell"]
            told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
            print(f"{part:14}{outcomes.total():6} tries in {time.monotonic() - began:6.0f} s: {told}", flush=True)
        os.chdir(ROOT)
    return bool(fell)


if __name__ == "__main__":
    sys.exit(main())
