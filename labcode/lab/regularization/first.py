"""Our first version's regularised network and its training, in plain PyTorch; its faults are kept."""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn


class RegularisedNetwork(nn.Module):
    """The network of our first version with dropout behind both hidden layers; ``(n, 4)`` to ``(n, 1)``."""

    def __init__(self, hidden: tuple[int, int] = (64, 32), dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, hidden[0]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[1], 1),
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.layers(X)  # type: ignore[no-any-return]


def train_regularised(
    network: nn.Module, rows: list[torch.Tensor], *, epochs: int = 20, lr: float = 0.001, weight_decay: float = 1e-4
) -> pd.DataFrame:
    """Train the network in place, one step of Adam an epoch on all training rows, as `first_split` returns them.

    The frame has ``train`` and ``test`` loss by epoch (USD²): that of the step, with dropout, and that of the test rows
    after it, without.
    """
    X_train, X_test, y_train, y_test = rows
    loss_of = nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=weight_decay)
    losses = []
    for _ in range(epochs):
        network.train()  # dropout on
        optimizer.zero_grad()
        loss = loss_of(network(X_train), y_train)
        loss.backward()
        optimizer.step()
        network.eval()  # dropout off
        with torch.no_grad():
            test_loss = loss_of(network(X_test), y_test)
        losses.append({"train": loss.item(), "test": test_loss.item()})
    return pd.DataFrame(losses)
