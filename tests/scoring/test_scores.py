"""Intervals: they cover what they should, and clusters widen them as theory says."""

from __future__ import annotations

import numpy as np
import pytest

from labcode.scoring.scores import (
    cluster_bootstrap,
    effective_rows,
    intraclass_correlation,
    mean_interval,
    next_draw_interval,
    prediction_interval,
    rmse_interval,
    skill_interval,
    two_way_interval,
)


def mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def test_with_a_cluster_a_row_the_interval_is_the_textbooks() -> None:
    values = np.random.default_rng(0).normal(10, 2, 900)
    found = cluster_bootstrap(np.column_stack([values, np.ones(900)]), np.arange(900), mean, draws=4000)
    half = 1.96 * values.std(ddof=1) / 30
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_repeating_every_row_does_not_narrow_a_clustered_interval() -> None:
    errors = np.random.default_rng(0).normal(0, 1, 200)
    once = rmse_interval(errors, np.arange(200))
    tenfold = rmse_interval(np.repeat(errors, 10), np.repeat(np.arange(200), 10))
    naive = rmse_interval(np.repeat(errors, 10), np.arange(2000))
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
    assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)


def test_days_that_depend_on_their_neighbours_need_blocks() -> None:
    random, days = np.random.default_rng(0), [0.0]
    for shock in random.normal(0, 1, 4000):
        days.append(0.7 * days[-1] + shock)
    alone, monthly = (mean_interval(days, np.arange(len(days)), block=block) for block in (1, 20))
    wider = (monthly.high - monthly.low) / (alone.high - alone.low)
    assert alone.value == monthly.value
    assert wider == pytest.approx((1.7 / 0.3) ** 0.5, rel=0.15)  # the textbook's, for this autocorrelation


def test_independent_days_lose_nothing_by_blocks() -> None:
    days = np.random.default_rng(0).normal(0, 1, 2000)
    alone, monthly = (mean_interval(days, np.arange(2000), block=block) for block in (1, 20))
    assert monthly.high - monthly.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_a_block_is_a_tenth_of_the_clusters_at_most() -> None:
    days = np.arange(30.0)
    assert mean_interval(days, days, block=20) == mean_interval(days, days, block=3)
    assert mean_interval(days[:9], days[:9], block=20) == mean_interval(days[:9], days[:9])


def test_the_same_seed_gives_the_same_interval() -> None:
    errors = np.arange(30.0)
    assert rmse_interval(errors, errors) == rmse_interval(errors, errors)
    assert rmse_interval(errors, errors) != rmse_interval(errors, errors, seed=1)


@pytest.mark.parametrize(
    ("groups", "expected"), [([0, 0, 1, 1], 1.0), ([0, 1, 0, 1], -1.0)], ids=["alike", "as unlike as can be"]
)
def test_the_intraclass_correlation_of_pairs(groups: list[int], expected: float) -> None:
    with np.errstate(invalid="ignore"):
        assert intraclass_correlation([1.0, 1.0, 5.0, 5.0], groups).value == pytest.approx(expected)


def test_the_intraclass_correlation_finds_the_share_it_was_made_with() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(3000), random.integers(4, 12, 3000))
    values = 1e4 + random.normal(0, 2, 3000)[groups] + random.normal(0, 4, len(groups))
    found = intraclass_correlation(values, groups)
    assert found.low < 4 / 20 < found.high
    assert found.high - found.low < 0.05


def test_effective_rows_predict_the_variance_of_a_mean() -> None:
    random, sizes = np.random.default_rng(1), np.array([2, 8, 30] * 20)
    groups = np.repeat(np.arange(60), sizes)
    means = [(random.normal(0, 1, 60)[groups] + random.normal(0, 2, len(groups))).mean() for _ in range(4000)]
    assert 5 / np.var(means) == pytest.approx(effective_rows(1 / 5, sizes), rel=0.08)


def test_skill_is_zero_against_oneself_and_its_interval_is_paired() -> None:
    squared = np.random.default_rng(0).chisquare(1, 500)
    same = skill_interval(squared, squared, np.arange(500))
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0))
    half = skill_interval(squared / 2, squared, np.arange(500))
    assert (half.value, half.low, half.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_prediction_interval_holds_the_next_draw_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(7, 2, (4000, 6))
    limits = [prediction_interval(row[:5]) for row in draws]
    inside = np.mean([found.low <= row[5] <= found.high for found, row in zip(limits, draws)])
    assert inside == pytest.approx(0.95, abs=0.015)


def test_a_two_way_interval_covers_what_dates_and_symbols_both_move() -> None:
    """Rows with an effect of their date and one of their symbol: intervals over dates alone are far too narrow."""
    random = np.random.default_rng(0)
    dates, symbols = (axis.ravel() for axis in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
    both, one = 0, 0
    for _ in range(60):
        values = random.normal(0, 1, 60)[dates] + random.normal(0, 1, 40)[symbols] + random.normal(0, 1, len(dates))
        parts = np.column_stack([values, np.ones_like(values)])
        found = two_way_interval(parts, dates, symbols, mean, draws=400)
        assert found.value == pytest.approx(values.mean())
        both += found.low < 0 < found.high
        alone = mean_interval(values, dates, draws=400)
        one += alone.low < 0 < alone.high
    assert both >= 52 and one < 50


def test_a_two_way_interval_does_not_depend_on_the_order_or_the_names_of_rows() -> None:
    random = np.random.default_rng(0)
    dates, symbols = random.integers(0, 50, 500), random.integers(0, 8, 500)
    parts = np.column_stack([random.normal(size=500), np.ones(500)])
    order = random.permutation(500)
    names = np.array(list("abcdefgh"))[symbols]
    expected = two_way_interval(parts, dates, symbols, mean, block=5)
    found = two_way_interval(parts[order], dates[order], names[order], mean, block=5)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_the_interval_of_the_next_draw_assumes_no_shape_and_promises_no_more_than_it_has_seen() -> None:
    draws = np.random.default_rng(0).exponential(size=30)
    found = next_draw_interval(draws)
    assert (found.low, found.high) == (draws.min(), draws.max())
    many = next_draw_interval(np.arange(1, 1000))
    assert (many.low, many.high) == pytest.approx((25, 975))
    assert next_draw_interval([1.0]).high == np.inf
