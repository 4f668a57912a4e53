"""Probabilistic principal components: what a linear variational autoencoder learns."""

from dataclasses import dataclass

import numpy as np

from collapse import validation
from collapse.models.base import Record, record
from collapse.models.multivariate_gaussian import MultivariateGaussian, MultivariateStatistics


@record
class ProbabilisticPCA(Record):
    r"""Laws of :math:`x=\mu+Wz+\varepsilon` with codes z ~ N(0, I) and noise of variance σ².

    `mean` is :math:`\mu` (..., d), `loadings` the linear decoder W (..., d, q) with 0 < q < d, and
    `noise_variance` σ² (...), not negative, the same for all d coordinates.
    """

    _axes = {"mean": 1, "loadings": 2, "noise_variance": 0}  # noqa: RUF012
    mean: np.ndarray
    loadings: np.ndarray
    noise_variance: np.ndarray

    def __init__(self, mean, loadings, noise_variance):
        mean, loadings = validation.finite("mean", mean), validation.finite("loadings", loadings)
        noise = validation.nonnegative("noise_variance", noise_variance)
        d = mean.shape[-1] if mean.ndim else 0
        if loadings.ndim < 2 or loadings.shape[-2] != d or not 0 < loadings.shape[-1] < d:
            raise ValueError(
                "loadings must have shape (..., d, q) with 0 < q < d for a mean of shape (..., d), "
                f"got {loadings.shape} and {mean.shape}"
            )
        shapes = {"mean": mean.shape[:-1], "loadings": loadings.shape[:-2]}
        batch = validation.batch(**shapes, noise_variance=noise.shape)
        self._set(
            mean=np.array(np.broadcast_to(mean, (*batch, d))),
            loadings=np.array(np.broadcast_to(loadings, (*batch, *loadings.shape[-2:]))),
            noise_variance=np.array(np.broadcast_to(noise, batch)),
        )

    @property
    def law(self):
        """The law of x as a `MultivariateGaussian`, with covariance ``W W.T + σ² I``."""
        if not self.noise_variance.any():
            return self.decoded
        left, singular, _ = np.linalg.svd(self.loadings)
        values = np.repeat(self.noise_variance[..., None], self.mean.shape[-1], axis=-1)
        values[..., : singular.shape[-1]] += singular**2
        return _gaussian(self.mean, left, values)

    @property
    def decoded(self):
        """The law of the decoder's means, x without its noise: a `MultivariateGaussian`, rank q."""
        left, singular, _ = np.linalg.svd(self.loadings, full_matrices=False)
        return _gaussian(self.mean, left, singular**2)

    @property
    def covariance(self):
        """Covariance of x, shape (..., d, d)."""
        noise = self.noise_variance[..., None, None] * np.eye(self.mean.shape[-1])
        return self.loadings @ self.loadings.mT + noise

    @property
    def total_variance(self):
        """Trace of the covariance, shape (...)."""
        noise = self.mean.shape[-1] * self.noise_variance
        return (self.loadings**2).sum(axis=(-2, -1)) + noise

    def sample(self, size, rng):
        """Draw ``size`` vectors x from each law, shape (..., size, d)."""
        batch, (d, q) = self.mean.shape[:-1], self.loadings.shape[-2:]
        decoded = rng.standard_normal((*batch, size, q)) @ self.loadings.mT
        noise = np.sqrt(self.noise_variance)[..., None, None]
        return self.mean[..., None, :] + decoded + noise * rng.standard_normal((*batch, size, d))

    def statistics(self, size, rng):
        """Draw the sufficient statistics of a sample of ``size`` vectors, without the vectors."""
        return self.law.statistics(size, rng)

    def encode(self, x):
        r"""Mean of the code of x, the posterior's :math:`(W^\top W+\sigma^2I)^{-1}W^\top(x-\mu)`.

        Vectors of shape (..., n, d) have codes of shape (..., n, q), 0 where W has no direction.
        """
        left, singular, right = np.linalg.svd(self.loadings, full_matrices=False)
        total = singular**2 + self.noise_variance[..., None]
        gain = np.divide(singular, total, out=np.zeros_like(total), where=singular > 0)
        centred = validation.numbers("x", x) - self.mean[..., None, :]
        return (centred @ left * gain[..., None, :]) @ right

    def logpdf(self, x):
        """Log density at x, shape (..., n, d), in nats; refused without noise."""
        if not self.noise_variance.all():
            raise ValueError("noise_variance must be positive for x to have a density, got 0")
        left, singular, _ = np.linalg.svd(self.loadings, full_matrices=False)
        noise, d = self.noise_variance[..., None], self.mean.shape[-1]
        centred = validation.numbers("x", x) - self.mean[..., None, :]
        # Woodbury's identity: along W the noise's precision is too large by this share
        share = np.sqrt(singular**2 / (singular**2 + noise))
        squared = (centred**2).sum(-1) - ((centred @ left * share[..., None, :]) ** 2).sum(-1)
        volume = np.log1p(singular**2 / noise).sum(axis=-1, keepdims=True) + d * np.log(noise)
        return -0.5 * (squared / noise + volume + d * np.log(2 * np.pi))


