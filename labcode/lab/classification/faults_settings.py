"""The settings of the experiment that puts our first version's faults back, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imblearn.over_sampling import SMOTE
from pydantic import Field

from labcode.settings import SEED

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Folds, and the plain network that trains with and without each fault."""

    folds: Annotated[int, Field(ge=2, le=10)]
    seeds: Count
    epochs: Count
    smote_neighbors: Count

    @property
    def smote(self) -> SMOTE:
        """The sampler, unfitted."""
        return SMOTE(k_neighbors=self.smote_neighbors, random_state=SEED)
