"""Gaussian kernel density estimates on the line: a bump around every data point."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, Statistics, needs, record
from collapse.models.inversion import by_row, inverted


@record
class KernelDensity(Record):
    """Equal mixtures of normal laws around `points` (..., M), one mixture for each of the batch.

    The standard deviation of the bumps is the `bandwidth` (...), not negative. Two points make the
    simplest law with two modes. At bandwidth zero the law is that of the points themselves, the
    bootstrap.
    """

    _axes = {"points": 1, "bandwidth": 0}  # noqa: RUF012
    points: np.ndarray
    bandwidth: np.ndarray

    def __init__(self, points, bandwidth):
        points = validation.samples("points", points)
        bandwidth = validation.nonnegative("bandwidth", bandwidth)
        points, wide = validation.broadcast(points=points, bandwidth=bandwidth[..., None])
        self._set(points=points, bandwidth=wide[..., 0])

    @property
    def mean(self):
        """Mean, shape (...)."""
        return self.points.mean(axis=-1)

    @property
    def variance(self):
        """Variance, shape (...): that of the points (ddof=0) plus the squared bandwidth."""
        return self.points.var(axis=-1) + self.bandwidth**2

    def smoothed(self, bandwidth):
        """Return the laws convolved with a normal kernel of that standard deviation."""
        return KernelDensity(self.points, np.hypot(self.bandwidth, bandwidth))

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size): a point each, plus noise."""
        shape = (*self.bandwidth.shape, size)
        drawn = rng.standard_normal(shape)
        drawn *= self.bandwidth[..., None]
        index = rng.integers(self.points.shape[-1], size=shape)
        drawn += np.take_along_axis(self.points, index, axis=-1)
        return drawn

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats; it takes memory for n times M numbers."""
        z = np.nan_to_num(self._standardised(x), nan=0.0, posinf=np.inf, neginf=-np.inf)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            bumps = special.logsumexp(-0.5 * z**2, axis=-1)
            scale = np.log(self.bandwidth * np.sqrt(2 * np.pi) * self.points.shape[-1])
            density = np.where(np.isneginf(bumps), -np.inf, bumps - scale[..., None])
        return np.where(np.isnan(x), np.nan, density)

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        z = np.nan_to_num(self._standardised(x), nan=np.inf, posinf=np.inf, neginf=-np.inf)
        return np.where(np.isnan(x), np.nan, special.ndtr(z).mean(axis=-1))

    def quantiles(self, scores):
        """Quantiles at normal scores, shape (..., scores)."""

        def invert(row):
            points, width = np.sort(row[:-1]), row[-1]
            low, high = points[0] - 8.5 * width, points[-1] + 8.5 * width
            narrow = max((high - low) / 2000, 100 * np.spacing(np.abs(points).max()))
            if width <= narrow:  # bumps too narrow to matter: the law of the points
                ranks = np.floor(special.ndtr(scores) * len(points)).astype(int)
                return points[np.minimum(ranks, len(points) - 1)]
            x = np.linspace(low, high, int(np.ceil(8 * (high - low) / width)))
            return inverted(x, KernelDensity(points, width).cdf(x), scores)

        rows = np.concatenate([self.points, self.bandwidth[..., None]], axis=-1)
        return by_row(invert, rows, scores)

    def _standardised(self, x):
        """Return (x - point) / bandwidth, shape (..., n, M); not a number for 0 / 0."""
        shift = validation.numbers("x", x)[..., None] - self.points[..., None, :]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return shift / self.bandwidth[..., None, None]


def raw_samples(data, event=0):
    """Return `data` as finite raw samples; say so if they are the statistics of another family.

    `event` is the number of axes of one draw, 1 for vectors.
    """
    if isinstance(data, Statistics):
        raise ValueError(f"data must be raw samples (draw=draw_samples), got {type(data).__name__}")
    return validation.samples("data", data, event)


def scott_factor(sample_size):
    r"""Return the factor :math:`M^{-1/5}` of Scott's rule, bandwidth over spread."""
    return np.asarray(sample_size, dtype=float) ** -0.2


def silverman_factor(sample_size):
    r"""Return the factor :math:`(4/3M)^{1/5}` of Silverman's rule."""
    return (0.75 * np.asarray(sample_size, dtype=float)) ** -0.2


def scott(samples):
    r"""Scott's bandwidth :math:`sM^{-1/5}`, shape (...), of `samples` (..., M), as in scipy.

    The spread s is the sample standard deviation with ddof=1, so that M is at least 2.
    """
    return scott_factor(np.shape(samples)[-1]) * np.std(samples, axis=-1, ddof=1)


def silverman(samples):
    r"""Silverman's bandwidth :math:`s(4/3M)^{1/5}`, shape (...), of `samples`, as in scipy.

    What is also called Silverman's rule of thumb, with the factor 0.9 and the quartiles, is another
    one; the spread s is that of `scott`.
    """
    return silverman_factor(np.shape(samples)[-1]) * np.std(samples, axis=-1, ddof=1)


@dataclass(frozen=True)
class FitKernelDensity:
    """Fit a kernel density estimate: a bump around every value of the sample.

    The `bandwidth` is the standard deviation of the bumps, or a rule: ``bandwidth(samples)`` maps
    samples of shape (..., M) to bandwidths of shape (...), as `scott` and `silverman` do.
    """

    bandwidth: float | Callable

    def __post_init__(self):
        if not callable(self.bandwidth):
            validation.real("bandwidth", self.bandwidth, 0)

    @property
    def minimum_size(self):
        """The smallest sample: a rule needs two values to see a spread."""
        return 2 if callable(self.bandwidth) else 1

    def __call__(self, data):
        """Fit to raw samples, shape (..., M): a recursion needs ``draw=draw_samples``."""
        data = raw_samples(data)
        if data.shape[-1] < self.minimum_size:
            raise ValueError(f"data must hold at least 2 values a chain, got {data.shape[-1]}")
        bandwidth = self.bandwidth(data) if callable(self.bandwidth) else self.bandwidth
        return KernelDensity(data, bandwidth)

    def limit(self, truth):
        """Convolve the law with the kernel; a bandwidth that follows a rule goes to zero."""
        if callable(self.bandwidth):
            return truth
        needs(truth, "smoothed")
        return truth.smoothed(self.bandwidth)
