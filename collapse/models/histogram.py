"""Histograms on a fixed grid: uniform within each bin, a vocabulary of bins."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.categorical import Categorical, CategoricalCounts, FitCategorical
from collapse.models.inversion import by_row
from collapse.models.kde import raw_samples


@dataclass(frozen=True, init=False, eq=False)
class Histogram:
    """Laws with a constant density in each bin, one for each entry of the batch.

    Parameters
    ----------
    masses : array_like, shape (..., B)
        Probabilities of the bins.
    edges : array_like, shape (B + 1,)
        The ends of the bins, increasing, the same for the whole batch.

    Attributes
    ----------
    bins : Categorical
        The law of the bin that a draw falls in.
    edges : ndarray, shape (B + 1,)

    Raises
    ------
    ValueError
        If the masses are not probabilities, or `edges` are not B + 1 increasing numbers.
    """

    bins: Categorical
    edges: np.ndarray

    def __init__(self, masses, edges):
        bins, edges = Categorical(masses), _edges(edges)
        if len(edges) != bins.categories + 1:
            raise ValueError(
                f"edges must be {bins.categories + 1} for {bins.categories} bins, got {len(edges)}"
            )
        self.__dict__.update(bins=bins, edges=edges)

    @classmethod
    def _of(cls, bins, edges):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(bins=bins, edges=edges)
        return model

    @property
    def masses(self):
        """Probabilities of the bins, shape (..., B)."""
        return self.bins.probabilities

    @property
    def mean(self):
        """Mean, shape (...)."""
        return self.masses @ ((self.edges[1:] + self.edges[:-1]) / 2)

    @property
    def variance(self):
        """Variance, shape (...)."""
        middle = (self.edges[1:] + self.edges[:-1]) / 2 - self.mean[..., None]
        return (self.masses * (middle**2 + np.diff(self.edges) ** 2 / 12)).sum(axis=-1)

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        return Histogram._of(self.bins.broadcast(chains), self.edges)

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size)."""
        index = self.bins.sample(size, rng)
        return self.edges[index] + np.diff(self.edges)[index] * rng.random(index.shape)

    def statistics(self, size, rng):
        """Draw the counts of the bins in a sample of ``size`` values, without the values."""
        return HistogramCounts(self.edges, self.bins.statistics(size, rng))

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats; a bin holds its left end, the last both."""
        x = np.asarray(x, dtype=float)
        index = _bin(x, self.edges)
        density = self.bins.logpmf(index) - np.log(np.diff(self.edges))[index]
        return np.where((x < self.edges[0]) | (x > self.edges[-1]), -np.inf, density)

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        x = np.clip(np.asarray(x, dtype=float), self.edges[0], self.edges[-1])
        index = _bin(x, self.edges)
        below = np.cumsum(self.masses, axis=-1) - self.masses
        shape = (*self.bins.columns.shape[:-1], x.shape[-1])
        index = np.broadcast_to(index, shape)
        first, mass = (np.take_along_axis(a, index, axis=-1) for a in (below, self.masses))
        return first + mass * (x - self.edges[index]) / np.diff(self.edges)[index]

    def quantiles(self, scores):
        """Quantiles at normal scores, shape (..., scores)."""
        masses = self.masses
        below = np.cumsum(np.concatenate([np.zeros((*masses.shape[:-1], 1)), masses], -1), -1)
        return by_row(lambda row: np.interp(special.ndtr(scores), row, self.edges), below, scores)


@dataclass(frozen=True, eq=False)
class HistogramCounts:
    """Counts of the bins in samples.

    Adding two of them gives the counts of the two samples put together; raw samples may be added
    too.
    """

    edges: np.ndarray
    counts: CategoricalCounts

    __array_ufunc__ = None  # an array on the left leaves the addition to __radd__

    @property
    def size(self):
        """The size of the samples."""
        return self.counts.size

    @classmethod
    def of(cls, samples, edges):
        """Return the counts of raw samples, shape (..., M); outer bins count all beyond them."""
        index = _bin(raw_samples(samples), edges)
        return cls(edges, CategoricalCounts.of(index, len(edges) - 1))

    def subsample(self, size, rng, *, replacement=False):
        """Draw the counts of a random part of the data, exactly."""
        return HistogramCounts(
            self.edges, self.counts.subsample(size, rng, replacement=replacement)
        )

    def resized(self, size):
        """Return the same data, counting as if they were ``size`` of them: weighted data."""
        return HistogramCounts(self.edges, self.counts.resized(size))

    def __add__(self, other):
        if isinstance(other, np.ndarray):
            other = HistogramCounts.of(other, self.edges)
        return HistogramCounts(self.edges, self.counts + other.counts)

    __radd__ = __add__


@dataclass(frozen=True, init=False, eq=False)
class FitHistogram:
    """Fit a histogram on a fixed grid (maximum likelihood).

    Parameters
    ----------
    edges : array_like, shape (B + 1,)
        The ends of the bins, increasing. Values beyond the grid count for the outermost bins.

    Raises
    ------
    ValueError
        If `edges` are not at least two increasing numbers.
    """

    edges: np.ndarray

    minimum_size = 1

    def __init__(self, edges):
        self.__dict__.update(edges=_edges(edges))

    def __call__(self, data):
        """Fit to raw samples, shape (..., M), or to `HistogramCounts`."""
        if not isinstance(data, HistogramCounts):
            data = HistogramCounts.of(data, self.edges)
        return Histogram._of(FitCategorical(len(self.edges) - 1)(data.counts), self.edges)


def _edges(value):
    """Return the ends of the bins as an array of their own, or say what is wrong."""
    edges = validation.finite("edges", value).copy()
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError(f"edges must be at least two increasing numbers, got {value!r}")
    return edges


def _bin(x, edges):
    """Return the bin of each value, the outermost ones for values beyond the grid."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
