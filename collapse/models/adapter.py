"""Laws of other libraries as models."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScipyLaw:
    """A frozen distribution of scipy.stats as a model, for instance as a reality.

    Parameters
    ----------
    distribution : scipy.stats frozen distribution
        One continuous law on the line, for instance ``scipy.stats.laplace()``.
    batch : tuple of int
        The shape of the batch that it is laid over.

    Raises
    ------
    ValueError
        If `distribution` has no ``rvs`` and ``logpdf``.
    """

    distribution: object
    batch: tuple = ()

    def __post_init__(self):
        if not all(callable(getattr(self.distribution, name, None)) for name in ("rvs", "logpdf")):
            raise ValueError(
                "distribution must be a frozen continuous distribution of scipy.stats, "
                f"got {self.distribution!r}"
            )

    @property
    def mean(self):
        """Mean, shape (...)."""
        return np.full(self.batch, self.distribution.mean())

    @property
    def variance(self):
        """Variance, shape (...)."""
        return np.full(self.batch, self.distribution.var())

    def broadcast(self, chains):
        """Lay the law over a batch of chains, shape (chains,)."""
        return ScipyLaw(self.distribution, (chains,))

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size)."""
        return self.distribution.rvs((*self.batch, size), random_state=rng)

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats."""
        return self.distribution.logpdf(np.asarray(x, dtype=float))

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        return self.distribution.cdf(np.asarray(x, dtype=float))
