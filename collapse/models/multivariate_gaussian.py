"""The Gaussian in d dimensions, through a factor of its covariance."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import helmert

from collapse import validation
from collapse.models.base import Record, Statistics, record
from collapse.models.gaussian import scaled

# a factor whose largest entry falls below this is rescaled; its squares stay normal floats
_TINY = 1e-100


@record
class MultivariateGaussian(Record):
    """Normal laws in d dimensions with a `mean` (..., d) and a `covariance` (..., d, d).

    The covariance is ``factor @ factor.T * exp(log_scale)``, with factors (..., d, r) of rank r at
    most. A generation multiplies the factor by a random matrix and never forms the covariance,
    whose smallest eigenvalues would be lost to rounding after some tens of generations; the
    logarithm of the product of the r largest of them is carried along in `log_determinant`.
    """

    _axes = {"mean": 1, "factor": 2, "log_scale": 0, "log_determinant": 0}  # noqa: RUF012
    mean: np.ndarray
    factor: np.ndarray
    log_scale: np.ndarray
    log_determinant: np.ndarray

    def __init__(self, mean, covariance):
        mean = validation.finite("mean", mean)
        covariance = validation.finite("covariance", covariance)
        d = mean.shape[-1] if mean.ndim else 0
        if not d or covariance.shape[-2:] != (d, d):
            raise ValueError(
                "covariance must have shape (..., d, d) for a mean of shape (..., d), "
                f"got {covariance.shape} and {mean.shape}"
            )
        values, vectors = np.linalg.eigh(covariance)
        tolerance = 1e-12 * np.abs(values).max(initial=0)
        if values.min() < -tolerance or not np.allclose(covariance, covariance.mT):
            raise ValueError(
                "covariance must be symmetric and positive semi-definite, "
                f"got a smallest eigenvalue of {values.min():.3g}"
            )
        factor = vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
        batch = validation.batch(mean=mean.shape[:-1], covariance=factor.shape[:-2])
        with np.errstate(divide="ignore"):
            volume = np.log(np.maximum(values, 0)).sum(axis=-1)
        self._set(
            mean=np.array(np.broadcast_to(mean, (*batch, d))),
            factor=np.array(np.broadcast_to(factor, (*batch, d, d))),
            log_scale=np.zeros(batch),
            log_determinant=np.array(np.broadcast_to(volume, batch)),
        )

    @classmethod
    def _of(cls, mean, factor, log_scale, log_determinant):
        """Make a record from parts that are known to be valid."""
        size = np.abs(factor).max(axis=(-2, -1))
        if size.min() < _TINY:
            low = (size < _TINY) & (size > 0)
            unit = np.where(low, size, 1.0)
            factor, log_scale = factor / unit[..., None, None], log_scale + 2 * np.log(unit)
        return super()._of(
            mean=mean, factor=factor, log_scale=log_scale, log_determinant=log_determinant
        )

    @property
    def covariance(self):
        """Covariance, shape (..., d, d); it may underflow where the record does not."""
        return self.factor @ self.factor.mT * np.exp(self.log_scale)[..., None, None]

    @property
    def total_variance(self):
        """Trace of the covariance, shape (...)."""
        return (self.factor**2).sum(axis=(-2, -1)) * np.exp(self.log_scale)

    @property
    def entropy(self):
        """Differential entropy, shape (...), in nats; minus infinity without full rank."""
        d, rank = self.factor.shape[-2:]
        full = 0.5 * (d * (np.log(2 * np.pi) + 1) + self.log_determinant)
        return full if rank == d else np.full_like(full, -np.inf)

    def sample(self, size, rng):
        """Draw ``size`` vectors from each law, shape (..., size, d)."""
        noise = rng.standard_normal((*self.mean.shape[:-1], size, self.factor.shape[-1]))
        factor = self.factor * np.exp(0.5 * self.log_scale)[..., None, None]
        return self.mean[..., None, :] + noise @ factor.mT

    def statistics(self, size, rng):
        """Draw the sufficient statistics of a sample of ``size`` vectors, without the vectors.

        The sample mean is normal with covariance ``covariance / size``; independent of it the
        scatter matrix is Wishart with ``size - 1`` degrees of freedom, drawn as a factor by
        Bartlett's decomposition.
        """
        batch, rank = self.mean.shape[:-1], self.factor.shape[-1]
        noise = rng.standard_normal((*batch, rank, 1))
        noise *= np.exp(0.5 * self.log_scale)[..., None, None] / np.sqrt(size)
        mean = self.mean + (self.factor @ noise)[..., 0]
        bartlett = _bartlett(batch, rank, size - 1, rng)
        factor = self.factor @ bartlett
        if size - 1 >= rank:
            diagonal = np.diagonal(bartlett, axis1=-2, axis2=-1)
            volume = self.log_determinant + 2 * np.log(diagonal).sum(axis=-1)
        else:
            factor, volume = _reduced(factor)
            volume += factor.shape[-1] * self.log_scale
        return MultivariateStatistics(size, mean, factor, self.log_scale, volume)

    def tempered(self, temperature):
        """Return the laws with density to the power 1/T, normalised: T times the covariance."""
        with np.errstate(divide="ignore"):
            change = self.factor.shape[-1] * np.log(temperature)
        return MultivariateGaussian._of(
            self.mean,
            self.factor * np.sqrt(temperature),
            self.log_scale,
            self.log_determinant + change,
        )

    def respread(self, keep, add):
        """Return the laws with the covariance ``keep * covariance + add``; `add` may be (d, d)."""
        d = self.mean.shape[-1]
        if np.ndim(add) and np.shape(add) != (d, d):
            raise ValueError(
                f"target must be a number or of the data's dimension, got shape {np.shape(add)}"
            )
        if not np.any(add):
            return self.tempered(keep)
        add = add if np.ndim(add) else add * np.eye(d)
        return MultivariateGaussian(self.mean, keep * self.covariance + add)

    def logpdf(self, x):
        """Log density at x, shape (..., n, d), in nats; refused without a full rank."""
        d, rank = self.factor.shape[-2:]
        if rank < d or np.isneginf(self.log_determinant).any():
            raise ValueError(f"model must have a covariance of full rank {d} to have a density")
        centred = validation.numbers("x", x) - self.mean[..., None, :]
        try:
            white = np.linalg.solve(self.factor, centred.mT)
        except np.linalg.LinAlgError:  # singular to rounding: only the mean itself has a density
            singular = (np.linalg.slogdet(self.factor)[0] == 0)[..., None, None]
            white = np.linalg.solve(np.where(singular, np.eye(d), self.factor), centred.mT)
            white = np.where(singular & (white != 0), np.inf, white)
        lost = np.isnan(white) & ~np.isnan(centred.mT).any(axis=-2, keepdims=True)
        white = np.where(lost, np.inf, np.where(np.isnan(centred.mT), np.nan, white))
        length = np.hypot.reduce(white, axis=-2)
        with np.errstate(over="ignore"):
            squared = (white**2).sum(axis=-2)
        squared = scaled(squared, length, self.log_scale[..., None])
        return -0.5 * (squared + self.log_determinant[..., None] + d * np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class MultivariateStatistics(Statistics):
    """Size, mean and scatter matrix of samples: ``factor @ factor.T * exp(log_scale)``."""

    size: int
    mean: np.ndarray
    factor: np.ndarray
    log_scale: np.ndarray
    log_determinant: np.ndarray

    @classmethod
    def of(cls, samples):
        """Return the statistics of raw samples, shape (..., M, d)."""
        samples = validation.samples("samples", samples, event=1)
        size, d = samples.shape[-2:]
        mean = samples.mean(axis=-2)
        if size - 1 < d:
            rows = helmert(size) @ samples  # size - 1 contrasts with the same scatter matrix
        else:
            rows = samples - mean[..., None, :]
        factor, volume = _reduced(rows.mT)
        return cls(size, mean, factor, np.zeros(mean.shape[:-1]), volume)

    def resized(self, size):
        """Return the same data, counting as if they were ``size`` of them: weighted data."""
        ratio = size / self.size
        with np.errstate(divide="ignore"):
            volume = self.log_determinant + self.factor.shape[-1] * np.log(ratio)
        return MultivariateStatistics(
            size, self.mean, self.factor * np.sqrt(ratio), self.log_scale, volume
        )

    def _pooled(self, other):
        size = self.size + other.size
        shift = other.mean - self.mean
        parts = [a.factor * np.exp(0.5 * a.log_scale)[..., None, None] for a in (self, other)]
        parts.append(shift[..., None] * np.sqrt(self.size * (other.size / size)))
        factor, volume = _reduced(np.concatenate(parts, axis=-1))
        mean = self.mean + shift * (other.size / size)
        return MultivariateStatistics(size, mean, factor, np.zeros(mean.shape[:-1]), volume)


@dataclass(frozen=True)
class FitMultivariateGaussian:
    """Fit by the sample mean and covariance, which divides by M - `ddof`; see `FitGaussian`."""

    ddof: float

    minimum_size = 2

    def __post_init__(self):
        validation.ddof(self.ddof)

    def __call__(self, data):
        """Fit to raw samples, shape (..., M, d), or to `MultivariateStatistics`."""
        if not isinstance(data, MultivariateStatistics):
            data = MultivariateStatistics.of(data)
        if data.size < self.minimum_size:
            raise ValueError(f"data must hold at least 2 vectors a chain, got {data.size}")
        divisor = data.size - self.ddof
        volume = data.log_determinant - data.factor.shape[-1] * np.log(divisor)
        factor = data.factor / np.sqrt(divisor)
        return MultivariateGaussian._of(data.mean, factor, data.log_scale, volume)

    def limit(self, truth):
        """Take over a law of the family."""
        if isinstance(truth, MultivariateGaussian):
            return truth
        raise ValueError(f"truth must be a MultivariateGaussian, got {validation.short(truth)}")


def _bartlett(batch, rank, dof, rng):
    """Draw lower-triangular factors of Wishart matrices, shape (*batch, rank, min(rank, dof))."""
    columns = min(rank, dof)
    factor = np.tril(rng.standard_normal((*batch, rank, columns)), -1)
    index = np.arange(columns)
    factor[..., index, index] = np.sqrt(rng.chisquare(dof - index, (*batch, columns)))
    return factor


def _reduced(columns):
    """Return a factor of ``columns @ columns.T``, d columns at most, and its log determinant.

    With fewer than d columns this is the logarithm of the product of the eigenvalues that are not
    zero, which are those of ``columns.T @ columns``.
    """
    wide = columns.shape[-1] >= columns.shape[-2]
    triangle = np.linalg.qr(columns.mT if wide else columns, mode="r")
    with np.errstate(divide="ignore"):
        diagonal = np.log(np.abs(np.diagonal(triangle, axis1=-2, axis2=-1)))
    return (triangle.mT if wide else columns), 2 * diagonal.sum(axis=-1)
