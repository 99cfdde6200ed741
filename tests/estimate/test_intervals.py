"""Shares and means with their intervals, against values that others have worked out."""

import random

import pytest

from execground_ray.estimate.intervals import bootstrap, scaled, wilson


@pytest.mark.parametrize(
    ("count", "size", "low", "high"),
    # R: prop.test(count, size, correct = FALSE)
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (189, 300, 0.5741, 0.6827)],
)
def test_a_share_has_wilsons_interval(count, size, low, high):
    assert wilson(count, size) == pytest.approx((count / size, low, high), abs=1e-3)


def test_the_interval_of_a_mean_holds_it_19_times_of_20():
    chance = random.Random(1)
    held = 0
    for seed in range(100):
        _, low, high = bootstrap([chance.expovariate(1) for _ in range(200)], seed)
        held += low <= 1 <= high
    assert 88 <= held <= 100


def test_the_same_seed_gives_the_same_interval():
    assert bootstrap([1, 2, 30], 5) == bootstrap([1, 2, 30], 5)
    assert bootstrap([4.0] * 9, 5) == (4, 4, 4)
    assert scaled((1, 0, 2), 10) == (10, 0, 20)
