"""Our first version of the classification, in plain scikit-learn, imbalanced-learn and PyTorch; its faults are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling import SMOTE
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler
from torch import nn


def cleaned(machines: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Inputs ``(n, 7)`` and class numbers ``(n,)`` of the machines, as our first version made them.

    Fault kept: ``Target``, which all but says whether a machine failed, stays among the inputs: type (as a number), air
    and process temperature (K), speed (rpm), torque (Nm), wear (min), target. Classes are numbered by the alphabet.
    """
    inputs = machines.drop(columns=["UDI", "Product ID", "Failure Type"])
    inputs["Type"] = LabelEncoder().fit_transform(inputs["Type"])
    return inputs, LabelEncoder().fit_transform(machines["Failure Type"])


def first_split(
    machines: pd.DataFrame,
    smote_seed: int | None = None,
    neighbors: int = 5,
) -> list[torch.Tensor]:
    """Training and test rows, as our first version made them.

    Faults kept: the scaler and SMOTE see the test rows, and most test rows are made by SMOTE. ``X_train, X_test``
    ``(n, 7)`` are standardised, float32; ``y_train, y_test`` ``(n,)`` are class numbers.
    """
    inputs, y = cleaned(machines)
    X = StandardScaler().fit_transform(inputs)  # over all rows
    X, y = SMOTE(k_neighbors=neighbors, random_state=smote_seed).fit_resample(X, y)  # on all rows
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    return [torch.tensor(part, dtype=torch.float32) for part in (X_train, X_test)] + [
        torch.tensor(part) for part in (y_train, y_test)
    ]


def split_first(
    machines: pd.DataFrame,
    smote_seed: int | None = None,
    neighbors: int = 5,
) -> list[torch.Tensor]:
    """The same in the right order: split, each class in proportion, then scaler and SMOTE on training rows only."""
    inputs, y = cleaned(machines)
    parts = train_test_split(inputs, y, test_size=0.2, random_state=42, stratify=y)
    X_train, X_test, y_train, y_test = parts
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    smote = SMOTE(k_neighbors=neighbors, random_state=smote_seed)
    X_train, y_train = smote.fit_resample(X_train, y_train)
    return [torch.tensor(part, dtype=torch.float32) for part in (X_train, X_test)] + [
        torch.tensor(part) for part in (y_train, y_test)
    ]


class FirstNetwork(nn.Module):
    """A multilayer perceptron with two hidden layers; ``(n, 7)`` to a score for each of six classes, ``(n, 6)``."""

    def __init__(self, hidden: tuple[int, int] = (64, 32), dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(7, hidden[0]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden[1], 6),
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.layers(X)  # type: ignore[no-any-return]


def train_first(
    network: nn.Module,
    rows: list[torch.Tensor],
    *,
    epochs: int = 50,
    lr: float = 0.001,
    weight_decay: float = 0.0,
) -> pd.DataFrame:
    """Train the network in place, one step of Adam an epoch on all training rows of `first_split`.

    The frame has, by epoch, loss and accuracy of the training rows as the step saw them, with dropout on, and of the
    test rows after it: ``train_loss, test_loss, train_accuracy, test_accuracy``.
    """
    X_train, X_test, y_train, y_test = rows
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=weight_decay)
    history = []
    for _ in range(epochs):
        network.train()
        optimizer.zero_grad()
        outputs = network(X_train)
        loss = loss_of(outputs, y_train)
        loss.backward()
        optimizer.step()
        network.eval()
        with torch.no_grad():
            answers = network(X_test)
        losses = loss.item(), loss_of(answers, y_test).item()
        history.append((*losses, accuracy(outputs, y_train), accuracy(answers, y_test)))
    columns = ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    return pd.DataFrame(history, columns=columns)


def accuracy(outputs: torch.Tensor, y: torch.Tensor) -> float:
    """Share of rows whose highest score ``(n, 6)`` is that of their class ``(n,)``."""
    return (outputs.argmax(dim=1) == y).float().mean().item()


def scored(network: nn.Module, X: torch.Tensor, y: torch.Tensor) -> tuple[pd.DataFrame, np.ndarray]:
    """Precision, recall, F1 and rows of each class, and the confusion matrix ``(6, 6)``, actual classes in rows."""
    network.eval()
    with torch.no_grad():
        predicted = network(X).argmax(dim=1)
    report = classification_report(y, predicted, labels=range(6), output_dict=True, zero_division=0)
    return pd.DataFrame(report).T, confusion_matrix(y, predicted, labels=range(6))
