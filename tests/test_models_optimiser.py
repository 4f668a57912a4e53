"""Adam against the textbook, and the batches of an epoch."""

import numpy as np
import pytest

from collapse.models import optimiser
from collapse.models.optimiser import Adam, check_finite, shuffled
from collapse.seeds import seeded


def test_steps_are_those_of_the_textbook_over_more_than_one_block():
    rng, count, rate = seeded(7), 2 * optimiser._BLOCK + 17, 0.02
    start, slopes = rng.random(count), rng.standard_normal((4, count))
    adam, by_hand = Adam(start.copy(), rate), start
    m, v = np.zeros(count), np.zeros(count)
    for t, g in enumerate(slopes, 1):
        adam.step(g.copy())
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        by_hand = by_hand - rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(adam.parameters, by_hand, rtol=1e-9)


def test_an_epoch_goes_through_the_data_once_in_another_order_for_each_chain():
    batches = list(shuffled(3, 23, 5, seeded(8)))
    assert [batch.shape for batch in batches] == [(3, 5)] * 4
    seen = np.concatenate(batches, axis=1)
    assert all(len(set(chain)) == 20 for chain in seen)
    assert len({chain.tobytes() for chain in seen}) == 3


def test_the_chain_that_diverged_is_named():
    parameters = np.zeros((3, 4))
    check_finite(parameters, 0, 2, 0.1)
    parameters[1, 2] = np.nan
    with pytest.raises(FloatingPointError, match=r"epoch 1 of 2, in chain 1; rate=0.1"):
        check_finite(parameters, 0, 2, 0.1)
