"""Blocks of frames: how long, how drawn, and what an interval made from them promises."""

import numpy as np
import pytest

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import (
    Bootstrap,
    Estimate,
    block_length,
    choose_blocks,
    draw_sums,
    estimate,
)

QUICK = Bootstrap(resamples=300, level=0.9)
MANY_BLOCKS = (0.05, 0.95)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"resamples": 10}, "100 draws"),
        ({"level": 95}, "between 0 and 1"),
        ({"block_length": 0}, "at least one frame"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_senseless_bootstrap_is_refused(fields, why):
    with pytest.raises(InputError, match=why):
        Bootstrap(**fields)


def test_blocks_grow_with_correlation_and_length():
    assert block_length(1.0, 100) == 1
    lengths = [block_length(g, 100) for g in (1, 2, 5, 20)]
    assert lengths == sorted(lengths)
    assert block_length(5.0, 800) == pytest.approx(2 * block_length(5.0, 100), abs=1)
    assert block_length(1e6, 10) == 10
    # Carlstein's formula for rho = 0.5, which is g = 3.
    expected = (np.sqrt(6) * 0.5 / (1 - 0.25)) ** (2 / 3) * 1000 ** (1 / 3)
    assert block_length(3.0, 1000) == int(np.ceil(expected))


def correlated(seed, rho, n):
    values = np.random.default_rng(seed).standard_normal(n + 200)
    for t in range(1, len(values)):
        values[t] = rho * values[t - 1] + np.sqrt(1 - rho**2) * values[t]
    return values[200:]


def test_every_run_gives_as_many_frames_to_a_draw_as_it_has():
    runs = ["a"] * 7 + ["b"] * 12
    blocks = choose_blocks(np.zeros((1, 19)), runs, Bootstrap(block_length=5))
    is_a = np.array([one == "a" for one in runs], float)
    sums = draw_sums([is_a, 1 - is_a], blocks, QUICK)
    assert (sums[0] == 7).all()
    assert (sums[1] == 12).all()
    assert blocks.n_blocks == 2 + 3


def test_every_frame_is_drawn_equally_often():
    blocks = choose_blocks(np.zeros((1, 10)), [0] * 10, Bootstrap(block_length=3))
    often = draw_sums(np.eye(10), blocks, Bootstrap(4000)).mean(axis=1)
    assert often == pytest.approx(np.ones(10), abs=0.08)


def test_one_seed_draws_the_same_frames_for_everything():
    runs = [0] * 20
    blocks = choose_blocks(np.zeros((1, 20)), runs, QUICK)
    values = np.random.default_rng(0).normal(size=(2, 20))
    both = draw_sums(values, blocks, QUICK)
    assert both[1] == pytest.approx(draw_sums(values[1:], blocks, QUICK)[0])
    assert both[0] - both[1] == pytest.approx(draw_sums(values[:1] - values[1:], blocks, QUICK)[0])
    assert both[0] != pytest.approx(draw_sums(values[:1], blocks, Bootstrap(300, seed=1))[0])


def test_the_slowest_series_decides_on_the_blocks():
    n = 4000
    fast, slow = correlated(0, 0.0, n), correlated(1, 0.8, n)
    one = choose_blocks([fast], [0] * n, QUICK)
    both = choose_blocks([fast, slow], [0] * n, QUICK)
    assert one.length < 10 < both.length
    # Of a series with rho = 0.8 nine values, (1 + rho) / (1 - rho), are worth one.
    assert both.effective_frames == pytest.approx(n / 9, rel=0.3)
    assert one.is_trusted


def test_the_mean_of_a_correlated_run_is_in_its_interval_about_as_often_as_it_should_be():
    hits = 0
    for seed in range(100):
        series = correlated(seed, 0.6, 300)
        blocks = choose_blocks([series], [0] * 300, QUICK)
        found = estimate(series.mean(), draw_sums([series], blocks, QUICK)[0] / 300, MANY_BLOCKS)
        hits += found.low <= 0 <= found.high
    assert 78 <= hits <= 97


def share_of_hits(n_runs, n_frames, widened):
    """Share of intervals of 90 % that hold the mean of short runs of independent frames."""
    hits, draws = 0, Bootstrap(1000, 0.9, block_length=1)
    runs = np.repeat(np.arange(n_runs), n_frames).tolist()
    for seed in range(300):
        series = np.random.default_rng(seed).standard_normal(len(runs))
        blocks = choose_blocks([series], runs, draws)
        ends = blocks.ends(0.9) if widened else MANY_BLOCKS
        sums = draw_sums([series], blocks, draws)[0]
        found = estimate(series.mean(), sums / len(runs), ends)
        hits += found.low <= 0 <= found.high
    return hits / 300


@pytest.mark.parametrize(("n_runs", "n_frames"), [(3, 4), (1, 6)])
def test_few_blocks_have_wider_intervals_which_hold_the_truth(n_runs, n_frames):
    assert share_of_hits(n_runs, n_frames, widened=False) < 0.85
    assert 0.87 < share_of_hits(n_runs, n_frames, widened=True) < 0.95


def test_many_blocks_need_no_widening():
    blocks = choose_blocks(np.zeros((1, 5000)), [0] * 5000, QUICK)
    assert blocks.ends(0.9) == pytest.approx(MANY_BLOCKS, abs=1e-3)
    alone = choose_blocks(np.zeros((1, 2)), ["a", "b"], QUICK)
    assert (alone.freedom, alone.ends(0.9)) == (0, (0.0, 1.0))


@pytest.mark.parametrize(
    ("found", "sign"),
    [
        (Estimate(1.0, 0.5, 1.5), 1),
        (Estimate(-1.0, -1.5, -0.5), -1),
        (Estimate(1.0, -0.1, 1.5), 0),
        (Estimate(0.0, 0.0, 0.0), 0),
        (Estimate(1.0), 0),
    ],
)
def test_an_interval_is_on_one_side_of_zero_or_not(found, sign):
    assert found.sign == sign


def test_shapes_are_checked():
    with pytest.raises(InputError, match="do not fit 3 frames"):
        choose_blocks(np.zeros((1, 4)), [0] * 3, QUICK)
    with pytest.raises(InputError, match="not finite"):
        choose_blocks([[np.nan]], [0], QUICK)


@pytest.mark.parametrize(("n_runs", "length"), [(8, 6), (10, 5), (30, 2)])
def test_short_runs_are_not_trusted_however_many_there_are(n_runs, length):
    # Frames that hardly differ within a run: what is seen there says nothing about the others.
    random = np.random.default_rng(0)
    series = np.repeat(random.standard_normal(n_runs), length)
    series = series + 0.1 * random.standard_normal(n_runs * length)
    runs = np.repeat(np.arange(n_runs), length).tolist()
    assert not choose_blocks(series[None], runs, Bootstrap()).is_trusted


def test_three_long_runs_are_trusted():
    series = np.random.default_rng(1).standard_normal((1, 300))
    runs = np.repeat([0, 1, 2], 100).tolist()
    assert choose_blocks(series, runs, Bootstrap()).is_trusted
