"""The one-dimensional Gaussian."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.base import Record, Statistics, needs, record

# a variance whose mantissa falls below this is rescaled; squares and sums of it stay normal floats
_TINY = 1e-200
_UNIT = np.float64(0.0)
_LARGE = 700.0  # exp of it is a float, and of little more it is not


@record
class Gaussian(Record):
    """Normal laws with a `mean` and a `variance`, not negative, both of shape (...).

    The variance is kept as ``mantissa * exp(log_scale)``, so that it can fall for ever without
    underflow; a variance of exactly zero is a point mass.
    """

    _axes = {"mean": 0, "mantissa": 0, "log_scale": 0}  # noqa: RUF012
    mean: np.ndarray
    mantissa: np.ndarray
    log_scale: np.ndarray

    def __init__(self, mean, variance):
        mean = validation.finite("mean", mean)
        variance = validation.nonnegative("variance", variance)
        mean, variance = validation.broadcast(mean=mean, variance=variance)
        self._set(mean=mean, mantissa=variance, log_scale=_UNIT)

    @classmethod
    def _of(cls, mean, mantissa, log_scale):
        """Make a record from parts that are known to be valid."""
        if mantissa.size and mantissa.min() < _TINY:
            low = (mantissa < _TINY) & (mantissa > 0)
            log_scale = log_scale + np.log(mantissa, where=low, out=np.zeros_like(mantissa))
            mantissa = np.where(low, 1.0, mantissa)
        return super()._of(mean=mean, mantissa=mantissa, log_scale=log_scale)

    @property
    def log_variance(self):
        """Natural logarithm of the variance, shape (...), minus infinity for a point mass."""
        with np.errstate(divide="ignore"):
            return np.log(self.mantissa) + self.log_scale

    @property
    def variance(self):
        """Variance, shape (...); it may underflow to zero where `log_variance` does not."""
        return self.mantissa * np.exp(self.log_scale)

    @property
    def std(self):
        """Standard deviation, shape (...)."""
        scale = self.log_scale
        std = np.sqrt(self.mantissa)
        return std if scale.ndim == 0 and scale == 0 else std * np.exp(0.5 * scale)

    def broadcast(self, chains):
        """Lay the model over a batch of chains; a scale that all share stays one number."""
        mean, mantissa = (np.broadcast_to(a, (chains,)) for a in (self.mean, self.mantissa))
        return Gaussian._of(mean, mantissa, self.log_scale)

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size)."""
        noise = rng.standard_normal((*self.mean.shape, size))
        noise *= self.std[..., None]
        noise += self.mean[..., None]
        return noise

    def statistics(self, size, rng):
        """Draw the sufficient statistics of a sample of ``size`` values, without the values.

        By Cochran's theorem the sample mean is normal with variance ``variance / size``, and
        independent of it the scatter is ``variance`` times a chi-square with ``size - 1`` degrees
        of freedom.
        """
        error = self.std
        error *= 1 / np.sqrt(size)
        mean = rng.standard_normal(self.mean.shape)
        mean *= error
        mean += self.mean
        if size == 1:
            scatter = np.zeros_like(mean)
        else:
            scatter = rng.chisquare(size - 1, self.mean.shape)
            scatter *= self.mantissa
        return GaussianStatistics(size, mean, scatter, self.log_scale)

    def tempered(self, temperature):
        """Return the laws with density to the power 1/T, normalised: T times the variance."""
        return Gaussian._of(self.mean, temperature * self.mantissa, self.log_scale)

    def respread(self, keep, add):
        """Return the laws with the variance ``keep * variance + add``."""
        if np.ndim(add):
            raise ValueError(f"target must be a number on the line, got shape {np.shape(add)}")
        if add == 0:
            return Gaussian._of(self.mean, keep * self.mantissa, self.log_scale)
        return Gaussian(self.mean, keep * self.variance + add)

    def smoothed(self, bandwidth):
        """Return the laws convolved with a normal kernel of that standard deviation."""
        return self.respread(1.0, bandwidth**2)

    def rounded(self, rounding):
        """Return the laws with a function of arrays applied to the parameters."""
        return Gaussian(rounding(self.mean), rounding(self.variance))

    @property
    def entropy(self):
        """Differential entropy, shape (...), in nats."""
        return 0.5 * (np.log(2 * np.pi) + 1 + self.log_variance)

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = validation.numbers("x", x) - self.mean[..., None]
            z = shift / self.std[..., None]
        return special.ndtr(np.where(np.isnan(z) & ~np.isnan(shift), np.inf, z))  # 0 / 0: a point

    def quantiles(self, scores):
        """Quantiles at normal scores, shape (..., scores)."""
        return self.mean[..., None] + self.std[..., None] * scores

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats; the laws' batch shape is (...)."""
        x = validation.numbers("x", x)
        log_variance = self.log_variance[..., None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            shift = x - self.mean[..., None]
            squared = scaled(shift**2, np.abs(shift), log_variance)
            density = -0.5 * (squared + log_variance + np.log(2 * np.pi))
        point = np.where(shift == 0, np.inf, np.where(np.isnan(shift), np.nan, -np.inf))
        return np.where(np.isneginf(log_variance), point, density)


def scaled(squared, length, log_scale):
    """Return ``squared * exp(-log_scale)``, in logarithms of `length` where either overflows."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = squared * np.exp(-log_scale)
        if (far := (log_scale < -_LARGE) | np.isinf(squared)).any():
            found = np.where(far, np.exp(2 * np.log(length) - log_scale), found)
    return found


@dataclass(frozen=True, eq=False)
class GaussianStatistics(Statistics):
    """Size, mean and scatter of samples: ``scatter * exp(log_scale)`` is the sum of squares."""

    size: int
    mean: np.ndarray
    scatter: np.ndarray
    log_scale: np.ndarray = _UNIT

    @classmethod
    def of(cls, samples):
        """Return the statistics of raw samples, shape (..., M)."""
        samples = validation.samples("samples", samples)
        mean = samples.mean(axis=-1)
        scatter = ((samples - mean[..., None]) ** 2).sum(axis=-1)
        return cls(samples.shape[-1], mean, scatter)

    def resized(self, size):
        """Return the same data, counting as if they were ``size`` of them: weighted data."""
        return GaussianStatistics(
            size, self.mean, self.scatter * (size / self.size), self.log_scale
        )

    def _pooled(self, other):
        size = self.size + other.size
        shift = other.mean - self.mean
        scatter = self.scatter * np.exp(self.log_scale) + other.scatter * np.exp(other.log_scale)
        scatter += shift**2 * (self.size * (other.size / size))
        return GaussianStatistics(size, self.mean + shift * (other.size / size), scatter)


@dataclass(frozen=True)
class FitGaussian:
    """Fit a Gaussian by the sample mean and the sample variance, which divides by M - `ddof`.

    1 is the unbiased estimator of the paper's theorems, 0 the maximum-likelihood estimator of the
    paper's code. There is no default, because the theorems depend on it.
    """

    ddof: float

    def __post_init__(self):
        validation.ddof(self.ddof)

    @property
    def minimum_size(self):
        """The smallest sample that the estimator accepts."""
        return 2 if self.ddof == 1 else 1

    def __call__(self, data):
        """Fit to raw samples, shape (..., M), or to `GaussianStatistics`."""
        if not isinstance(data, GaussianStatistics):
            data = GaussianStatistics.of(data)
        if data.size < self.minimum_size:
            raise ValueError(
                f"data must hold at least {self.minimum_size} values a chain for "
                f"ddof={self.ddof}, got {data.size}"
            )
        variance = data.scatter * (1 / (data.size - self.ddof))
        return Gaussian._of(data.mean, variance, data.log_scale)

    def limit(self, truth):
        """Take over mean and variance: a projection, which changes nothing the second time."""
        if isinstance(truth, Gaussian):
            return truth
        needs(truth, "mean", "variance")
        return Gaussian(truth.mean, truth.variance)
