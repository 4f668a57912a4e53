"""Gaussian mixtures in d dimensions."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import numpy as np

from collapse import validation
from collapse.models import em
from collapse.models.kde import raw_samples
from collapse.models.mixture import _FitMixture, draw_components, slices


@dataclass(frozen=True, init=False, eq=False)
class MultivariateGaussianMixture:
    """Mixtures of k normal laws in d dimensions, one mixture for each entry of the batch.

    Parameters
    ----------
    weights : array_like, shape (..., k)
        Probabilities of the components, which sum to 1; what is not allowed raises ValueError.
    means : array_like, shape (..., k, d)
        Their means, in the units of the data.
    covariances : array_like, shape (..., k, d, d)
        Their covariances, symmetric and positive definite.

    Attributes
    ----------
    factors : ndarray, shape (..., k, d, d)
        Lower triangular; the covariances are ``factors @ factors.mT``.
    report : Report or None
        How the fit ended: iterations, convergence, log-likelihood, dead and singular components.
        None for a mixture that was not fitted.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    report: em.Report | None = None

    def __init__(self, weights, means, covariances):
        weights = validation.probabilities("weights", weights)
        means = validation.finite("means", means)
        covariances = validation.finite("covariances", covariances)
        k, d = means.shape[-2:] if means.ndim > 1 else (0, 0)
        if not k * d or covariances.shape[-2:] != (d, d):
            raise ValueError(
                "covariances must have shape (..., k, d, d) for means of shape (..., k, d), "
                f"got {covariances.shape} and {means.shape}"
            )
        if weights.shape[-1] != k:
            raise ValueError(f"weights must be {k}, one a component, got {weights.shape[-1]}")
        try:
            if not np.allclose(covariances, covariances.mT):
                raise np.linalg.LinAlgError
            factors = np.linalg.cholesky(covariances)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"covariances must be symmetric and positive definite, got {covariances}"
            ) from None
        # each is laid out with as many axes as the factors have
        parts = validation.broadcast(
            weights=weights[..., None, None], means=means[..., None], covariances=factors
        )
        self.__dict__.update(
            weights=parts[0][..., 0, 0], means=parts[1][..., 0], factors=parts[2], report=None
        )

    @classmethod
    def _of(cls, weights, means, factors, report=None):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(weights=weights, means=means, factors=factors, report=report)
        return model

    @property
    def covariances(self):
        """Covariances of the components, shape (..., k, d, d)."""
        return self.factors @ self.factors.mT

    @property
    def mean(self):
        """Mean of the mixture, shape (..., d)."""
        return (self.weights[..., None, :] @ self.means)[..., 0, :]

    @property
    def covariance(self):
        """Covariance of the mixture, within and between its components, shape (..., d, d)."""
        between = self.means - self.mean[..., None, :]
        inside = (self.weights[..., None, None] * self.covariances).sum(axis=-3)
        return inside + between.mT @ (self.weights[..., None] * between)

    def __getitem__(self, index):
        """Return the laws at an index of the batch, for instance those of one chain."""
        report = self.report and self.report.map(lambda array: array[index])
        parts = (self.weights, self.means, self.factors)
        return MultivariateGaussianMixture._of(*(part[index] for part in parts), report)

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        single, parts = self.weights.ndim - 1, (self.weights, self.means, self.factors)
        laid = (np.broadcast_to(part, (chains, *part.shape[single:])) for part in parts)
        return MultivariateGaussianMixture._of(*laid)

    def sample(self, size, rng):
        """Draw ``size`` vectors from each law, shape (..., size, d)."""
        noise = rng.standard_normal((*self.weights.shape[:-1], size, self.means.shape[-1]))
        index, drawn = draw_components(self.weights, size, rng), np.empty_like(noise)
        for i in range(noise.shape[-1]):
            drawn[..., i] = np.take_along_axis(self.means[..., i], index, axis=-1)
            for j in range(i + 1):
                entry = np.take_along_axis(self.factors[..., i, j], index, axis=-1)
                drawn[..., i] += entry * noise[..., j]
        return drawn

    def logpdf(self, x):
        """Log density at x, shape (..., n, d), in nats."""
        return em.log_density(np.asarray(x, dtype=float), self._parts())

    def _parts(self):
        """Return what the algorithm works with."""
        return em.Parts(self.weights, self.means, np.sqrt(2) * self.factors)

    @classmethod
    def _from(cls, parts, report):
        """Return the model that the algorithm found."""
        return cls._of(parts.weights, parts.means, np.sqrt(0.5) * parts.factors, report)


@dataclass(frozen=True)
class FitMultivariateGaussianMixture(_FitMixture):
    """Fit a mixture in d dimensions by expectation maximisation, as `FitGaussianMixture` does.

    Without a regulariser the mixture has the mean of the data after each step and their covariance
    (ddof=0), of which a diagonal one keeps the diagonal, a spherical one the trace.

    Parameters
    ----------
    components : int
        The number k of components, at least 1; what is not allowed raises ValueError.
    covariance : str
        The covariances of the components: ``"full"``, ``"diagonal"``, or ``"spherical"``, a
        multiple of the identity.
    start : callable or MultivariateGaussianMixture
        `slices`, `k_means_plus_plus` (in a recursion, which has random numbers), or one mixture,
        or one for each chain.
    warm_start : bool
        Whether a generation starts from the one before, if that was fitted and has k components.
    tolerance : float
        A chain stops after the step at which its mean log-likelihood has changed by less than this
        since the step before, in nats; scikit-learn's ``tol``. At 0 none stops before the limit.
    iterations : int
        The largest number of steps, at least 1.
    regulariser : float
        What each step adds to the diagonals of the covariances, in squared units of the data, not
        negative; scikit-learn's ``reg_covar``.
    """

    components: int
    covariance: str = "full"
    _: KW_ONLY
    start: Callable | MultivariateGaussianMixture = slices
    warm_start: bool = False
    tolerance: float = 1e-6
    iterations: int = 500
    regulariser: float = 0.0

    model = MultivariateGaussianMixture

    def __post_init__(self):
        super().__post_init__()
        if self.covariance not in tuple(em.FORMS):
            raise ValueError(
                f"covariance must be one of {', '.join(em.FORMS)}, got {self.covariance!r}"
            )

    @staticmethod
    def _points(data):
        return raw_samples(data, event=1)
