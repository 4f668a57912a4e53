"""What strangers' models are told: our own pass, and each broken one hears what is wrong."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from collapse.models.adapters import ScipyLaw
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.empirical import Empirical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.histogram import FitHistogram
from collapse.models.kde import FitKernelDensity, KernelDensity, scott
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.testing import agrees, check_model, refuted

GOOD = {
    "gaussian": (Gaussian(1, 2), FitGaussian(ddof=1)),
    "vectors": (MultivariateGaussian([0, 1], np.eye(2)), FitMultivariateGaussian(ddof=0)),
    "words": (Categorical([0.5, 0.3, 0.2]), FitCategorical(3)),
    "histogram": (FitHistogram(np.linspace(-3, 3, 9))([0.1, 1.2, -2.5]), FitGaussian(ddof=0)),
    "kernels": (KernelDensity([0.0, 2.0], 0.4), FitKernelDensity(scott)),
    "mixture": (GaussianMixture([0.4, 0.6], [-2, 2], [1, 1]), FitGaussianMixture(2)),
    "scipy": (ScipyLaw(stats.laplace()), FitGaussian(ddof=0)),
    "data": (Empirical(np.arange(60.0), replacement=True), FitGaussian(ddof=0)),
}


@pytest.mark.parametrize("name", GOOD)
def test_models_of_the_package_pass(name):
    report = check_model(*GOOD[name])
    assert report.faults == (), str(report)
    assert str(report).startswith("All that was tried")


@dataclass(frozen=True)
class Flat:
    """Uniform on [low, low + 1], the shape of a stranger's model."""

    low: object = 0.0

    def broadcast(self, chains):
        return replace(self, low=np.full(chains, float(np.mean(self.low))))

    def sample(self, size, rng):
        low = np.asarray(self.low)
        return low[..., None] + rng.random((*low.shape, size))

    def logpdf(self, x):
        low = np.asarray(self.low)[..., None]
        return np.where((x >= low) & (x <= low + 1), 0.0, -np.inf)

    @property
    def mean(self):
        return np.asarray(self.low) + 0.5


def fit_flat(data):
    return Flat(np.median(data, axis=-1) - 0.5)


class Seeded(Flat):
    def sample(self, size, rng):
        return super().sample(size, np.random.default_rng(3))


class Unnormalised(Flat):
    def logpdf(self, x):
        return super().logpdf(x) + 1


class Elsewhere(Flat):
    def logpdf(self, x):
        return super().logpdf(x - 0.3)


class Unknown(Flat):
    def sample(self, size, rng):
        drawn = super().sample(size, rng)
        return np.where(drawn > drawn.max() - 1e-12, np.nan, drawn)


class Deaf(Flat):
    def sample(self, size, rng):
        return super().sample(40, rng)


class Pooled(Flat):
    def sample(self, size, rng):
        return rng.random(size)


class Twins(Flat):
    def sample(self, size, rng):
        return np.asarray(self.low)[..., None] + rng.random(size)


class Loose(Flat):
    __setattr__ = object.__setattr__


def pooling(data):
    return Flat(np.median(data) - 0.5 + np.zeros(len(data)))


def scalar(data):
    return Flat(float(np.median(data)))


def wrong_axis(data):
    return Flat(np.median(data, axis=0))


def vandal(data):
    data -= data.mean()
    return fit_flat(data)


@pytest.mark.parametrize(
    ("model", "fit", "said"),
    [
        (Seeded(), None, "is there a seed in the model"),
        (Unnormalised(), None, "must have the total 1, got about 2.7"),
        (Elsewhere(), None, "must be of one law"),
        (Unknown(), None, "draws must be finite"),
        (Deaf(), None, "must heed its size"),
        (Pooled(), None, r"must have shape \(3, 40, ...\)"),
        (Twins(), None, "chains must have draws of their own"),
        (Loose(), None, "its low can be set"),
        (Flat(), pooling, "as if fitted alone"),
        (Flat(), scalar, "one law for each chain"),
        (Flat(), wrong_axis, "wrong axis"),
        (Flat(), vandal, "leave its data alone"),
        (object(), None, "must draw, but raises"),
    ],
    ids=lambda thing: getattr(thing, "__name__", type(thing).__name__),
)
def test_each_fault_is_named(model, fit, said):
    report = check_model(model, fit)
    assert any(re.search(said, fault) for fault in report.faults), report


def test_the_stranger_without_faults():
    assert check_model(Flat(), fit_flat).faults == ()


def test_the_rule_for_numbers():
    x = stats.zscore(np.random.default_rng(1).normal(size=400), ddof=1)  # a standard error of 1/20
    assert agrees(x, 0) and not refuted(x, 0)
    assert refuted(x, 1) and not agrees(x, 1)
    assert not agrees(x, 0.33) and not refuted(x, -0.33)
    broken = np.where(np.arange(400) == 7, np.nan, x)
    assert not agrees(broken, 0) and not refuted(broken, 5)
