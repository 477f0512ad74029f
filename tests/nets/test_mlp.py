"""The MLP: its shape, its layers, and that it is the network one would write by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from labcode.nets.mlp import MLP, Dropout, dropout_mask


@given(
    n=st.integers(1, 9),
    n_features=st.integers(1, 7),
    hidden=st.lists(st.integers(1, 9), max_size=3),
    n_outputs=st.integers(1, 6),
)
def test_output_always_has_two_axes(n: int, n_features: int, hidden: list[int], n_outputs: int) -> None:
    mlp = MLP(n_features, hidden=hidden, n_outputs=n_outputs)
    assert mlp(torch.randn(n, n_features)).shape == (n, n_outputs)


def test_same_seed_gives_the_weights_of_layers_written_by_hand() -> None:
    torch.manual_seed(3)
    by_hand = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    torch.manual_seed(3)
    mlp = MLP(4)
    X = torch.randn(10, 4)
    assert torch.equal(mlp(X), by_hand(X))


def test_dropout_and_batch_norm_follow_each_hidden_layer_only() -> None:
    mlp = MLP(4, hidden=(8, 5), dropout=0.3, batch_norm=True, activation="tanh")
    block = [nn.Linear, nn.BatchNorm1d, nn.Tanh, Dropout]
    assert [type(layer) for layer in mlp.layers] == [*block, *block, nn.Linear]


def test_no_dropout_layer_without_dropout() -> None:
    assert not any(isinstance(layer, nn.Dropout) for layer in MLP(4).modules())


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"hidden": (8, 0)}, r"hidden=\(8, 0\)"),
        ({"n_outputs": 0}, "n_outputs=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"activation": "step"}, "activation='step'"),
    ],
)
def test_impossible_layers_are_refused_by_value(options: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        MLP(4, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.99])
def test_dropout_zeroes_the_share_that_is_asked_for_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    ones = torch.ones(1001, 333)
    kept = Dropout(p).train()(ones)
    assert (kept == 0).float().mean().item() == pytest.approx(p, abs=0.003)
    assert kept.max().item() == pytest.approx(1 / (1 - p))
    assert Dropout(p).eval()(ones).equal(ones)


def test_dropout_masks_differ_from_draw_to_draw_and_follow_the_seed() -> None:
    masks = [dropout_mask((50, 7), 0.5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert masks[0].equal(masks[1]) and not masks[0].equal(masks[2])
    neighbours = masks[0].flatten() > 0
    assert 0.4 < (neighbours[1:] == neighbours[:-1]).float().mean() < 0.6


def test_dropout_of_no_rows_is_no_rows() -> None:
    assert Dropout(0.3).train()(torch.ones(0, 4)).shape == (0, 4)


def test_dropped_units_have_no_gradient() -> None:
    inputs = torch.ones(40, 5, requires_grad=True)
    outputs = Dropout(0.5).train()(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None and inputs.grad.equal(outputs.detach())
