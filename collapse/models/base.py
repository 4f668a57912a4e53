"""The base of all records: immutable, with leading batch axes, and short when printed."""

from dataclasses import dataclass

import numpy as np

from collapse import validation

record = dataclass(frozen=True, init=False, eq=False, repr=False)
"""The decorator of records that check what they are made of in an ``__init__`` of their own."""


LARGEST = 2**63 - 1  # data in a pool


class Record:
    """What records share.

    ``_axes`` names the fields that have the axes of the batch, each with the number of its axes
    behind these, or with None for a record in a record. Other fields are the same for all laws.
    """

    _axes = {}  # noqa: RUF012

    def _set(self, **parts):
        """Fill the record, once, in ``__init__``."""
        self.__dict__.update(parts)

    @classmethod
    def _of(cls, **parts):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(parts)
        return model

    @property
    def batch(self):
        """Shape of the batch, () for one law."""
        name, axes = next(iter(self._axes.items()))
        part = getattr(self, name)
        return part.batch if axes is None else part.shape[: part.ndim - axes]

    def _mapped(self, function, nested):
        """Return the record with a function of (part, axes) applied to the parts with a batch."""
        parts = dict(self.__dict__)
        for name, axes in self._axes.items():
            parts[name] = nested(parts[name]) if axes is None else function(parts[name], axes)
        return self._of(**parts)

    def __getitem__(self, index):
        """Return the laws at an index of the batch, for instance those of one chain."""
        batch = self.batch

        def taken(part, axes):
            return np.broadcast_to(part, batch + part.shape[part.ndim - axes :])[index]

        return self._mapped(taken, lambda part: part[index])

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""

        def laid(part, axes):
            return np.broadcast_to(part, (chains, *part.shape[part.ndim - axes :]))

        return self._mapped(laid, lambda part: part.broadcast(chains))

    def __repr__(self):
        parts = (f"{name}={validation.short(part)}" for name, part in self.__dict__.items())
        return f"{type(self).__name__}({', '.join(parts)})"


class Statistics:
    """Sufficient statistics; adding two of them gives those of the two samples put together.

    Raw samples may be added too. A pool that could not be counted in 64 bits is refused.
    """

    __array_ufunc__ = None  # an array on the left leaves the addition to __radd__

    def _like(self, samples):
        """Return the statistics of raw samples of the same kind."""
        return type(self).of(samples)

    def __add__(self, other):
        other = self._like(other) if isinstance(other, np.ndarray) else other
        if int(self.size) + int(other.size) > LARGEST:
            raise ValueError(
                f"sample_size must let the pooled data be at most 2**63 - 1, got {self.size} and "
                f"{other.size} of them"
            )
        return self._pooled(other)

    __radd__ = __add__


def needs(truth, *names):
    """Refuse a law that lacks what a fit to endless samples of it needs."""
    missing = [name for name in names if not hasattr(truth, name)]
    if missing:
        raise ValueError(
            f"truth must be a law with {' and '.join(names)}, got {validation.short(truth)}"
        )