@dataclass(frozen=True)
class FitProbabilisticPCA:
    r"""Fit probabilistic principal components by maximum likelihood, in closed form.

    With the eigenvalues :math:`\lambda_1\ge\dots\ge\lambda_d` of the covariance of the data, which
    divides by M, and its first q eigenvectors U, the noise is the mean of the other eigenvalues and
    :math:`W=U\,\mathrm{diag}(\lambda_i-\sigma^2)_+^{1/2}` (Tipping and Bishop 1999). It is also the
    optimum of a variational autoencoder with linear maps (Lucas et al. 2019); see thm-vae-linear.

    `latent_dimension` is q, the number of codes, less than d. `noise_variance` is σ² if it is a
    constant of the decoder; by default it is learned.
    """

    latent_dimension: int
    noise_variance: float | None = None

    minimum_size = 2

    def __post_init__(self):
        validation.integer("latent_dimension", self.latent_dimension, 1)
        if self.noise_variance is not None:
            validation.real("noise_variance", self.noise_variance, 0, open_below=True)

    def __call__(self, data):
        """Fit to raw samples, shape (..., M, d), or to `MultivariateStatistics`."""
        if not isinstance(data, MultivariateStatistics):
            data = MultivariateStatistics.of(data)
        if data.size < self.minimum_size:
            raise ValueError(f"data must hold at least 2 vectors a chain, got {data.size}")
        return self.of_factor(data.mean, data.factor, data.log_scale - np.log(data.size))

    def of_factor(self, mean, factor, log_scale):
        """Fit to the law with this mean and the covariance ``factor @ factor.T * exp(log_scale)``.

        The shapes are (..., d), (..., d, r) and (...).
        """
        d, q = mean.shape[-1], self.latent_dimension
        if q >= d:
            raise ValueError(f"latent_dimension must be less than the data's {d}, got {q}")
        left, singular, _ = np.linalg.svd(factor, full_matrices=False)
        values = singular**2 * np.exp(log_scale)[..., None]
        if self.noise_variance is None:
            noise = values[..., q:].sum(axis=-1) / (d - q)
        else:
            noise = np.full(mean.shape[:-1], float(self.noise_variance))
        spread = np.sqrt(np.maximum(values[..., :q] - noise[..., None], 0))
        loadings = np.zeros((*mean.shape, q))
        loadings[..., : spread.shape[-1]] = left[..., :q] * spread[..., None, :]
        return ProbabilisticPCA._of(mean=mean, loadings=loadings, noise_variance=noise)

    def limit(self, truth):
        """Fit to the mean and covariance of the law."""
        law = truth.law if isinstance(truth, ProbabilisticPCA) else truth
        if isinstance(law, MultivariateGaussian):
            return self.of_factor(law.mean, law.factor, law.log_scale)
        raise ValueError(f"truth must be a Gaussian in d dimensions, got {validation.short(truth)}")


def _gaussian(mean, vectors, values):
    """Return the normal law with these eigenvectors and eigenvalues of the covariance."""
    with np.errstate(divide="ignore"):
        volume = np.log(values).sum(axis=-1)
    factor = vectors * np.sqrt(values)[..., None, :]
    return MultivariateGaussian._of(mean, factor, np.zeros(mean.shape[:-1]), volume)
