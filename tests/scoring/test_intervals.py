"""Intervals: they cover what they should, and clusters widen them as theory says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from labcode.scoring.intervals import (
    Confusions,
    Interval,
    block_draws,
    effective_rows,
    intraclass_correlation,
    mean_interval,
    mean_of_seeds,
    next_draw_interval,
    next_draw_limits,
    percentile_interval,
    prediction_interval,
    prediction_limits,
    rmse_interval,
    skill_interval,
    two_way_interval,
)
from labcode.scoring.scores import accuracy, confusion_counts, recalls

Random = np.random.Generator


def autoregressive(random: Random, n: int, share: float) -> np.ndarray:
    """Days with a standard deviation of 1, each a share of the last one and something new."""
    days, new = np.zeros(n), random.normal(0, (1 - share**2) ** 0.5, n)
    for day in range(1, n):
        days[day] = share * days[day - 1] + new[day]
    return days


def of_rows(random: Random) -> Interval:
    return mean_interval(random.exponential(size=150) - 1, np.arange(150), draws=400)


def of_clusters(random: Random) -> Interval:
    groups = np.repeat(np.arange(80), 5)
    return mean_interval(random.normal(size=80)[groups] + random.normal(size=400), groups, draws=400)


def of_days(random: Random) -> Interval:
    return mean_interval(autoregressive(random, 600, 0.6), np.arange(600), block=20, draws=400)


def of_errors(random: Random) -> Interval:
    return rmse_interval(random.normal(0, 2, 200), np.arange(200), draws=400)


def of_skill(random: Random) -> Interval:
    hard = random.exponential(size=300)  # both predictors err on the same rows
    return skill_interval(hard * random.chisquare(4, 300) / 8, hard, np.arange(300), draws=400)


def of_recall(random: Random) -> Interval:
    y = np.repeat([0, 1], [100, 200])
    calls = np.where(random.random(300) < 0.75, y, 1 - y)
    return Confusions.of(y, [calls], 2, draws=400).interval(lambda counts: recalls(counts[..., 0, :, :])[..., 1])


def of_alikeness(random: Random) -> Interval:
    groups = np.repeat(np.arange(100), random.integers(4, 12, 100))
    values = 1e4 + random.normal(0, 2, 100)[groups] + random.normal(0, 4, len(groups))
    return intraclass_correlation(values, groups, draws=400)


def of_dates_and_symbols(random: Random) -> Interval:
    dates, symbols = (axis.ravel() for axis in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
    values = random.normal(0, 1, 60)[dates] + random.normal(0, 1, 40)[symbols] + random.normal(0, 1, 2400)
    parts = np.column_stack([values, np.ones(2400)])
    return two_way_interval(parts, dates, symbols, lambda sums: sums[..., 0] / sums[..., 1], draws=400)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [(of_rows, 0.0), (of_clusters, 0.0), (of_days, 0.0), (of_errors, 2.0), (of_skill, 0.5), (of_recall, 0.75),
     (of_alikeness, 0.2), (of_dates_and_symbols, 0.0)],
)  # fmt: skip
def test_an_interval_of_95_percent_holds_the_truth_as_often(draw: Callable[[Random], Interval], truth: float) -> None:
    """By simulation: 300 draws leave a chance error of 0.013, and few clusters cost the bootstrap up to 0.03."""
    random = np.random.default_rng(0)
    inside = np.mean([found.low <= truth <= found.high for found in (draw(random) for _ in range(300))])
    assert 0.90 <= inside <= 0.985


class TestClusters:
    def test_repeating_every_row_does_not_narrow_a_clustered_interval(self) -> None:
        errors = np.random.default_rng(0).normal(0, 1, 200)
        once = rmse_interval(errors, np.arange(200))
        tenfold = rmse_interval(np.repeat(errors, 10), np.repeat(np.arange(200), 10))
        naive = rmse_interval(np.repeat(errors, 10), np.arange(2000))
        assert once.value == pytest.approx(np.sqrt((errors**2).mean()))
        assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
        assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)

    def test_days_that_depend_on_their_neighbours_need_blocks_and_others_lose_nothing(self) -> None:
        random = np.random.default_rng(0)
        for share, wider in ((0.7, (1.7 / 0.3) ** 0.5), (0.0, 1.0)):  # the textbook's, for this autocorrelation
            values = autoregressive(random, 4000, share)
            alone, monthly = (mean_interval(values, np.arange(4000), block=block) for block in (1, 20))
            assert alone.value == monthly.value
            assert (monthly.high - monthly.low) / (alone.high - alone.low) == pytest.approx(wider, rel=0.15)

    def test_a_block_holds_neighbours_and_is_a_tenth_of_the_clusters_at_most(self) -> None:
        days = np.arange(30.0)
        assert mean_interval(days, days, block=20) == mean_interval(days, days, block=3)
        assert mean_interval(days[:9], days[:9], block=20) == mean_interval(days[:9], days[:9])
        drawn = block_draws(30, np.random.default_rng(0), draws=200, block=3)
        assert (drawn.sum(axis=1) == 30).all()
        assert (np.abs(drawn - np.roll(drawn, 1, axis=1)).sum(axis=1) <= 2 * 10).all()
        assert (drawn[:, 0] > 0).mean() == pytest.approx((drawn[:, 15] > 0).mean(), abs=0.15), "the ends are neighbours"

    def test_skill_is_zero_against_oneself_and_its_interval_is_paired(self) -> None:
        squared = np.random.default_rng(0).chisquare(1, 500)
        for own, skill in ((squared, 0.0), (squared / 2, 0.5)):
            found = skill_interval(own, squared, np.arange(500))
            assert (found.value, found.low, found.high) == pytest.approx((skill, skill, skill))

    def test_two_ways_do_not_depend_on_the_order_or_the_names_of_rows(self) -> None:
        random = np.random.default_rng(0)
        dates, symbols, order = random.integers(0, 50, 500), random.integers(0, 8, 500), random.permutation(500)
        parts = np.column_stack([random.normal(size=500), np.ones(500)])
        names = np.array(list("abcdefgh"))[symbols]
        ways = [(parts, dates, symbols), (parts[order], dates[order], names[order])]
        one, other = (two_way_interval(*way, lambda sums: sums[..., 0] / sums[..., 1], block=5) for way in ways)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


class TestConfusions:
    def test_resamples_keep_the_classes_and_the_pairs(self) -> None:
        random = np.random.default_rng(0)
        y = random.choice(4, 600, p=[0.7, 0.2, 0.08, 0.02])
        calls = np.where(random.random(600) < 0.7, y, random.choice(4, 600))
        found = Confusions.of(y, [calls, calls], 4)
        np.testing.assert_array_equal(found.counts, confusion_counts(y, [calls, calls], 4))
        assert (found.draws.sum(axis=-1) == np.bincount(y)).all()
        gain = found.interval(lambda counts: accuracy(counts[..., 0, :, :]) - accuracy(counts[..., 1, :, :]))
        assert (gain.value, gain.low, gain.high) == (0, 0, 0), "a predictor gains nothing over itself"
        each = found.intervals(lambda counts: recalls(counts[..., 0, :, :]))
        assert each[2] == found.interval(lambda counts: recalls(counts[..., 0, :, :])[..., 2])

    def test_limits_for_several_statements_together_are_wider(self) -> None:
        draws = np.random.default_rng(0).normal(size=20_000)
        one, five = percentile_interval(np.float64(0), draws), percentile_interval(np.float64(0), draws, 5)
        assert (one.low, one.high) == pytest.approx((-1.96, 1.96), abs=0.05)
        assert (five.low, five.high) == pytest.approx((-2.576, 2.576), abs=0.1)


class TestSeeds:
    @pytest.mark.parametrize(
        ("interval", "coverage"), [(prediction_interval, 0.95), (next_draw_interval, 4 / 6), (mean_of_seeds, 0.95)]
    )
    def test_each_holds_what_it_says_as_often_as_it_says(self, interval: Callable, coverage: float) -> None:
        draws = np.random.default_rng(0).normal(7, 2, (4000, 6))
        limits = [interval(row[:5]) for row in draws]
        truth = np.full(4000, 7.0) if interval is mean_of_seeds else draws[:, 5]
        inside = np.mean([found.low <= value <= found.high for found, value in zip(limits, truth)])
        assert inside == pytest.approx(coverage, abs=0.02)
        assert interval([1.0]) == Interval(1.0, -np.inf, np.inf), "a single seed vouches for nothing"

    def test_quantiles_promise_no_more_than_was_seen_and_are_those_of_each_figure(self) -> None:
        draws = np.random.default_rng(0).exponential(size=(30, 3))
        found = next_draw_interval(draws[:, 0])
        assert (found.low, found.high) == (draws[:, 0].min(), draws[:, 0].max())
        assert next_draw_limits(np.arange(1, 1000)) == pytest.approx([25, 975])
        for limits, interval in ((next_draw_limits, next_draw_interval), (prediction_limits, prediction_interval)):
            each = [interval(column) for column in draws.T]
            np.testing.assert_allclose(limits(draws), [[own.low for own in each], [own.high for own in each]])


class TestAlikeness:
    @pytest.mark.parametrize(("groups", "expected"), [([0, 0, 1, 1], 1.0), ([0, 1, 0, 1], -1.0)])
    def test_pairs_are_alike_or_as_unlike_as_can_be(self, groups: list[int], expected: float) -> None:
        with np.errstate(invalid="ignore"):
            assert intraclass_correlation([1.0, 1.0, 5.0, 5.0], groups).value == pytest.approx(expected)

    def test_effective_rows_predict_the_variance_of_a_mean(self) -> None:
        random, sizes = np.random.default_rng(1), np.array([2, 8, 30] * 20)
        groups = np.repeat(np.arange(60), sizes)
        means = [(random.normal(0, 1, 60)[groups] + random.normal(0, 2, len(groups))).mean() for _ in range(4000)]
        assert 5 / np.var(means) == pytest.approx(effective_rows(1 / 5, sizes), rel=0.08)
