"""The table of what each policy costs."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.decision_results import Decided
from labcode.results.number import decimals

#: Policies as tables and figures call them.
POLICIES = {
    "expected_cost": "network, where stopping is cheaper",
    "argmax": "network, most probable class",
    "macro_f1_rule": "network, best macro-F1",
    "forest": "forest, where stopping is cheaper",
    "never": "never stop",
    "always": "always stop",
}


def costs(found: Decided) -> pd.DataFrame:
    """Each policy at each stated ratio: failures missed, needless stops, cost, and cost above the network's."""
    rows = []
    for ratio in found.threshold:
        for policy, name in POLICIES.items():
            own = found.at(policy, ratio)
            rows.append(
                {
                    "cost ratio": decimals(ratio, 0),
                    "policy": name,
                    "missed": own.missed.bare,
                    "needless": own.needless.bare,
                    "cost": own.cost.interval,
                    "above the first": "" if policy == "expected_cost" else own.saved.interval,
                }
            )
    return pd.DataFrame(rows)
