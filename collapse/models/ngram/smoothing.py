"""Smoothing: how the counts of n-grams become probabilities."""

from dataclasses import dataclass

import numpy as np

FLOOR = 0.1  # the least discount that is estimated


@dataclass(frozen=True)
class MaximumLikelihood:
    """Relative frequencies: what was never seen after a context has no probability there."""

    def lower(self, keys, counts):
        """Return the distinct keys of a lower order, and how often each occurred."""
        distinct, which = np.unique(keys, return_inverse=True)
        return distinct, np.bincount(which, counts)

    def discounts(self, counts, order):  # noqa: ARG002
        """Return what is taken from each count: nothing."""
        return np.zeros(len(counts))


@dataclass(frozen=True)
class KneserNey:
    r"""Interpolated Kneser-Ney smoothing.

    `discount` is what is taken from each count, in [0, 1]: one number for all orders, or one for
    each, unigrams first. By default three for each order are estimated from the counts (modified
    Kneser-Ney, Chen and Goodman 1999). Below the highest order, an n-gram counts once for each
    different word before it (Kneser and Ney 1995). The unigram law takes what was discounted and
    shares it evenly among all V words, so that every word keeps a positive probability. Counts that
    are not whole numbers, as a weighted prior makes them, are discounted as the next whole number,
    by no more than themselves. NLTK's interpolated Kneser-Ney has one discount, none for unigrams,
    and gives a word that never occurred no probability: ``(0, d, d)`` for trigrams.
    """

    discount: float | tuple | None = None

    def __post_init__(self):
        given = np.atleast_1d(np.asarray(0.0 if self.discount is None else self.discount))
        numbers = given.dtype.kind in "iuf" and given.ndim == 1
        if not numbers or not ((given >= 0) & (given <= 1)).all():
            raise ValueError(
                "discount must be a number in [0, 1], one for each order, or None, "
                f"got {self.discount!r}"
            )
        if np.ndim(self.discount):
            object.__setattr__(self, "discount", tuple(given.tolist()))

    def lower(self, keys, counts):  # noqa: ARG002
        """Return the distinct keys of a lower order, and how many different words preceded each."""
        return np.unique(keys, return_counts=True)

    def discounts(self, counts, order):
        """Return what is taken from each count."""
        if self.discount is None:
            rank = np.minimum(np.ceil(counts), 5).astype(np.int64)
            discount = modified_discounts(np.bincount(rank, minlength=6)[1:5])
            return np.minimum(np.concatenate([[0.0], discount])[np.minimum(rank, 3)], counts)
        discount = self.discount[order - 1] if np.ndim(self.discount) else self.discount
        return np.minimum(discount, counts)


def modified_discounts(numbers):
    r"""Return the discounts of counts of 1, 2, and 3 or more, shape (3,).

    `numbers`, shape (4,), says how many n-grams occurred once to four times. :math:`D_r = r -
    (r + 1) Y n_{r+1} / n_r` with :math:`Y = n_1 / (n_1 + 2 n_2)`. In text that a collapsed model
    wrote these may be undefined or negative: they are kept between 0.1 and r, and are 0.1 where
    nothing occurred once.
    """
    n, rank = np.asarray(numbers, dtype=float), np.arange(1, 4)
    if n[0] == 0:
        return np.full(3, FLOOR)
    share = n[0] / (n[0] + 2 * n[1])
    return np.clip(rank - (rank + 1) * share * n[1:] / np.maximum(n[:3], 1), FLOOR, rank)
