"""Whatever finite numbers come in: no NaN, no warning, no error but one that names the argument.

``COLLAPSE_FUZZ=100000 pytest tests/test_fuzz.py`` tries that many examples of each.
"""

import os
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collapse.measure import distances
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.empirical import Empirical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.histogram import FitHistogram
from collapse.models.kde import FitKernelDensity, KernelDensity, scott, silverman
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.policies import AccumulateSubsample, FreshReal, accumulate, replace
from collapse.recursion import draw_samples, draw_statistics, recurse
from collapse.theory import categorical, drift, gaussian, mixing, realdata

EXAMPLES = int(os.environ.get("COLLAPSE_FUZZ", "25"))
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
number = st.one_of(
    st.floats(-1e3, 1e3), st.floats(-1e100, 1e100), st.sampled_from([0.0, 1e-300, 1.0, 1e100])
)
spread = number.map(abs)
numbers = st.lists(number, min_size=2, max_size=6)
shares = st.lists(st.floats(1e-9, 1), min_size=2, max_size=5).map(lambda w: np.divide(w, sum(w)))
vectors = st.lists(st.tuples(number, number), min_size=3, max_size=6)

LAWS = st.one_of(
    st.builds(Gaussian, number, spread),
    st.builds(KernelDensity, numbers, spread),
    st.builds(
        lambda w, m: GaussianMixture(w, np.linspace(-m, m, len(w)), np.ones(len(w))), shares, number
    ),
    st.builds(Empirical, numbers),
    st.builds(lambda x: FitHistogram(np.linspace(-1, 1, 5))(x), numbers),
)
FITS = st.one_of(
    st.sampled_from([FitGaussian(ddof=0), FitGaussian(ddof=1), FitKernelDensity(scott)]),
    st.sampled_from([FitKernelDensity(silverman), FitHistogram(np.linspace(-1, 1, 5))]),
    st.sampled_from([FitGaussianMixture(1), FitGaussianMixture(2, iterations=9)]),
)


@contextmanager
def refused_by_name(*names):
    """Nothing is raised, or a ValueError that names one of these arguments."""
    try:
        yield
    except ValueError as error:
        if not any(name in str(error) for name in names):
            raise


def known(values):
    """No entry is NaN."""
    assert not np.isnan(np.asarray(values, dtype=float)).any()
    return values


@pytest.fixture(autouse=True)
def strict():
    """Warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@fuzz
@given(LAWS, numbers, LAWS)
def test_laws_on_the_line(law, x, other):
    rng = np.random.default_rng(1)
    drawn = known(law.sample(2, rng))
    known(law.mean), known(law.variance)
    for function in (getattr(law, name, None) for name in ("logpdf", "cdf")):
        if function:
            known(function(x)), known(function(drawn))
    scores = np.array([-8.0, -1.0, 0.0, 3.0])
    assert (np.diff(known(law.quantiles(scores))) >= 0).all()
    known(distances.squared_w2(law, other))
    known(distances.tail_mass(law, other))
    if hasattr(law, "logpdf"):
        assert known(distances.kl(law, law)) == pytest.approx(0, abs=1e-9)


@fuzz
@given(FITS, numbers)
def test_fits_on_the_line(fit, x):
    with refused_by_name("data", "samples"):
        rng = np.random.default_rng(1)
        model = fit.prepared(None, rng)(x) if hasattr(fit, "prepared") else fit(x)
        known(model.mean), known(model.variance), known(model.sample(2, rng))


@fuzz
@given(vectors, vectors)
def test_vectors(x, y):
    one, other = (FitMultivariateGaussian(ddof=1)(np.array(v)) for v in (x, y))
    known(one.sample(3, np.random.default_rng(1)))
    if np.isfinite(one.log_determinant):
        known(one.logpdf(np.array(y)))
    assert known(distances.kl(one, one)) == 0
    known(distances.kl(one, other)), known(distances.squared_w2(one, other))
    law = MultivariateGaussian(x[0], np.diag(np.abs(x[1])))
    known(distances.kl(law, one))
    if np.isfinite(law.log_determinant):
        known(law.logpdf(np.array(y)))


@fuzz
@given(
    shares,
    st.integers(1, 2**62),
    st.integers(0, 40),
    st.sampled_from([replace, accumulate, FreshReal(share=0.1), AccumulateSubsample(2)]),
)
def test_words(p, size, generations, policy):
    run = {"sample_size": size, "generations": generations, "policy": policy, "chains": 2, "rng": 1}
    with refused_by_name("size", "budget"):
        model = recurse(Categorical(p), FitCategorical(len(p)), **run).newest
        assert model.probabilities.sum(axis=-1) == pytest.approx(1)
        for function in (distances.gini_simpson, distances.alive, distances.effective_number):
            known(function(model))
    known(categorical.expected_alive(p, size, generations))
    known(categorical.expected_mass_lost(p, size))
    known(realdata.fresh_diversity(size, generations, 1))
    known(drift.diversity_kept(size, generations)), known(mixing.diversity_accumulated(size, 9))


@fuzz
@given(
    number,
    spread,
    st.integers(2, 2**62),
    st.integers(0, 30),
    st.sampled_from([replace, accumulate, FreshReal(number=1)]),
    st.sampled_from([0, 1]),
)
def test_gaussians(mean, variance, size, generations, policy, ddof):
    draw = draw_samples if size < 100 else draw_statistics
    run = {"sample_size": size, "generations": generations, "policy": policy, "draw": draw}
    with refused_by_name("size"):
        model = recurse(Gaussian(mean, variance), FitGaussian(ddof=ddof), rng=1, **run).newest
        known(model.mean), known(model.variance), known(model.entropy)
    for law in (gaussian.variance_of_mean, gaussian.expected_risk):
        known(law(size, min(generations, 5), ddof=ddof, variance=variance))
