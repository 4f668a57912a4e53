"""Data of mixed origin: to estimate from them, and to test them."""

import numpy as np

from collapse import validation


def unmarked_estimates(
    share, probability, generated, *, size, missed=1.0, assumed=None, chains, rng
):
    """Draw mixtures, and estimate an item's real probability from the data without a mark.

    Parameters
    ----------
    share : float
        The share of real data, above 0.
    probability, generated : float
        The item's probability in real and in generated data.
    size : int
        N, the number of data.
    missed : float
        The probability that a generated datum carries no mark: 1 for no marks, 0 for labels. Real
        data never carry one.
    assumed : float or array_like of shape (chains,), optional
        The share of real data that the estimator assumes, above 0; the true one by default.
    chains : int
        The number of independent mixtures.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    ndarray, shape (chains,)
        The share of items among the unmarked data, less what is expected of the generated ones
        among them; NaN where there are no unmarked data.

    Raises
    ------
    ValueError
        If an argument is out of range.
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
    """Return the smallest number of draws at which a test has the power wanted.

    Parameters
    ----------
    power : callable
        ``power(size)``, which does not fall as the size grows.
    target : float
        The power wanted, above 0 and at most 1.

    Returns
    -------
    int
        The size.

    Raises
    ------
    ValueError
        If the target is out of range, or not reached at a size of 2**40.
    """
    target = validation.real("target", target, 0, 1, open_below=True)
    high = 1
    while power(high) < target:
        high *= 2
        if high > 2**40:
            raise ValueError(f"target must be reached by size 2**40, got {target!r}")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= target else (middle, high)
    return high
