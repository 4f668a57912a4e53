"""Data of mixed origin: to learn from them, to estimate from them, and to test them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collapse import _validate


@dataclass(frozen=True)
class Filtered:
    """Learn from a stream of real and generated data, behind a detector that makes errors.

    A policy as in `collapse.policies`. From generation 1 on every datum of the stream is fresh
    and real with probability `share`, and a draw of the newest model otherwise; the next fit sees
    the first M_n that the detector keeps, as raw samples.

    Parameters
    ----------
    share : float
        The share u of real data in the stream, in [0, 1].
    keep_real, keep_generated : float or callable
        The probability that a real and that a generated datum are kept, or
        ``keep(samples)`` that returns it for samples of shape (chains, size, ...), as an array of
        shape (chains, size).

    Raises
    ------
    ValueError
        If a probability is out of range; in a run, if `keep_real` or `keep_generated` returns
        anything else, or so little is kept that a stream a thousand times as long as M_n is not
        enough.
    """

    share: float
    keep_real: float | Callable = 1.0
    keep_generated: float | Callable = 1.0

    def __post_init__(self):
        _validate.real("share", self.share, 0, 1)
        for name in ("keep_real", "keep_generated"):
            if not callable(getattr(self, name)):
                _validate.real(name, getattr(self, name), 0, 1)

    def __call__(self, step, memory, rng):
        """Draw from the stream until every chain has enough."""
        real = step.reality.sample(step.size, rng)
        if step.generation == 0:
            return real, memory
        chosen, found, passed, length = np.empty_like(real), np.zeros(len(real), int), 0, step.size
        while passed < 1000 * step.size:
            drawn, kept = self._stream(step, length, rng)
            passed += length
            place = found[:, None] + np.cumsum(kept, axis=1) - 1
            kept &= place < step.size
            chosen[np.nonzero(kept)[0], place[kept]] = drawn[kept]
            found += kept.sum(axis=1)
            missing = step.size - found.min()
            if not missing:
                return chosen, memory
            # about as much more as will do
            length = int(min(1.2 * missing * passed / max(found.mean(), 1), 64 * step.size)) + 8
        raise ValueError(
            "keep_real and keep_generated must let enough through, "
            f"got {found.min()} of {passed} data"
        )

    def _stream(self, step, length, rng):
        """Return a stretch of the stream, and which of it is kept, shape (chains, length)."""
        drawn = step.newest.sample(length, rng)
        real = rng.random(drawn.shape[:2]) < self.share
        number = real.sum(axis=1)
        if number.any():
            fresh = step.reality.sample(number.max(), rng)
            drawn[real] = fresh[np.arange(number.max()) < number[:, None]]
        keep = np.where(
            real,
            _probability("keep_real", self.keep_real, drawn),
            _probability("keep_generated", self.keep_generated, drawn),
        )
        return drawn, rng.random(keep.shape) < keep


def _probability(name, keep, drawn):
    """Return the probability to keep each datum."""
    if not callable(keep):
        return keep
    keep = _validate.nonnegative(name, keep(drawn))
    if keep.shape != drawn.shape[:2] or (keep > 1).any():
        raise ValueError(
            f"{name} must return probabilities of shape {drawn.shape[:2]}, "
            f"got shape {keep.shape} and a largest value of {keep.max(initial=0)}"
        )
    return keep


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
    share = _validate.real("share", share, 0, 1, open_below=True)
    missed = _validate.real("missed", missed, 0, 1)
    size = _validate.integer("size", size, 1)
    assumed = _validate.nonnegative("assumed", share if assumed is None else assumed)
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
    target = _validate.real("target", target, 0, 1, open_below=True)
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
