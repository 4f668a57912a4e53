"""Gaussian mixtures on the line: a family that one component less makes too small."""

from dataclasses import KW_ONLY, dataclass

import numpy as np
from scipy import special

from collapse import _validate
from collapse.models.kde import raw_samples

_TINY = np.finfo(float).tiny  # what is left of the variance of equal values; it moves no draw


@dataclass(frozen=True, init=False, eq=False)
class GaussianMixture:
    """Mixtures of k normal laws, one mixture for each entry of the batch.

    Parameters
    ----------
    weights : array_like, shape (..., k)
        Probabilities of the components, which sum to 1; what is not allowed raises ValueError.
    means, variances : array_like, shape (..., k)
        Their means, in the units of the data, and variances, positive.
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def __init__(self, weights, means, variances):
        weights = _validate.probabilities("weights", weights)
        variances = _validate.finite("variances", variances)
        if (variances <= 0).any():
            raise ValueError(f"variances must be positive, got {variances[variances <= 0].flat[0]}")
        means = _validate.finite("means", means)
        parts = _validate.broadcast(weights=weights, means=means, variances=variances)
        if weights.shape[-1] != (k := parts[0].shape[-1]):
            raise ValueError(f"weights must be {k}, one a component, got {weights.shape[-1]}")
        self.__dict__.update(weights=parts[0], means=parts[1], variances=parts[2])

    @classmethod
    def _of(cls, weights, means, variances):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(weights=weights, means=means, variances=variances)
        return model

    @property
    def mean(self):
        """Mean of the mixture, shape (...)."""
        return (self.weights * self.means).sum(axis=-1)

    @property
    def variance(self):
        """Variance of the mixture, within and between its components, shape (...)."""
        between = (self.means - self.mean[..., None]) ** 2
        return (self.weights * (self.variances + between)).sum(axis=-1)

    def __getitem__(self, index):
        """Return the laws at an index of the batch, for instance those of one chain."""
        return GaussianMixture._of(self.weights[index], self.means[index], self.variances[index])

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        parts = (self.weights, self.means, self.variances)
        return GaussianMixture._of(*(np.broadcast_to(a, (chains, a.shape[-1])) for a in parts))

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size): a component each, plus noise."""
        drawn = rng.standard_normal((*self.weights.shape[:-1], size))
        steps = np.cumsum(self.weights, axis=-1)[..., None, :-1]
        index = (rng.random(drawn.shape)[..., None] >= steps).sum(axis=-1)
        drawn *= np.take_along_axis(np.sqrt(self.variances), index, axis=-1)
        return drawn + np.take_along_axis(self.means, index, axis=-1)

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats."""
        return special.logsumexp(_terms(x, self.weights, self.means, self.variances), axis=-2)

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        shift = np.asarray(x, dtype=float)[..., None, :] - self.means[..., None]
        below = special.ndtr(shift / np.sqrt(self.variances)[..., None])
        return (self.weights[..., None] * below).sum(axis=-2)


@dataclass(frozen=True)
class FitGaussianMixture:
    """Fit a mixture by expectation maximisation (EM), which climbs to a local maximum likelihood.

    It starts from equal weights, means at the quantiles (j + 1/2) / k and variances 1/k**2 of that
    of the data; a symmetry of the data may hold it on a saddle. After each step the mixture has the
    mean and the variance (ddof=0) of the data, unless a component on few values is at the floor.

    Parameters
    ----------
    components : int
        The number k of components, at least 1; what is not allowed raises ValueError.
    tolerance : float
        A chain stops when a step raises its mean log-likelihood by no more than this, in nats.
    iterations : int
        The largest number of steps, at least 1.
    floor : float
        The smallest variance of a component over that of the data, in (0, 1]: a regulariser.
    """

    components: int
    _: KW_ONLY
    tolerance: float = 1e-6
    iterations: int = 500
    floor: float = 1e-6

    def __post_init__(self):
        _validate.integer("components", self.components, 1)
        _validate.real("tolerance", self.tolerance, 0)
        _validate.integer("iterations", self.iterations, 1)
        _validate.real("floor", self.floor, 0, 1, open_below=True)

    minimum_size = property(lambda self: self.components)

    def __call__(self, data):
        """Fit to raw samples, shape (..., M): a recursion needs ``draw=draw_samples``."""
        data, k = raw_samples(data), self.components
        if data.shape[-1] < k:
            raise ValueError(f"data must hold at least {k} values a chain, got {data.shape[-1]}")
        return self.weighted(data, np.ones_like(data))

    def weighted(self, points, masses):
        """Fit to points with masses that are not negative, both of shape (..., N)."""
        x, w = (a.reshape(-1, a.shape[-1]) for a in (points, masses))
        parts = _em(x, w / w.sum(axis=-1, keepdims=True), self)
        return GaussianMixture._of(*(a.reshape(*points.shape[:-1], -1) for a in parts))


def _em(x, w, fit):
    """Return weights, means and variances, shape (chains, k), for points and masses (chains, N)."""
    centre = (w * x).sum(axis=-1, keepdims=True)
    scale = np.sqrt((w * (x - centre) ** 2).sum(axis=-1, keepdims=True))
    x = (x - centre) / np.where(scale > 0, scale, 1)
    order, k = np.argsort(x, axis=-1), fit.components
    below = np.cumsum(np.take_along_axis(w, order, axis=-1), axis=-1)[..., None]
    rank = (below < (np.arange(k) + 0.5) / k - 1e-12).sum(axis=-2)  # met up to rounding is met
    means = np.take_along_axis(x, np.take_along_axis(order, rank, axis=-1), axis=-1)
    now = np.stack([np.full_like(means, 1 / k), means, np.full_like(means, k**-2.0)])
    found, going, before = now.copy(), np.arange(len(x)), -np.inf
    for _ in range(fit.iterations):
        terms = _terms(x, *now)  # expectation: each mass is shared out to the components
        shares = np.exp(terms - (top := terms.max(axis=-2, keepdims=True)))
        total = shares.sum(axis=-2, keepdims=True)
        value = (w * (top + np.log(total))[:, 0]).sum(axis=-1)
        shares *= w[:, None] / total
        on = value - before > fit.tolerance  # the others stay as they were found
        x, w, shares, before, going = (a[on] for a in (x, w, shares, value, going))
        if not going.size:
            break
        weights = shares.sum(axis=-1)  # maximisation
        safe = np.maximum(weights, _TINY)  # a dead component goes to the middle, without weight
        means = (shares * x[:, None]).sum(axis=-1) / safe
        scatter = (shares * (x[:, None] - means[..., None]) ** 2).sum(axis=-1)
        found[:, going] = now = np.stack([weights, means, np.maximum(scatter / safe, fit.floor)])
    return found[0], centre + scale * found[1], np.maximum(scale**2 * found[2], _TINY)


def _terms(x, weights, means, variances):
    """Return the log of each component's weighted density at x, shape (..., k, n)."""
    shift = np.asarray(x, dtype=float)[..., None, :] - means[..., None]
    with np.errstate(divide="ignore", over="ignore"):
        scale = np.log(weights) - 0.5 * np.log(2 * np.pi * variances)
        return scale[..., None] - 0.5 * (shift / np.sqrt(variances)[..., None]) ** 2
