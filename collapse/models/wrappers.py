"""Procedures that miss the best member of the family, as wrappers around a fit.

Each is a fit itself: it makes the inner fit and then adjusts the model. They compose, as in
``Rounded(Shrunk(FitGaussian(ddof=1), target=1.0, intensity=0.1), "float16")``. Maximum likelihood
gives back a law of the family from endless samples of it; these do not, and miss again at every
generation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collapse import validation
from collapse.models.categorical import Categorical
from collapse.models.gaussian import Gaussian
from collapse.models.multivariate_gaussian import MultivariateGaussian


class _Wrapper:
    """What the procedures share."""

    def __post_init__(self):
        if not callable(self.fit):
            raise ValueError(f"fit must be callable, got {self.fit!r}")

    @property
    def minimum_size(self):
        """The smallest sample that the inner fit accepts."""
        return getattr(self.fit, "minimum_size", 1)


def _only(name, model, kinds):
    """Refuse a model that a procedure has no definition for."""
    if not isinstance(model, kinds):
        allowed = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"fit must give a {allowed} for {name}, got {type(model).__name__}")


def _affine(name, model, keep, add):
    """Return a Gaussian model with the variance, or covariance, ``keep * variance + add``."""
    _only(name, model, (Gaussian, MultivariateGaussian))
    add, d = np.asarray(add), 0 if isinstance(model, Gaussian) else model.mean.shape[-1]
    if add.ndim and add.shape != (d, d):
        raise ValueError(
            f"target must be a number or of the data's dimension, got shape {add.shape}"
        )
    if isinstance(model, Gaussian):
        return Gaussian(model.mean, keep * model.variance + add)
    add = add if add.ndim else add * np.eye(d)
    return MultivariateGaussian(model.mean, keep * model.covariance + add)


@dataclass(frozen=True, eq=False)
class Shrunk(_Wrapper):
    """Shrink the fitted variance or covariance towards a target.

    Parameters
    ----------
    fit : callable
        A fit of a Gaussian, on the line or in d dimensions.
    target : float or array_like, shape (d, d)
        The variance or covariance shrunk to; a number stands for that multiple of the identity.
    intensity : float
        The weight of the target, in [0, 1].

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    fit: Callable
    target: float | np.ndarray
    intensity: float

    def __post_init__(self):
        super().__post_init__()
        target = validation.finite("target", self.target).copy()
        square = target.ndim == 2 and target.shape[0] == target.shape[1]
        if (target.ndim and not square) or np.linalg.eigvalsh(np.atleast_2d(target)).min() < 0:
            raise ValueError(
                f"target must be a variance or a covariance of shape (d, d), got {self.target!r}"
            )
        validation.real("intensity", self.intensity, 0, 1)
        self.__dict__.update(target=target)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return _affine("Shrunk", model, 1 - self.intensity, self.intensity * self.target)

    def __call__(self, data):
        """Fit to data, then shrink."""
        return self.adjust(self.fit(data))


@dataclass(frozen=True)
class Regularized(_Wrapper):
    """Add a constant to the fitted variance, or to the diagonal of the covariance.

    Parameters
    ----------
    fit : callable
        A fit of a Gaussian, on the line or in d dimensions.
    epsilon : float
        What is added, not negative; scikit-learn's mixtures call it ``reg_covar``.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    fit: Callable
    epsilon: float

    def __post_init__(self):
        super().__post_init__()
        validation.real("epsilon", self.epsilon, 0)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return _affine("Regularized", model, 1.0, self.epsilon)

    def __call__(self, data):
        """Fit to data, then regularise."""
        return self.adjust(self.fit(data))


@dataclass(frozen=True)
class StoppedEarly(_Wrapper):
    r"""Climb the likelihood from the same start each generation, and stop before the top.

    In the expectation parameters :math:`(E\,x, E\,x^2)` a step of natural gradient ascent on the
    mean log-likelihood goes the fraction `rate` of the way to the sample's moments, so that
    ``steps`` of them go the fraction :math:`1-(1-\mathrm{rate})^{\mathrm{steps}}`, whatever the
    data are.

    Parameters
    ----------
    fit : callable
        A fit of a Gaussian on the line, the top of the climb.
    start : Gaussian
        The model that training starts from.
    rate : float
        The learning rate, in [0, 1].
    steps : int
        The number of steps.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    fit: Callable
    start: Gaussian
    rate: float
    steps: int

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.start, Gaussian):
            raise ValueError(f"start must be a Gaussian, got {self.start!r}")
        validation.real("rate", self.rate, 0, 1)
        validation.integer("steps", self.steps, 0)

    @property
    def fraction(self):
        """How much of the way to the top is gone."""
        return 1 - (1 - self.rate) ** self.steps

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        _only("StoppedEarly", model, (Gaussian,))
        f, start = self.fraction, self.start
        shift = model.mean - start.mean
        spread = (1 - f) * start.variance + f * model.variance + f * (1 - f) * shift**2
        return Gaussian(start.mean + f * shift, spread)

    def __call__(self, data):
        """Fit to data, and go part of the way from the start."""
        return self.adjust(self.fit(data))


