"""A number that was predicted beside the number observed: what claims and checks are made of."""

from typing import NamedTuple

import numpy as np


class Comparison(NamedTuple):
    """One number that was predicted, the number observed, and its standard error."""

    quantity: str
    predicted: float
    observed: float
    standard_error: float

    @property
    def z(self):
        """Distance of the observation from the prediction in standard errors."""
        return (self.observed - self.predicted) / self.standard_error


def compare(quantity, predicted, values):
    """Compare the mean of independent `values`, one for each chain, with what is `predicted`."""
    values = np.asarray(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return Comparison(quantity, float(predicted), float(values.mean()), float(error))
