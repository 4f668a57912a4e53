"""Histograms on a fixed grid: uniform within each bin, a vocabulary of bins."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, Statistics, needs, record
from collapse.models.categorical import Categorical, CategoricalCounts, FitCategorical
from collapse.models.inversion import by_row
from collapse.models.kde import raw_samples


@record
class Histogram(Record):
    """Laws with a constant density in each bin, with probabilities `masses` (..., B) of the bins.

    The ends of the bins, `edges` (B + 1,), increase and are the same for the whole batch. Stored is
    as `bins` the categorical law of the bin that a draw falls in.
    """

    _axes = {"bins": None}  # noqa: RUF012
    bins: Categorical
    edges: np.ndarray

    def __init__(self, masses, edges):
        bins, edges = Categorical(masses), _edges(edges)
        if len(edges) != bins.categories + 1:
            raise ValueError(
                f"edges must be {bins.categories + 1} for {bins.categories} bins, got {len(edges)}"
            )
        self._set(bins=bins, edges=edges)

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

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size)."""
        index = self.bins.sample(size, rng)
        return self.edges[index] + np.diff(self.edges)[index] * rng.random(index.shape)

    def statistics(self, size, rng):
        """Draw the counts of the bins in a sample of ``size`` values, without the values."""
        return HistogramCounts(self.edges, self.bins.statistics(size, rng))

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats; a bin holds its left end, the last both."""
        x = validation.numbers("x", x)
        index = _bin(x, self.edges)
        density = self.bins.logpmf(index) - np.log(np.diff(self.edges))[index]
        density = np.where((x < self.edges[0]) | (x > self.edges[-1]), -np.inf, density)
        return np.where(np.isnan(x), np.nan, density)

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        x = np.clip(validation.numbers("x", x), self.edges[0], self.edges[-1])
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
class HistogramCounts(Statistics):
    """Counts of the bins in samples."""

    edges: np.ndarray
    counts: CategoricalCounts

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

    def _like(self, samples):
        return HistogramCounts.of(samples, self.edges)

    def _pooled(self, other):
        return HistogramCounts(self.edges, self.counts + other.counts)


@record
class FitHistogram(Record):
    """Fit a histogram on a grid with increasing `edges` (B + 1,), by maximum likelihood.

    Values beyond the grid count for the outermost bins.
    """

    edges: np.ndarray

    minimum_size = 1

    def __init__(self, edges):
        self._set(edges=_edges(edges))

    def __call__(self, data):
        """Fit to raw samples, shape (..., M), or to `HistogramCounts`."""
        if not isinstance(data, HistogramCounts):
            data = HistogramCounts.of(data, self.edges)
        bins = FitCategorical(len(self.edges) - 1)(data.counts)
        return Histogram._of(bins=bins, edges=self.edges)

    def limit(self, truth):
        """Take over the masses of the bins: a projection."""
        needs(truth, "cdf", "mean")
        inner = truth.cdf(
            np.broadcast_to(self.edges[1:-1], (*truth.mean.shape, len(self.edges) - 2))
        )
        ends = [np.zeros((*inner.shape[:-1], 1)), np.ones((*inner.shape[:-1], 1))]
        below = np.concatenate([ends[0], inner, ends[1]], axis=-1)
        return Histogram(np.maximum(np.diff(below), 0), self.edges)  # rounding may go below zero


def _edges(value):
    """Return the ends of the bins as an array of their own, or say what is wrong."""
    edges = validation.finite("edges", value).copy()
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError(
            f"edges must be at least two increasing numbers, got {validation.short(value)}"
        )
    return edges


def _bin(x, edges):
    """Return the bin of each value, the outermost ones for values beyond the grid."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