@dataclass(frozen=True)
class Decoded(_Wrapper):
    """Hand on the decoder's means instead of the law of the data, which has observation noise too.

    Parameters
    ----------
    fit : callable
        A fit of an autoencoder, such as `FitProbabilisticPCA`.

    Raises
    ------
    ValueError
        If `fit` is not callable, or its models have no decoder.
    """

    fit: Callable

    def adjust(self, model):
        """Return the law of the decoder's means."""
        if not hasattr(model, "decoded"):
            raise ValueError(f"fit must give a model with a decoder, got {type(model).__name__}")
        return model.decoded

    def __call__(self, data):
        """Fit to data, then leave the noise out."""
        return self.adjust(self.fit(data))


@dataclass(frozen=True)
class Sharpened(_Wrapper):
    """Sample at a temperature: raise the fitted law to the power 1/T and normalise.

    For a Gaussian this multiplies the variance by T, the sampling bias of Alemohammad et al. 2023
    (arXiv:2307.01850).

    Parameters
    ----------
    fit : callable
        A fit of a categorical law or of a Gaussian.
    temperature : float
        T, positive: below 1 it sharpens, above 1 it flattens.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    fit: Callable
    temperature: float

    def __post_init__(self):
        super().__post_init__()
        validation.real("temperature", self.temperature, 0, open_below=True)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        _only("Sharpened", model, (Categorical, Gaussian, MultivariateGaussian))
        return model.tempered(self.temperature)

    def __call__(self, data):
        """Fit to data, then sharpen."""
        return self.adjust(self.fit(data))


@dataclass(frozen=True)
class Rounded(_Wrapper):
    """Keep data and parameters in a shorter floating-point format.

    Parameters
    ----------
    fit : callable
        A fit of a categorical law or of a Gaussian on the line.
    dtype : str or dtype
        The format, such as ``"float16"``. Raw samples are rounded to it, and so are the fitted
        mean and variance, or the probabilities, which are then normalised; the arithmetic between
        is in double precision. Sufficient statistics stand for samples that were not rounded.

    Raises
    ------
    ValueError
        If an argument is out of range, or a value too large for the format.
    """

    fit: Callable
    dtype: str | type

    def __post_init__(self):
        super().__post_init__()
        try:
            np.finfo(self.dtype)
        except (TypeError, ValueError):
            raise ValueError(f"dtype must be a floating-point format, got {self.dtype!r}") from None

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        _only("Rounded", model, (Categorical, Gaussian))
        if isinstance(model, Gaussian):
            return Gaussian(self._round(model.mean), self._round(model.variance))
        columns = self._round(model.columns)
        return Categorical._of(
            columns / columns.sum(axis=-1, keepdims=True), model.support, model.categories
        )

    def __call__(self, data):
        """Fit to rounded data, then round the parameters."""
        samples = isinstance(data, np.ndarray) and data.dtype.kind == "f"
        return self.adjust(self.fit(self._round(data) if samples else data))

    def _round(self, values):
        """Round to the format, and return double precision."""
        with np.errstate(over="ignore", under="ignore"):
            rounded = np.asarray(values).astype(self.dtype).astype(float)
        if np.isinf(rounded).any():
            raise ValueError(f"data must fit into {np.dtype(self.dtype)}, got a value beyond it")
        return rounded
