"""Data of mixed origin: a stream behind a detector, and the sample that a test needs."""

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
        chosen, found = np.empty_like(real), np.zeros(len(real), dtype=int)
        for _ in range(1000):
            drawn, kept = self._stream(step, rng)
            place = found[:, None] + np.cumsum(kept, axis=1) - 1
            kept &= place < step.size
            chosen[np.nonzero(kept)[0], place[kept]] = drawn[kept]
            found += kept.sum(axis=1)
            if found.min() == step.size:
                return chosen, memory
        raise ValueError(
            "keep_real and keep_generated must let enough through, "
            f"got {found.min()} of {1000 * step.size} data"
        )

    def _stream(self, step, rng):
        """Return a stretch of the stream, and which of it is kept, shape (chains, size)."""
        drawn = step.newest.sample(step.size, rng)
        real = rng.random(drawn.shape[:2]) < self.share
        drawn[real] = step.reality.sample(step.size, rng)[real]
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
