"""Data as reality: draws are some of the data themselves."""

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, record


@record
class Empirical(Record):
    """The law of given `data`, numbers of shape (N, ...), drawn without replacement.

    With `event`, the number of axes of one datum, there may be axes of a batch before: data of
    shape (..., N, event axes), others for each chain. Whoever draws all N data then has each once.
    `replacement` draws each on its own instead, as in the bootstrap. `in_order` leaves the draws in
    the order of the data, such as blocks of a text.
    """

    data: np.ndarray
    event: int
    replacement: bool
    in_order: bool

    def __init__(self, data, event=None, *, replacement=False, in_order=False):
        data = validation.array("data", data).copy()
        event = max(data.ndim - 1, 0) if event is None else validation.integer("event", event, 0)
        validation.samples("data", data, event)
        self._set(data=data, event=event, replacement=replacement, in_order=in_order)

    @property
    def _axes(self):
        return {"data": self.event + 1}

    @property
    def size(self):
        """The number N of data."""
        return self.data.shape[self.data.ndim - 1 - self.event]

    @property
    def mean(self):
        """Mean of the data, shape (..., event axes)."""
        return self.data.mean(axis=-1 - self.event)

    @property
    def variance(self):
        """Variance of the data (ddof=0), coordinate by coordinate, shape (..., event axes)."""
        return self.data.var(axis=-1 - self.event)

    @property
    def total_variance(self):
        """Sum of the variances of all coordinates, shape (...)."""
        return self.variance.sum(axis=tuple(range(-self.event, 0)))

    def sample(self, size, rng):
        """Draw ``size`` data for each law, shape (..., size, event axes)."""
        total, batch = self.size, self.batch
        if self.replacement:
            index = rng.integers(total, size=(*batch, size))
        elif size > total:
            raise ValueError(
                f"sample_size must be at most the {total} data, drawn without replacement, "
                f"got {size}"
            )
        elif not self.in_order:
            index = np.argsort(rng.random((*batch, total)), axis=-1)[..., :size]
        elif size == total:
            return self.data
        else:
            index = np.empty((*batch, size), int)
            for chain in np.ndindex(batch):
                index[chain] = rng.choice(total, size, replace=False)
        if self.in_order:
            index.sort(axis=-1)
        drawn = [self.data[chain][index[chain]] for chain in np.ndindex(batch)]
        return np.reshape(drawn, (*batch, size, *self.data.shape[self.data.ndim - self.event :]))

    def cdf(self, x):
        """Distribution function of data on the line at x, shape (..., n)."""
        x = validation.numbers("x", x)[..., None]
        return np.where(np.isnan(x[..., 0]), np.nan, (self.data[..., None, :] <= x).mean(axis=-1))

    def quantiles(self, scores):
        """Quantiles of data on the line at normal scores, shape (..., scores)."""
        ranks = np.ceil(special.ndtr(scores) * self.size).astype(int) - 1
        return np.sort(self.data, axis=-1)[..., np.clip(ranks, 0, self.size - 1)]
