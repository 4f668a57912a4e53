"""Data of mixed origin: to estimate from them, and to test them."""

from bisect import bisect_left

import numpy as np

from collapse import validation


def unmarked_estimates(
    share, probability, generated, *, size, missed=1.0, assumed=None, chains, rng
):
    """Draw mixtures, and estimate an item's real `probability` from unmarked data, shape (chains,).

    `share` of the `size` data are real, `generated` is the item's probability in the others, which
    carry no mark with the probability `missed`: 1 for no marks, 0 for labels. Real data never
    carry one. `assumed` is the share of real data that the estimator assumes, a number or one for
    each chain; the true one by default. The estimate is the share of items among the unmarked
    data, less what is expected of the generated ones among them; NaN where there are none.
    """
    share = validation.real("share", share, 0, 1, open_below=True)
    missed = validation.real("missed", missed, 0, 1)
    size = validation.integer("size", size, 1)
    assumed = validation.nonnegative("assumed", share if assumed is None else assumed)
    if ((assumed == 0) | (assumed > 1)).any():
        raise ValueError("assumed must be shares above 0 and at most 1, got one that is not")
    real = rng.binomial(size, share, chains)
    unmarked = rng.binomial(size - real, missed)
    items = rng.binomial(real, probability) + rng.binomial(unmarked, generated)
    among = assumed / (assumed + (1 - assumed) * missed)
    with np.errstate(invalid="ignore"):
        return (items / (real + unmarked) - (1 - among) * generated) / among


def smallest_size(power, target=0.9):
    """Return the smallest number of draws at which a test has the power `target`.

    ``power(size)`` must not fall as the size grows, and reach the target by a size of 2**40.
    """
    target = validation.real("target", target, 0, 1, open_below=True)
    high = 1
    while power(high) < target:
        high *= 2
        if high > 2**40:
            raise ValueError(f"target must be reached by size 2**40, got {target!r}")
    sizes = range(high // 2 + 1, high + 1)
    return sizes[bisect_left(sizes, target, hi=len(sizes) - 1, key=power)]
