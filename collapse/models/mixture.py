"""Mixtures of normal laws, on the line and in d dimensions, and their fit by EM."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial

import numpy as np
from scipy import special

from collapse import validation
from collapse.models import em
from collapse.models.base import Record, needs, record
from collapse.models.inversion import by_row, inverted
from collapse.models.kde import raw_samples

TOP = 100  # steps after which a fit is taken to have reached the top


@record
class GaussianMixture(Record):
    """Mixtures of k normal laws, one mixture for each entry of the batch.

    `weights` (..., k) are the probabilities of the components. On the line `means` and `variances`
    have this shape too; in d dimensions the means are (..., k, d) and, instead of the variances,
    `covariances` (..., k, d, d) are given, positive definite. Stored is as `spread` the variances,
    or lower triangular factors of the covariances. `report` says how a fit ended, see `em.Report`;
    it is None for a mixture that was not fitted.
    """

    weights: np.ndarray
    means: np.ndarray
    spread: np.ndarray
    report: em.Report | None = None

    def __init__(self, weights, means, variances=None, *, covariances=None):
        weights, means = (
            validation.probabilities("weights", weights),
            validation.finite("means", means),
        )
        if covariances is None:
            variances = validation.finite("variances", variances)
            if (variances <= 0).any():
                bad = variances[variances <= 0].flat[0]
                raise ValueError(f"variances must be positive, got {bad}")
            parts = validation.broadcast(weights=weights, means=means, variances=variances)
            k = parts[0].shape[-1]
        elif variances is None:
            k, factors = _factors(means, covariances)
            # each is laid out with as many axes as the factors have
            parts = validation.broadcast(
                weights=weights[..., None, None], means=means[..., None], covariances=factors
            )
            parts = parts[0][..., 0, 0], parts[1][..., 0], parts[2]
        else:
            raise ValueError("covariances must not be given with variances, got both")
        if weights.shape[-1] != k:
            raise ValueError(f"weights must be {k}, one a component, got {weights.shape[-1]}")
        self._set(weights=parts[0], means=parts[1], spread=parts[2], report=None)

    @property
    def _axes(self):
        event = len(self.event)
        return {"weights": 1, "means": 1 + event, "spread": 1 + 2 * event}

    def _mapped(self, function, nested):
        report = self.report and nested(self.report)
        return self._of(**vars(super()._mapped(function, nested)) | {"report": report})

    @property
    def event(self):
        """Shape of a draw: () on the line, or (d,)."""
        return self.means.shape[self.weights.ndim :]

    @property
    def variances(self):
        """Variances of the components, shape (..., k), on the line."""
        if self.event:
            raise AttributeError("a mixture of vectors has covariances")
        return self.spread

    @property
    def centres(self):
        """Means of the components with an axis for the event, shape (..., k, d)."""
        return self.means if self.event else self.means[..., None]

    @property
    def factors(self):
        """Lower triangular factors of the covariances, shape (..., k, d, d)."""
        return self.spread if self.event else np.sqrt(self.spread)[..., None, None]

    @property
    def covariances(self):
        """Covariances of the components, shape (..., k, d, d)."""
        return self.factors @ self.factors.mT

    @property
    def mean(self):
        """Mean of the mixture, shape (...) or (..., d)."""
        if self.event:
            return (self.weights[..., None, :] @ self.means)[..., 0, :]
        return (self.weights * self.means).sum(axis=-1)

    @property
    def variance(self):
        """Variance of a mixture on the line, within and between its components, shape (...)."""
        variances = self.variances
        return (self.weights * (variances + (self.means - self.mean[..., None]) ** 2)).sum(axis=-1)

    @property
    def covariance(self):
        """Covariance of a mixture of vectors, within and between components, shape (..., d, d)."""
        between = self.means - self.mean[..., None, :]
        inside = (self.weights[..., None, None] * self.covariances).sum(axis=-3)
        return inside + between.mT @ (self.weights[..., None] * between)

    @property
    def total_variance(self):
        """Variance, or the trace of the covariance, shape (...)."""
        return np.trace(self.covariance, axis1=-2, axis2=-1) if self.event else self.variance

    def merged(self):
        """Return mixtures of one component, with the same means and covariances."""
        weights, mean = np.ones((*self.batch, 1)), self.mean
        if not self.event:
            parts = {"means": mean[..., None], "spread": self.variance[..., None]}
        else:
            factor = np.linalg.cholesky(self.covariance)
            parts = {"means": mean[..., None, :], "spread": factor[..., None, :, :]}
        return self._of(weights=weights, **parts, report=None)

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size) or (..., size, d)."""
        centres, factors = self.centres, self.factors
        noise = rng.standard_normal((*self.batch, size, centres.shape[-1]))
        level = rng.random(noise.shape[:-1])
        index, drawn = np.zeros(level.shape, int), np.empty_like(noise)
        for step in np.moveaxis(np.cumsum(self.weights, axis=-1)[..., :-1], -1, 0):
            index += level >= step[..., None]
        for i in range(noise.shape[-1]):
            drawn[..., i] = np.take_along_axis(centres[..., i], index, axis=-1)
            for j in range(i + 1):
                entry = np.take_along_axis(factors[..., i, j], index, axis=-1)
                drawn[..., i] += entry * noise[..., j]
        return drawn if self.event else drawn[..., 0]

    def logpdf(self, x):
        """Log density at x, shape (..., n) or (..., n, d), in nats."""
        x = validation.numbers("x", x)
        return em.log_density(x if self.event else x[..., None], self._parts())

    def cdf(self, x):
        """Distribution function of a mixture on the line at x, shape (..., n)."""
        widths = np.sqrt(self.variances)[..., None]
        shift = validation.numbers("x", x)[..., None, :] - self.means[..., None]
        below = special.ndtr(shift / widths)
        return np.minimum((self.weights[..., None] * below).sum(axis=-2), 1)  # up to rounding

    def quantiles(self, scores):
        """Quantiles of a mixture on the line at normal scores, shape (..., scores)."""

        def invert(row):
            weights, means, widths = np.split(row, 3)
            widths = np.maximum(widths, 1e-9 * np.abs(means))
            x = np.unique(means + widths * np.linspace(-8.5, 8.5, 137)[:, None])
            cdf = special.ndtr((x[:, None] - means) / widths) @ weights
            return inverted(x, np.minimum(cdf, 1), scores)  # weights sum to 1 up to rounding

        parts = (self.weights, self.means, np.sqrt(self.variances))
        return by_row(invert, np.concatenate(parts, axis=-1), scores)

    def _parts(self):
        """Return what the algorithm works with."""
        factors = (
            np.sqrt(2) * self.spread if self.event else np.sqrt(2 * self.variances)[..., None, None]
        )
        return em.Parts(self.weights, self.centres, factors)


