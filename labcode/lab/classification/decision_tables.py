"""The table of what each policy costs."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.decision_results import Decided
from labcode.results.number import decimals

#: Policies as tables and figures call them.
POLICIES = {
    "expected_cost": "network, by cost",
    "argmax": "network, most probable",
    "macro_f1_rule": "network, best macro-F1",
    "forest": "forest, by cost",
    "never": "never stop",
    "always": "always stop",
}


def costs(decided: Decided) -> pd.DataFrame:
    """What each policy costs at each stated ratio; what it misses and stops needlessly at the middle one."""
    ratios = sorted(decided.threshold)
    middle = ratios[len(ratios) // 2]
    return pd.DataFrame(
        [
            {"policy": name}
            | {f"cost at {decimals(ratio, 0)}": decided.at(policy, ratio).cost.interval for ratio in ratios}
            | {"missed": decided.at(policy, middle).missed.bare, "needless": decided.at(policy, middle).needless.bare}
            for policy, name in POLICIES.items()
        ]
    )
