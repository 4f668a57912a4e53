"""Laws over K categories: a vocabulary, the alleles of a gene, the faces of a die."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, Statistics, record

# chains are drawn in blocks of about this many probabilities, which bounds the memory of a draw
_BLOCK = 2**22
# up to so many columns, draws look each column up for all chains at once
_FEW = 16


@record
class Categorical(Record):
    """Categorical laws with `probabilities` of shape (..., K), which sum to one over the last axis.

    Stored are W `columns` (..., W), the `support` (..., W), which is the category of each, and the
    number K of `categories`. A fit drops the columns that died, so that time and memory follow what
    is alive and not K; a chain with fewer than W categories alive is padded with zeros, and a law
    with one column left is a point, and stays one.
    """

    _axes = {"columns": 1, "support": 1}  # noqa: RUF012
    columns: np.ndarray
    support: np.ndarray
    categories: int

    def __init__(self, probabilities):
        columns = validation.probabilities("probabilities", probabilities)
        support = np.broadcast_to(np.arange(columns.shape[-1]), columns.shape)
        columns, support = _largest_last(columns, support)
        self._set(columns=columns, support=support, categories=columns.shape[-1])

    @classmethod
    def _of(cls, columns, support, categories):
        """Make a record from parts that are known to be valid."""
        return super()._of(columns=columns, support=support, categories=categories)

    @property
    def probabilities(self):
        """Probabilities of all K categories, shape (..., K)."""
        columns, support = _rows(self.columns), _rows(self.support)
        key = np.arange(len(columns))[:, None] * self.categories + support
        size = len(columns) * self.categories
        dense = np.bincount(key.ravel(), columns.ravel(), minlength=size)
        return dense.reshape(*self.columns.shape[:-1], self.categories)

    @property
    def entropy(self):
        """Entropy, shape (...), in nats."""
        return special.entr(self.columns).sum(axis=-1)

    def sample(self, size, rng):
        """Draw ``size`` categories from each law, integers of shape (..., size)."""
        cumulative = np.cumsum(_rows(self.columns), axis=-1)
        cumulative[:, -1] = 1.0
        uniform = rng.random((len(cumulative), size))
        # inverse distribution function: the first column whose cumulated probability exceeds u
        if cumulative.shape[-1] <= _FEW:
            column = np.zeros(uniform.shape, dtype=np.int64)
            for edge in cumulative.T[:-1]:
                column += uniform >= edge[:, None]
        else:
            pairs = zip(cumulative, uniform, strict=True)
            column = np.array([np.searchsorted(edges, u, side="right") for edges, u in pairs])
        drawn = np.take_along_axis(_rows(self.support), column, axis=-1)
        return drawn.reshape(*self.columns.shape[:-1], size)

    def statistics(self, size, rng):
        """Draw the counts of a sample of ``size`` categories, without the sample.

        The counts are multinomial; they cost a binomial draw for each column, whatever the size.
        """
        columns, support = _rows(self.columns), _rows(self.support)
        step = max(1, _BLOCK // columns.shape[-1])
        parts = []
        for start in range(0, len(columns), step):
            counts = rng.multinomial(size, columns[start : start + step])
            parts.append(_drop_dead(counts, support[start : start + step]))
        counts, kept = parts[0] if len(parts) == 1 else _stack(parts)
        batch = self.columns.shape[:-1]
        counts, kept = (a.reshape(*batch, a.shape[-1]) for a in (counts, kept))
        return CategoricalCounts(size, counts, kept, self.categories)

    def tempered(self, temperature):
        """Return the laws to the power 1/T, normalised."""
        with np.errstate(divide="ignore"):
            logits = np.log(self.columns)
        # the largest is taken off first, so that a small temperature does not turn all to zero
        logits = (logits - logits.max(axis=-1, keepdims=True)) / temperature
        columns, support = _largest_last(special.softmax(logits, axis=-1), self.support)
        return Categorical._of(columns, support, self.categories)

    def rounded(self, rounding):
        """Return the laws with a function of arrays applied to the probabilities, normalised."""
        columns = rounding(self.columns)
        columns = columns / columns.sum(axis=-1, keepdims=True)
        return Categorical._of(columns, self.support, self.categories)

    def logpmf(self, x):
        """Log probability of the categories x, shape (..., n), in nats; batch shape (...)."""
        x = validation.categories("x", x, self.categories)
        with np.errstate(divide="ignore"):
            table = np.log(self.probabilities)
        return np.take_along_axis(table, np.broadcast_to(x, (*table.shape[:-1], x.shape[-1])), -1)


@dataclass(frozen=True, eq=False)
class CategoricalCounts(Statistics):
    """Counts of each category in samples, of the columns that are stored."""

    size: int
    counts: np.ndarray
    support: np.ndarray
    categories: int

    @classmethod
    def of(cls, samples, categories):
        """Return the counts of raw samples, integers of shape (..., M), of K categories."""
        samples = validation.categories("samples", samples, categories)
        if samples.shape[-1] == 0:
            raise ValueError(f"samples must hold at least one category, got {samples.shape}")
        rows = _rows(samples)
        key, counts = np.unique(
            np.arange(len(rows))[:, None] * categories + rows, return_counts=True
        )
        counts, support = _pack(key // categories, key % categories, counts, len(rows))
        counts, support = (a.reshape(*samples.shape[:-1], -1) for a in (counts, support))
        return cls(samples.shape[-1], counts, support, categories)

    def subsample(self, size, rng, *, replacement=False):
        """Draw the counts of a random part of the data: exactly, and without the data.

        Without replacement the counts are multivariate hypergeometric, drawn column by column;
        with it they are multinomial. Without it numpy draws from fewer than 1e9 data a chain.
        """
        if replacement:
            return FitCategorical(self.categories)(self).statistics(size, rng)
        if self.size >= 10**9:
            raise ValueError(f"size of the whole must be below 1e9 data, got {self.size}")
        counts, support = _rows(self.counts), _rows(self.support)
        rest, due = np.full(len(counts), self.size), np.full(len(counts), size)
        drawn = np.zeros_like(counts)
        for column, count in enumerate(counts.T):
            rest -= count
            drawn[:, column] = rng.hypergeometric(count, rest, due)
            due -= drawn[:, column]
        drawn, support = _drop_dead(drawn, support)
        drawn, support = (a.reshape(*self.counts.shape[:-1], -1) for a in (drawn, support))
        return CategoricalCounts(size, drawn, support, self.categories)

    def resized(self, size):
        """Return the same data, counting as if they were ``size`` of them: weighted data."""
        return CategoricalCounts(
            size, self.counts * (size / self.size), self.support, self.categories
        )

    def _like(self, samples):
        return CategoricalCounts.of(samples, self.categories)

    def _pooled(self, other):
        size = self.size + other.size
        if np.array_equal(self.support, other.support):
            return CategoricalCounts(
                size, self.counts + other.counts, self.support, self.categories
            )
        batch, keys, parts = self.counts.shape[:-1], [], []
        for data in (self, other):
            counts = _rows(data.counts)
            row, column = np.nonzero(counts)
            keys.append(row * self.categories + _rows(data.support)[row, column])
            parts.append(counts[row, column])
        key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
        counts = np.zeros(len(key), dtype=np.result_type(*parts))
        np.add.at(counts, inverse, np.concatenate(parts))
        counts, support = _pack(
            key // self.categories, key % self.categories, counts, len(_rows(self.counts))
        )
        counts, support = (a.reshape(*batch, -1) for a in (counts, support))
        return CategoricalCounts(size, counts, support, self.categories)


@dataclass(frozen=True)
class FitCategorical:
    """Fit a categorical law by the observed frequencies (maximum likelihood).

    `categories` is their number K; raw samples are integers 0, ..., K - 1.
    """

    categories: int

    minimum_size = 1

    def __post_init__(self):
        validation.integer("categories", self.categories, 1)

    def __call__(self, data):
        """Fit to raw samples, integers of shape (..., M), or to `CategoricalCounts`."""
        if not isinstance(data, CategoricalCounts):
            data = CategoricalCounts.of(data, self.categories)
        counts, support = _largest_last(data.counts, data.support)
        return Categorical._of(counts / data.size, support, data.categories)

    def limit(self, truth):
        """Take over a law of the family."""
        if isinstance(truth, Categorical) and truth.categories == self.categories:
            return truth
        raise ValueError(
            f"truth must be a Categorical of {self.categories} categories, "
            f"got {validation.short(truth)}"
        )


def zipf(categories, exponent=1.0):
    """Return Zipf's law: the category of rank r, from 1, is as frequent as r to -`exponent`."""
    rank = np.arange(1.0, validation.integer("categories", categories, 1) + 1)
    weight = rank ** -validation.real("exponent", exponent, 0)
    return Categorical(weight / weight.sum())


