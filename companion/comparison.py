"""A number that was predicted beside the number observed: what claims and checks are made of."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Comparison(NamedTuple):
    """One number that was predicted, the number observed, and its standard error.

    `law` is that of the difference over its standard error: ``"normal"``; ``"t"``, Student's with
    count - 1 degrees of freedom; ``"binomial"``, exact, for a share of `count` runs; or ``"none"``
    where nothing is random: then the standard error is a bound of the remainder.
    """

    quantity: str
    predicted: float
    observed: float
    standard_error: float
    law: str = "normal"
    count: int = 0

    @property
    def z(self):
        """Distance of the observation from the prediction, in standard errors of a normal law.

        For another law it is the normal deviate with the same two-sided probability, at most 38.
        """
        distance = self.observed - self.predicted
        if self.law == "normal":
            return distance / self.standard_error
        if self.law == "none":
            return 0.0 if abs(distance) <= self.standard_error else float(np.sign(distance) * 38)
        if self.law == "t":
            if self.standard_error == 0:
                return float(np.sign(distance) * 38)
            chance = 2 * stats.t.sf(abs(distance) / self.standard_error, self.count - 1)
        else:
            hits = round(self.observed * self.count)
            chance = stats.binomtest(hits, self.count, self.predicted).pvalue
        deviate = stats.norm.isf(chance / 2) if chance > 0 else 38.0
        return float(np.sign(distance) * min(deviate, 38.0))


def compare(quantity, predicted, values):
    """Compare the mean of independent `values`, one for each chain, with what is `predicted`.

    Fewer than 30 values are held against Student's t.
    """
    values = np.asarray(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(len(values))
    law = "normal" if len(values) >= 30 else "t"
    return Comparison(
        quantity, float(predicted), float(values.mean()), float(error), law, len(values)
    )


def share(quantity, predicted, hits):
    """Compare the share of `hits`, a boolean for each chain, with what is `predicted`, exactly."""
    hits = np.asarray(hits)
    near = (hits.sum() + 1) / (hits.size + 2)  # one success and one failure more: never zero
    error = np.sqrt(near * (1 - near) / hits.size)
    observed = float(hits.mean())
    return Comparison(quantity, float(predicted), observed, float(error), "binomial", hits.size)


def false_alarm(comparisons, limit=5):
    """Return the probability that chance alone puts some right prediction beyond `limit`.

    Of independent comparisons; those in which nothing is random cannot fail by chance.
    """
    random = sum(comparison.law != "none" for comparison in comparisons)
    return float(-np.expm1(random * np.log1p(-2 * stats.norm.sf(limit))))