def _factors(means, covariances):
    """Return k and the factors of covariances, or say what is wrong with them."""
    covariances = validation.finite("covariances", covariances)
    k, d = means.shape[-2:] if means.ndim > 1 else (0, 0)
    if not k * d or covariances.shape[-2:] != (d, d):
        raise ValueError(
            "covariances must have shape (..., k, d, d) for means of shape (..., k, d), "
            f"got {covariances.shape} and {means.shape}"
        )
    try:
        if not np.allclose(covariances, covariances.mT):
            raise np.linalg.LinAlgError
        return k, np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"covariances must be symmetric and positive definite, got {covariances}"
        ) from None


def slices(points, masses, components, rng):  # noqa: ARG001
    """Cut the data into groups of equal mass, along the axis on which they spread most.

    A start: `points` are (chains, M, d), their `masses` (chains, M), or None for equal ones; the
    groups, from 0 to `components` - 1, are (chains, M). `rng` is not used.
    """
    if masses is None:
        masses = np.ones(points.shape[:2])
    shares = masses / masses.sum(axis=-1, keepdims=True)
    along = points[..., 0]
    if points.shape[-1] > 1:
        centred = points - shares[:, None] @ points
        _, axes = np.linalg.eigh(centred.mT @ (shares[..., None] * centred))
        largest = np.abs(axes[..., -1]).argmax(axis=-1)[:, None, None]
        turned = axes[..., -1:] * np.sign(np.take_along_axis(axes[..., -1:], largest, axis=1))
        along = (centred @ turned)[..., 0]
    order = np.argsort(along, axis=-1, kind="stable")
    sorted_shares = np.take_along_axis(shares, order, axis=-1)
    middle = np.cumsum(sorted_shares, axis=-1) - 0.5 * sorted_shares
    groups = np.empty(order.shape, int)
    np.put_along_axis(groups, order, (middle * components + 1e-9).astype(int), axis=-1)
    return np.minimum(groups, components - 1)


