"""The MLP: its shape, its layers, and that it is the network one would write by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from labcode.nets.mlp import MLP, Dropout, dropout_mask


def test_it_is_the_network_of_layers_written_by_hand_and_its_output_always_has_two_axes() -> None:
    torch.manual_seed(3)
    by_hand = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    torch.manual_seed(3)
    X = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(MLP(4)(X), by_hand(X))
    assert MLP(4, 3, hidden=())(X).shape == (10, 3)


def test_dropout_follows_each_hidden_layer_and_only_if_asked_for() -> None:
    block = [nn.Linear, nn.ReLU, Dropout]
    assert [type(layer) for layer in MLP(4, hidden=(8, 5), dropout=0.3).layers] == [*block, *block, nn.Linear]
    assert not any(isinstance(layer, nn.Dropout) for layer in MLP(4).modules())


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
