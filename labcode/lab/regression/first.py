"""Our first version: its split, its network and its training, in plain PyTorch; its faults are kept."""

from __future__ import annotations

import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


def first_split(prices: pd.DataFrame) -> list[torch.Tensor]:
    """Training and test rows, as our first version made them.

    Faults kept: the scaler sees the test rows, and the rows of one day lie on both sides. All are float32: ``X_train,
    X_test`` ``(n, 4)``, standardised; ``y_train, y_test`` ``(n, 1)``, in USD.
    """
    X = StandardScaler().fit_transform(prices[["open", "low", "high", "volume"]])  # over all rows
    y = prices[["close"]].to_numpy()  # in dollars
    parts = train_test_split(X, y, test_size=0.2, random_state=42)  # at random, days mixed
    return [torch.tensor(part, dtype=torch.float32) for part in parts]


class FirstNetwork(nn.Module):
    """A multilayer perceptron with two hidden layers; ``(n, 4)`` to ``(n, 1)``."""

    def __init__(self, hidden: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], 1),
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.layers(X)  # type: ignore[no-any-return]


def train_first(
    network: nn.Module,
    X_train: torch.Tensor,
    X_test: torch.Tensor,
    y_train: torch.Tensor,
    y_test: torch.Tensor,
    *,
    epochs: int = 50,
    lr: float = 0.001,
) -> pd.DataFrame:
    """Train the network in place, one step of Adam an epoch on all training rows.

    The frame has ``train`` and ``test`` loss by epoch: that of the step, and that of the test rows after it (USD²).
    """
    loss_of = nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = loss_of(network(X_train), y_train)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            test_loss = loss_of(network(X_test), y_test)
        losses.append({"train": loss.item(), "test": test_loss.item()})
    return pd.DataFrame(losses)
