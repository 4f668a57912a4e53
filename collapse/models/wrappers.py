"""Procedures that miss the best member of the family, as wrappers around a fit.

Each is a fit itself: it makes the inner fit and then adjusts the model. They compose, as in
``Rounded(Shrunk(FitGaussian(ddof=1), target=1.0, intensity=0.1), "float16")``. Maximum likelihood
gives back a law of the family from endless samples of it; these do not, and miss again at every
generation. What they need of the models of their inner `fit` are methods of these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collapse import validation
from collapse.models.gaussian import Gaussian
from collapse.models.population import population_fit


@dataclass(frozen=True)
class _Procedure:
    """What the procedures share."""

    fit: Callable

    def __post_init__(self):
        if not callable(self.fit):
            raise ValueError(f"fit must be callable, got {validation.short(self.fit)}")

    @property
    def minimum_size(self):
        """The smallest sample that the inner fit accepts."""
        return getattr(self.fit, "minimum_size", 1)

    def __call__(self, data):
        """Fit to data, then adjust the model."""
        return self.adjust(self.fit(data))

    def limit(self, truth):
        """Adjust the limit of the inner fit."""
        return self.adjust(population_fit(self.fit, truth))

    def _asked(self, model, name, words=None):
        """Return what a model must have for the procedure, or refuse the model."""
        if not hasattr(model, name):
            raise ValueError(
                f"fit must give a model with {words or repr(name)} for {type(self).__name__}, "
                f"got {type(model).__name__}"
            )
        return getattr(model, name)


@dataclass(frozen=True, eq=False)
class Shrunk(_Procedure):
    """Shrink the fitted variance or covariance towards a `target`, with the weight `intensity`.

    The target is a variance, which stands for that multiple of the identity in d dimensions, or a
    covariance (d, d); the intensity is in [0, 1].
    """

    target: float | np.ndarray
    intensity: float

    def __post_init__(self):
        super().__post_init__()
        target = validation.finite("target", self.target).copy()
        square = target.ndim == 2 and target.shape[0] == target.shape[1]
        if (target.ndim and not square) or np.linalg.eigvalsh(np.atleast_2d(target)).min() < 0:
            raise ValueError(
                "target must be a variance or a covariance of shape (d, d), "
                f"got {validation.short(self.target)}"
            )
        validation.real("intensity", self.intensity, 0, 1)
        self.__dict__.update(target=target)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return self._asked(model, "respread")(1 - self.intensity, self.intensity * self.target)


@dataclass(frozen=True)
class Regularized(_Procedure):
    """Add `epsilon`, not negative, to the fitted variance, or to the diagonal of the covariance.

    scikit-learn's mixtures call it ``reg_covar``.
    """

    epsilon: float

    def __post_init__(self):
        super().__post_init__()
        validation.real("epsilon", self.epsilon, 0)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return self._asked(model, "respread")(1.0, self.epsilon)


@dataclass(frozen=True)
class StoppedEarly(_Procedure):
    r"""Climb the likelihood from the Gaussian `start` each generation, and stop before the top.

    In the expectation parameters :math:`(E\,x, E\,x^2)` a step of natural gradient ascent on the
    mean log-likelihood goes the fraction `rate`, in [0, 1], of the way to the sample's moments, so
    that `steps` of them go the fraction :math:`1-(1-\mathrm{rate})^{\mathrm{steps}}`, whatever the
    data are.
    """

    start: Gaussian
    rate: float
    steps: int

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.start, Gaussian):
            raise ValueError(f"start must be a Gaussian, got {validation.short(self.start)}")
        validation.real("rate", self.rate, 0, 1)
        validation.integer("steps", self.steps, 0)

    @property
    def fraction(self):
        """How much of the way to the top is gone."""
        return 1 - (1 - self.rate) ** self.steps

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        if not isinstance(model, Gaussian):
            raise ValueError(
                f"fit must give a Gaussian for StoppedEarly, got {type(model).__name__}"
            )
        f, start = self.fraction, self.start
        shift = model.mean - start.mean
        if f == 1:  # at the top: the variance may be smaller than a float
            return Gaussian._of(start.mean + shift, model.mantissa, model.log_scale)
        spread = (1 - f) * start.variance + f * model.variance + f * (1 - f) * shift**2
        return Gaussian(start.mean + f * shift, spread)


@dataclass(frozen=True)
class Decoded(_Procedure):
    """Hand on the decoder's means instead of the law of the data, which has observation noise too.

    The fit is one of an autoencoder, such as `FitProbabilisticPCA`.
    """

    def adjust(self, model):
        """Return the law of the decoder's means."""
        return self._asked(model, "decoded", "a decoder")


@dataclass(frozen=True)
class Sharpened(_Procedure):
    """Sample at a `temperature`: raise the fitted law to the power 1/T and normalise.

    T is positive: below 1 it sharpens, above 1 it flattens. For a Gaussian this multiplies the
    variance by T, the sampling bias of Alemohammad et al. 2023 (arXiv:2307.01850).
    """

    temperature: float

    def __post_init__(self):
        super().__post_init__()
        validation.real("temperature", self.temperature, 0, open_below=True)

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return self._asked(model, "tempered")(self.temperature)


@dataclass(frozen=True)
class Rounded(_Procedure):
    """Keep data and parameters in a shorter floating-point format `dtype`, such as ``"float16"``.

    Raw samples are rounded to it, and so are the fitted mean and variance, or the probabilities,
    which are then normalised; the arithmetic between is in double precision. Sufficient statistics
    stand for samples that were not rounded. A value too large for the format raises ValueError.
    """

    dtype: str | type

    def __post_init__(self):
        super().__post_init__()
        try:
            np.finfo(self.dtype)
        except (TypeError, ValueError):
            raise ValueError(
                f"dtype must be a floating-point format, got {validation.short(self.dtype)}"
            ) from None

    def adjust(self, model):
        """Return the model that the procedure makes of the fitted one."""
        return self._asked(model, "rounded")(self._round)

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