def k_means_plus_plus(points, masses, components, rng):
    """Group the data around centres that are drawn far apart.

    A start with the arguments of `slices`: each centre is a point, drawn from `rng` with a
    probability proportional to its mass and its squared distance from the nearest centre so far
    (Arthur and Vassilvitskii 2007); a point then belongs to the nearest of them.
    """
    if rng is None:
        raise ValueError("rng must be given for a random start: fit.prepared(None, rng)(data)")
    levels = rng.random((len(points), components, 1))
    masses = np.ones(points.shape[:2]) if masses is None else masses
    groups, nearest = np.zeros(points.shape[:2], int), np.full(points.shape[:2], np.inf)
    for j in range(components):
        chances = masses if j == 0 else masses * nearest
        # all points at centres already: any will do
        chances = np.where(chances.sum(axis=-1, keepdims=True) > 0, chances, masses)
        steps = np.cumsum(chances, axis=-1)
        index = (steps <= levels[:, j] * steps[:, -1:]).sum(axis=-1)[:, None, None]
        centre = np.take_along_axis(points, np.minimum(index, points.shape[1] - 1), axis=1)
        distance = ((points - centre) ** 2).sum(axis=-1)
        groups[distance < nearest] = j
        nearest = np.minimum(nearest, distance)
    return groups


