"""Data as reality: the draws of a bootstrap and of a choice without replacement."""

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.measure import distances
from collapse.models.empirical import Empirical
from collapse.models.gaussian import FitGaussian
from collapse.recursion import recurse
from collapse.seeds import seeded

VALUES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
each_way = pytest.mark.parametrize("in_order", [False, True])


@each_way
def test_without_replacement_each_is_drawn_once(in_order):
    law = Empirical(VALUES, in_order=in_order).broadcast(4000)
    drawn = law.sample(5, seeded(1))
    np.testing.assert_array_equal(np.sort(drawn), np.tile(VALUES, (4000, 1)))
    assert (len(np.unique(drawn, axis=0)) == 1) == in_order
    few = law.sample(2, seeded(2))
    assert (few[:, 0] != few[:, 1]).all()
    assert (few[:, 0] < few[:, 1]).all() == in_order
    # the mean of 2 of N has the variance of a mean times (N - M)/(N - 1)
    squared = (few.mean(axis=1) - VALUES.mean()) ** 2
    assert_agrees(squared, VALUES.var() / 2 * 3 / 4)
    assert_refutes(squared, VALUES.var() / 2)


def test_with_replacement_it_is_the_bootstrap():
    law = Empirical(VALUES, replacement=True).broadcast(4000)
    few = law.sample(2, seeded(3))
    assert_agrees((few.mean(axis=1) - VALUES.mean()) ** 2, VALUES.var() / 2)
    assert_agrees(few[:, 0] == few[:, 1], 1 / 5)
    assert law.sample(9, seeded(3)).shape == (4000, 9)


@each_way
@pytest.mark.parametrize("replacement", [False, True])
def test_data_of_any_shape(replacement, in_order):
    pictures = np.arange(48).reshape(6, 4, 2)
    law = Empirical(pictures, replacement=replacement, in_order=in_order)
    assert law.batch == () and law.size == 6
    drawn = law.broadcast(3).sample(5, seeded(4))
    assert drawn.shape == (3, 5, 4, 2) and drawn.dtype == pictures.dtype
    np.testing.assert_array_equal(drawn, pictures[drawn[..., 0, 0] // 8])
    batch = Empirical(pictures, event=1, replacement=replacement, in_order=in_order)
    assert batch.batch == (6,) and batch.size == 4
    for chain, rows in enumerate(batch.sample(3, seeded(5))):
        assert np.isin(rows[:, 0], pictures[chain, :, 0]).all()
    np.testing.assert_array_equal(batch[2].data, pictures[2])


def test_moments_and_quantiles():
    law = Empirical(VALUES)
    assert law.mean == VALUES.mean() and law.variance == law.total_variance == VALUES.var()
    vectors = Empirical(np.stack([VALUES, -VALUES], axis=-1))
    assert distances.total_variance(vectors) == pytest.approx(2 * VALUES.var())
    np.testing.assert_array_equal(law.cdf([0.5, 1, 7, 99]), [0, 0.2, 0.6, 1])
    np.testing.assert_array_equal(law.quantiles(np.array([-9.0, 0.0, 9.0])), [1, 4, 16])
    assert np.isnan(law.cdf([np.nan])).all()


def test_data_as_reality():
    lineage = recurse(
        Empirical(VALUES), FitGaussian(ddof=0), sample_size=5, generations=2, chains=3, rng=1
    )
    np.testing.assert_allclose(lineage[1].mean, VALUES.mean())
    np.testing.assert_allclose(lineage[1].variance, VALUES.var())
    with pytest.raises(ValueError, match="sample_size"):
        recurse(Empirical(VALUES), FitGaussian(ddof=0), sample_size=6, generations=1, rng=1)


@pytest.mark.parametrize("data", [["a"], [np.nan], [], 3.0, [1j]])
def test_bad_data(data):
    with pytest.raises(ValueError, match="data"):
        Empirical(data)


def test_it_does_not_follow_its_input_and_is_short_when_printed():
    data = np.arange(1000.0)
    law = Empirical(data)
    data[:] = 0
    assert law.mean == 499.5
    assert len(repr(law)) < 120
