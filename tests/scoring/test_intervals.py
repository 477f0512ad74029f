"""Intervals: they cover what they should, and clusters widen them as theory says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from labcode.scoring.intervals import (
    Confusions,
    block_draws,
    cluster_bootstrap,
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


def mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


class TestClusters:
    def test_with_a_cluster_a_row_the_interval_is_the_textbooks(self) -> None:
        values = np.random.default_rng(0).normal(10, 2, 900)
        found = cluster_bootstrap(np.column_stack([values, np.ones(900)]), np.arange(900), mean, draws=4000)
        half = 1.96 * values.std(ddof=1) / 30
        assert found.value == pytest.approx(values.mean())
        assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)

    def test_repeating_every_row_does_not_narrow_a_clustered_interval(self) -> None:
        errors = np.random.default_rng(0).normal(0, 1, 200)
        once = rmse_interval(errors, np.arange(200))
        tenfold = rmse_interval(np.repeat(errors, 10), np.repeat(np.arange(200), 10))
        naive = rmse_interval(np.repeat(errors, 10), np.arange(2000))
        assert once.value == pytest.approx(np.sqrt((errors**2).mean()))
        assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
        assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)

    def test_days_that_depend_on_their_neighbours_need_blocks_and_others_lose_nothing(self) -> None:
        shocks = np.random.default_rng(0).normal(0, 1, 4000)
        days = [0.0]
        for shock in shocks:
            days.append(0.7 * days[-1] + shock)
        for values, wider in ((days, (1.7 / 0.3) ** 0.5), (shocks, 1.0)):  # the textbook's, for this autocorrelation
            alone, monthly = (mean_interval(values, np.arange(len(values)), block=block) for block in (1, 20))
            assert alone.value == monthly.value
            assert (monthly.high - monthly.low) / (alone.high - alone.low) == pytest.approx(wider, rel=0.15)

    def test_a_block_is_a_tenth_of_the_clusters_at_most(self) -> None:
        days = np.arange(30.0)
        assert mean_interval(days, days, block=20) == mean_interval(days, days, block=3)
        assert mean_interval(days[:9], days[:9], block=20) == mean_interval(days[:9], days[:9])

    def test_a_block_holds_neighbours_of_which_the_first_follows_the_last(self) -> None:
        drawn = block_draws(30, np.random.default_rng(0), draws=200, block=3)
        assert (drawn.sum(axis=1) == 30).all()
        assert (np.abs(drawn - np.roll(drawn, 1, axis=1)).sum(axis=1) <= 2 * 10).all()
        assert (drawn[:, 0] > 0).mean() == pytest.approx((drawn[:, 15] > 0).mean(), abs=0.15)

    def test_skill_is_zero_against_oneself_and_its_interval_is_paired(self) -> None:
        squared = np.random.default_rng(0).chisquare(1, 500)
        for own, skill in ((squared, 0.0), (squared / 2, 0.5)):
            found = skill_interval(own, squared, np.arange(500))
            assert (found.value, found.low, found.high) == pytest.approx((skill, skill, skill))


class TestTwoWays:
    def test_it_covers_what_dates_and_symbols_both_move(self) -> None:
        """Rows with an effect of their date and one of their symbol: intervals over dates alone are too narrow."""
        random = np.random.default_rng(0)
        dates, symbols = (axis.ravel() for axis in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
        both, one = 0, 0
        for _ in range(60):
            values = random.normal(0, 1, 60)[dates] + random.normal(0, 1, 40)[symbols] + random.normal(0, 1, 2400)
            found = two_way_interval(np.column_stack([values, np.ones(2400)]), dates, symbols, mean, draws=400)
            assert found.value == pytest.approx(values.mean())
            both += found.low < 0 < found.high
            alone = mean_interval(values, dates, draws=400)
            one += alone.low < 0 < alone.high
        assert both >= 52 and one < 50

    def test_it_does_not_depend_on_the_order_or_the_names_of_rows(self) -> None:
        random = np.random.default_rng(0)
        dates, symbols = random.integers(0, 50, 500), random.integers(0, 8, 500)
        parts = np.column_stack([random.normal(size=500), np.ones(500)])
        order = random.permutation(500)
        names = np.array(list("abcdefgh"))[symbols]
        expected = two_way_interval(parts, dates, symbols, mean, block=5)
        found = two_way_interval(parts[order], dates[order], names[order], mean, block=5)
        assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


class TestConfusions:
    random = np.random.default_rng(0)
    y = random.choice(4, 600, p=[0.7, 0.2, 0.08, 0.02])
    calls = np.where(random.random(600) < 0.7, y, random.choice(4, 600))

    def test_resamples_keep_the_classes_and_the_pairs(self) -> None:
        found = Confusions.of(self.y, [self.calls, self.calls], 4)
        np.testing.assert_array_equal(found.counts, confusion_counts(self.y, [self.calls, self.calls], 4))
        assert (found.draws.sum(axis=-1) == np.bincount(self.y)).all()
        gain = found.interval(lambda counts: accuracy(counts[..., 0, :, :]) - accuracy(counts[..., 1, :, :]))
        assert (gain.value, gain.low, gain.high) == (0, 0, 0), "a predictor gains nothing over itself"

    def test_an_interval_of_a_recall_is_the_textbooks(self) -> None:
        y, predicted = np.ones(400, dtype=int), (np.arange(400) < 300).astype(int)
        found = Confusions.of(y, [predicted], 2, draws=4_000).intervals(lambda counts: recalls(counts[..., 0, :, :]))
        half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
        assert (found[1].low, found[1].high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.005)

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

    @pytest.mark.parametrize("interval", [prediction_interval, next_draw_interval, mean_of_seeds])
    def test_a_single_seed_vouches_for_nothing(self, interval: Callable) -> None:
        found = interval([1.0])
        assert (found.value, found.low, found.high) == (1.0, -np.inf, np.inf)

    def test_quantiles_promise_no_more_than_was_seen(self) -> None:
        draws = np.random.default_rng(0).exponential(size=30)
        found = next_draw_interval(draws)
        assert (found.low, found.high) == (draws.min(), draws.max())
        assert next_draw_limits(np.arange(1, 1000)) == pytest.approx([25, 975])

    def test_limits_of_many_figures_are_those_of_each(self) -> None:
        values = np.random.default_rng(0).normal(size=(50, 3))
        for limits, interval in ((next_draw_limits, next_draw_interval), (prediction_limits, prediction_interval)):
            each = [interval(column) for column in values.T]
            np.testing.assert_allclose(limits(values), [[own.low for own in each], [own.high for own in each]])


class TestAlikeness:
    @pytest.mark.parametrize(("groups", "expected"), [([0, 0, 1, 1], 1.0), ([0, 1, 0, 1], -1.0)])
    def test_pairs_are_alike_or_as_unlike_as_can_be(self, groups: list[int], expected: float) -> None:
        with np.errstate(invalid="ignore"):
            assert intraclass_correlation([1.0, 1.0, 5.0, 5.0], groups).value == pytest.approx(expected)

    def test_it_finds_the_share_it_was_made_with(self) -> None:
        random = np.random.default_rng(0)
        groups = np.repeat(np.arange(3000), random.integers(4, 12, 3000))
        values = 1e4 + random.normal(0, 2, 3000)[groups] + random.normal(0, 4, len(groups))
        found = intraclass_correlation(values, groups)
        assert found.low < 4 / 20 < found.high
        assert found.high - found.low < 0.05

    def test_effective_rows_predict_the_variance_of_a_mean(self) -> None:
        random, sizes = np.random.default_rng(1), np.array([2, 8, 30] * 20)
        groups = np.repeat(np.arange(60), sizes)
        means = [(random.normal(0, 1, 60)[groups] + random.normal(0, 2, len(groups))).mean() for _ in range(4000)]
        assert 5 / np.var(means) == pytest.approx(effective_rows(1 / 5, sizes), rel=0.08)