@dataclass(frozen=True)
class FitGaussianMixture:
    """Fit a mixture by expectation maximisation (EM), which climbs to a local maximum likelihood.

    After each step the mixture has the mean and the variance (ddof=0) of the data, plus the
    regulariser; of a covariance (ddof=0) a diagonal one keeps the diagonal, a spherical one the
    trace. Without a regulariser no step lowers the likelihood, unless by rounding. A start by
    groups begins with their weights and means, and with the variance within them, pooled.

    Of vectors, `covariance` is the form of the `components`' covariances: ``"full"``,
    ``"diagonal"``, or ``"spherical"``, a multiple of the identity; without it the data are on the
    line. `start` is `slices`, `k_means_plus_plus` (in a recursion, which has random numbers), one
    mixture, or one for each chain; with `warm_start` a generation starts from the one before, if
    that was fitted and has as many components. A chain stops after the step at which its mean
    log-likelihood has changed by less than the `tolerance` since the step before, in nats
    (scikit-learn's ``tol``; at 0 none stops), or at the limit of `iterations`. Each step adds the
    `regulariser`, in squared units of the data, to the variances (scikit-learn's ``reg_covar``).
    """

    components: int
    covariance: str | None = None
    _: KW_ONLY
    start: Callable | GaussianMixture = slices
    warm_start: bool = False
    tolerance: float = 1e-6
    iterations: int = 500
    regulariser: float = 0.0

    def __post_init__(self):
        validation.integer("components", self.components, 1)
        validation.real("tolerance", self.tolerance, 0)
        validation.integer("iterations", self.iterations, 1)
        validation.real("regulariser", self.regulariser, 0)
        if self.covariance not in (None, *em.FORMS):
            raise ValueError(
                f"covariance must be one of {', '.join(em.FORMS)}, got {self.covariance!r}"
            )
        if not isinstance(self.warm_start, bool):
            raise ValueError(f"warm_start must be True or False, got {self.warm_start!r}")
        if callable(self.start):
            return
        if not isinstance(self.start, GaussianMixture):
            raise ValueError(f"start must be a function or a GaussianMixture, got {self.start!r}")
        found = self.start.weights.shape[-1], bool(self.start.event)
        if found != (self.components, self.covariance is not None):
            kind = "of vectors" if self.covariance else "on the line"
            raise ValueError(
                f"start must have {self.components} components {kind}, "
                f"got {found[0]}, with draws of shape {self.start.event}"
            )

    @property
    def minimum_size(self):
        """The smallest sample: a value for each component."""
        return self.components

    @property
    def form(self):
        """The form of the covariances, a key of `em.FORMS`; on the line all are one."""
        return self.covariance or "full"

    def prepared(self, newest, rng):
        """Return the fit as a function of the data; see `collapse.models`."""
        event = getattr(newest, "event", None)
        if event is not None and bool(event) != bool(self.covariance):
            raise ValueError(
                f"covariance must be given for vectors, and for them only, got {self.covariance!r} "
                f"for draws of shape {event}"
            )
        fitted = isinstance(newest, GaussianMixture) and newest.report is not None
        carried_on = self.warm_start and fitted and newest.weights.shape[-1] == self.components
        return partial(self._fit, newest if carried_on else self.start, rng)

    def __call__(self, data):
        """Fit to raw samples, (..., M) or (..., M, d), with a start without random numbers."""
        return self._fit(self.start, None, data)

    def weighted(self, points, masses):
        """Fit on the line to points with masses that are not negative, both of shape (..., N)."""
        return self._climbed(points[..., None], masses, self.start, None)

    def limit(self, truth):
        """Climb from the start on 4001 points over 24 standard deviations in place of a sample.

        A mixture is its own best fit, if it has as many components as are fitted, in at least `TOP`
        steps, and so taken to reach the top of the likelihood.
        """
        known = isinstance(truth, GaussianMixture) and truth.weights.shape[-1] == self.components
        if known and self.iterations >= TOP:
            return truth
        needs(truth, "mean", "variance", "logpdf")
        with np.errstate(invalid="ignore"):  # no variance, or an infinite one
            steps = np.linspace(-12, 12, 4001) * np.sqrt(truth.variance)[..., None]
            masses = np.exp(truth.logpdf(truth.mean[..., None] + steps)) * np.diff(steps)[..., :1]
        if not (np.abs(masses.sum(axis=-1) - 1) < 0.01).all():
            raise ValueError(
                "truth must have a density that 4001 points can resolve, "
                f"got {validation.short(truth)}"
            )
        return self.weighted(truth.mean[..., None] + steps, masses)

    def _fit(self, start, rng, data):
        points = raw_samples(data, event=1) if self.covariance else raw_samples(data)[..., None]
        if points.shape[-2] < self.components:
            raise ValueError(
                f"data must hold at least {self.components} values a chain, got {points.shape[-2]}"
            )
        return self._climbed(points, None, start, rng)

    def _climbed(self, points, masses, start, rng):
        """Run the algorithm over points (..., M, d), with any batch."""
        batch = points.shape[:-2]
        if not callable(start):
            start = start._parts()
            if start.means.shape[-1] != points.shape[-1]:
                raise ValueError(
                    f"data must be of dimension {start.means.shape[-1]}, as the start is, "
                    f"got {points.shape[-1]}"
                )
            single = start.weights.ndim - 1
            try:
                start = [np.broadcast_to(p, batch + p.shape[single:]) for p in start]
            except ValueError:
                raise ValueError(
                    f"start must be one mixture or one for each chain of shape {batch}, "
                    f"got shape {start.weights.shape[:-1]}"
                ) from None
            start = em.Parts(*(p.reshape(-1, *p.shape[len(batch) :]) for p in start))
        points = points.reshape(-1, *points.shape[-2:])
        masses = None if masses is None else masses.reshape(points.shape[:2])
        parts, report = em.climb(points, masses, start, rng, self)
        weights, means, factors = (p.reshape(batch + p.shape[1:]) for p in parts)
        report = report.map(lambda array: array.reshape(batch + array.shape[1:]))
        if self.covariance:
            spread = np.sqrt(0.5) * factors
        else:
            means, spread = means[..., 0], 0.5 * factors[..., 0, 0] ** 2
        return GaussianMixture._of(weights=weights, means=means, spread=spread, report=report)
