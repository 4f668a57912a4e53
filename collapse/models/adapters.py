"""Laws and estimators of other libraries as models and fits."""

import copy
import inspect
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import special, stats

from collapse import validation
from collapse.models.base import Record
from collapse.models.kde import raw_samples


@dataclass(frozen=True)
class ScipyLaw:
    """A frozen `distribution` of scipy.stats as a model, for instance as a reality.

    It is one law on the line, such as ``scipy.stats.laplace()``, laid over a `batch` of that shape;
    a discrete one has its log probability as ``logpdf``.
    """

    distribution: object
    batch: tuple = ()

    def __post_init__(self):
        law = self.distribution
        frozen = isinstance(law, stats.distributions.rv_frozen | stats.rv_histogram)
        if not frozen or np.shape(law.cdf(0.0)):
            raise ValueError(
                "distribution must be one frozen distribution on the line of scipy.stats, such as "
                f"scipy.stats.laplace(), got {validation.short(law)}"
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
        return self.distribution.rvs(size=(*self.batch, size), random_state=rng).astype(float)

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats."""
        discrete = hasattr(self.distribution, "logpmf")
        density = self.distribution.logpmf if discrete else self.distribution.logpdf
        return density(validation.numbers("x", x))

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        return self.distribution.cdf(validation.numbers("x", x))

    def quantiles(self, scores):
        """Quantiles at normal scores, shape (..., scores): each tail from its own end."""
        tail = special.ndtr(-np.abs(scores))
        values = np.where(scores < 0, self.distribution.ppf(tail), self.distribution.isf(tail))
        return np.broadcast_to(values, (*self.batch, len(scores)))


@dataclass(frozen=True, eq=False, repr=False)
class EstimatedLaw(Record):
    """What fitted density estimators of scikit-learn have learned, one for each chain.

    The `estimators`, an array of objects (...), are copied for sampling and never changed. `event`
    is the shape of one draw: ``()`` on the line, ``(d,)`` for vectors.
    """

    _axes = {"estimators": 0}  # noqa: RUF012

    estimators: np.ndarray
    event: tuple = ()

    @classmethod
    def _of(cls, estimators, event):
        return cls(np.asarray(estimators, dtype=object), event)

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size), or (..., size, d)."""
        drawn = [_drawn(estimator, size, rng) for estimator in self.estimators.flat]
        return np.reshape(drawn, (*self.estimators.shape, size, *self.event))

    def logpdf(self, x):
        """Log density at x, shape (..., n) or (..., n, d), in nats; the batch is that of x."""
        rows = _rows(validation.numbers("x", x), self.event)
        laws, unknown = np.broadcast_to(self.estimators, rows.shape[:-2]), np.isnan(rows)
        rows = np.where(unknown, 0, rows)
        scores = [law.score_samples(rows[index]) for index, law in np.ndenumerate(laws)]
        return np.where(unknown.any(axis=-1), np.nan, np.reshape(scores, rows.shape[:-1]))


@dataclass(frozen=True, eq=False)
class FitEstimator:
    """Fit a density `estimator` of scikit-learn, or another one with its methods, chain by chain.

    It has ``fit``, ``score_samples`` and ``sample``, as scikit-learn's ``GaussianMixture(2)``,
    ``BayesianGaussianMixture(2)`` and ``KernelDensity()`` have; `event` is the shape of one draw,
    ``()`` on the line or ``(d,)`` for vectors.

    Every fit draws the ``random_state`` of a copy, if it has one, from the generator of the
    recursion, and so does every sample: one that is fixed would use the same noise in every
    generation, and its collapse would be of its own making. A mixture that is sampled gives its
    draws component by component; here they come in random order.
    """

    estimator: object
    event: tuple = ()

    def __post_init__(self):
        methods = ("fit", "score_samples", "sample")
        complete = all(callable(getattr(self.estimator, name, None)) for name in methods)
        if not complete or isinstance(self.estimator, type):
            raise ValueError(
                "estimator must be a density estimator with fit, score_samples and sample, "
                f"got {validation.short(self.estimator)}"
            )
        if not isinstance(self.event, tuple) or not (
            all(isinstance(d, int) and d > 0 for d in self.event) and len(self.event) < 2
        ):
            raise ValueError(f"event must be () or (d,), got {self.event!r}")

    def prepared(self, newest, rng):  # noqa: ARG002
        """Return the fit as a function of the data; see `collapse.models`."""
        return partial(self._fit, rng)

    def __call__(self, data):
        """Fit to raw samples, shape (..., M) or (..., M, d), by an estimator that draws nothing."""
        return self._fit(None, data)

    def _fit(self, rng, data):
        rows = _rows(raw_samples(data, len(self.event)), self.event)
        estimators = np.empty(rows.shape[:-2], dtype=object)
        for index in np.ndindex(estimators.shape):
            estimators[index] = _seeded(self.estimator, rng).fit(rows[index].copy())
        return EstimatedLaw(estimators, self.event)


def _rows(values, event):
    """Return values with the axes of scikit-learn, (..., M, d), a single one on the line."""
    if event and values.shape[-1:] != event:
        raise ValueError(f"data must be vectors of {event[0]}, got shape {values.shape}")
    return values if event else values[..., None]


def _seeded(estimator, rng):
    """Return a copy of an estimator with a random state of its own."""
    estimator = copy.deepcopy(estimator)
    if hasattr(estimator, "random_state"):
        if rng is None:
            raise ValueError("rng must be given for a random fit: fit.prepared(None, rng)(data)")
        estimator.random_state = int(rng.integers(2**32))
    return estimator


def _drawn(estimator, size, rng):
    """Draw from one estimator, in random order."""
    if "random_state" in inspect.signature(estimator.sample).parameters:
        return estimator.sample(size, random_state=int(rng.integers(2**32)))
    drawn = _seeded(estimator, rng).sample(size)
    return rng.permutation(drawn[0] if isinstance(drawn, tuple) else drawn)