def _rows(array):
    """View an array of shape (..., W) as rows, shape (R, W)."""
    return array if array.ndim == 2 else array.reshape(-1, array.shape[-1])


def _largest_last(values, support):
    """Swap the largest column of a chain to the end where the last one is less than half of it.

    numpy draws a multinomial column by column and gives the last one what is left over, rounding
    errors included: it must be alive, and not small.
    """
    flat = _rows(values)
    largest = flat.argmax(axis=-1)
    row = np.flatnonzero(2 * flat[:, -1] < flat[np.arange(len(flat)), largest])
    if not row.size:
        return values, support
    swapped = []
    for array in (values, support):
        copy = _rows(array).copy()
        copy[row, largest[row]], copy[row, -1] = copy[row, -1], copy[row, largest[row]]
        swapped.append(copy.reshape(array.shape))
    return swapped


def _pack(row, category, counts, rows):
    """Lay entries sorted by row into columns, padded with zeros in front, shape (rows, W)."""
    alive = np.bincount(row, minlength=rows)
    width = alive.max()
    column = width - np.cumsum(alive)[row] + np.arange(len(row))
    packed = np.zeros((rows, width), dtype=counts.dtype)
    support = np.zeros((rows, width), dtype=np.int64)
    packed[row, column], support[row, column] = counts, category
    return _largest_last(packed, support)


def _drop_dead(counts, support):
    """Drop dead columns once half of them are dead in every chain."""
    if 2 * np.count_nonzero(counts, axis=-1).max() > counts.shape[-1]:
        return counts, support
    row, column = np.nonzero(counts)
    return _pack(row, support[row, column], counts[row, column], len(counts))


def _stack(parts):
    """Put blocks of chains under each other, padded in front to a common width."""
    width = max(counts.shape[-1] for counts, _ in parts)
    return tuple(
        np.concatenate([np.pad(a, ((0, 0), (width - a.shape[-1], 0))) for a in arrays])
        for arrays in zip(*parts, strict=True)
    )
