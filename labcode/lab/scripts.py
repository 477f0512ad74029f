"""The lab's two tasks as plain scripts, one file each, made of the functions that the chapters show.

A reader needs PyTorch, pandas, scikit-learn, imbalanced-learn and the table; nothing of this package.
"""

from __future__ import annotations

from dataclasses import asdict

from labcode.book.listing import source_of
from labcode.lab.classification.settings import First as FirstOfMachines
from labcode.lab.config import configured
from labcode.lab.regression.settings import First as FirstOfPrices
from labcode.settings import SEED, profile

_REGRESSION = '''"""Our first version's regression: python regression.py prices.csv"""

import sys

{code}


rows = first_split(pd.read_csv(sys.argv[1]))
torch.manual_seed(0)
losses = train_first(FirstNetwork({hidden}), *rows, epochs={epochs}, lr={lr})
print(losses.iloc[[*range(0, len(losses), 10), -1]].round(4).to_string())
print("always saying the mean:", round(float((rows[3] - rows[2].mean()).square().mean()), 1))
'''
_CLASSIFICATION = '''"""Our first version's classification: python classification.py predictive_maintenance.csv"""

import sys

{code}


rows = first_split(pd.read_csv(sys.argv[1]), smote_seed={smote_seed}, neighbors={smote_neighbors})
torch.manual_seed(0)
network = FirstNetwork({hidden})
history = train_first(network, rows, epochs={epochs}, lr={lr})
report, matrix = scored(network, rows[1], rows[3])
print(history.iloc[[*range(0, len(history), 10), -1]].round(4).to_string())
print(report.round(3).to_string())
print(matrix)
'''


def scripts() -> dict[str, str]:
    """Name and text of each script, with the settings of ``lab.toml``."""
    prices = configured(FirstOfPrices, "regression.first", profile=profile())
    machines = configured(FirstOfMachines, "classification.first", profile=profile())
    shown = ("first_split", "FirstNetwork", "train_first")
    of_prices = source_of("labcode.lab.regression.first", *shown)
    of_machines = source_of("labcode.lab.classification.first", "cleaned", *shown, "accuracy", "scored")
    return {
        "scripts/regression.py": _REGRESSION.format(code=of_prices, **asdict(prices)),
        "scripts/classification.py": _CLASSIFICATION.format(code=of_machines, smote_seed=SEED, **asdict(machines)),
    }
