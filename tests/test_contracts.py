"""One suite of contracts, run over every model."""

import copy
import dataclasses
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from scipy import integrate, stats
from sklearn import neighbors
from twins import (
    NGramTwin,
    autoencoder_chain,
    categorical_chain,
    gaussian_chain,
    histogram_chain,
    kernel_chain,
    law_chain,
    mixture_chain,
    multivariate_chain,
    neural_chain,
    ngram_chain,
    vae_chain,
)

from collapse import models
from collapse.measure import distances
from collapse.models.adapters import FitEstimator, ScipyLaw
from collapse.models.categorical import Categorical, CategoricalCounts, FitCategorical
from collapse.models.empirical import Empirical
from collapse.models.gaussian import FitGaussian, Gaussian, GaussianStatistics
from collapse.models.histogram import FitHistogram, Histogram, HistogramCounts
from collapse.models.kde import FitKernelDensity, KernelDensity, scott
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.multivariate_gaussian import (
    FitMultivariateGaussian,
    MultivariateGaussian,
    MultivariateStatistics,
)
from collapse.models.neural_language import FitNeuralLanguage, NeuralLanguage, Shape
from collapse.models.ngram.counts import FitNGram, NGram
from collapse.models.ngram.smoothing import KneserNey
from collapse.models.ppca import FitProbabilisticPCA, ProbabilisticPCA
from collapse.models.vae import VAE, FitVAE
from collapse.models.vae_network import Network
from collapse.models.wrappers import (
    Decoded,
    Regularized,
    Rounded,
    Sharpened,
    Shrunk,
    StoppedEarly,
)
from collapse.policies import accumulate, pool, replace
from collapse.recursion import draw_samples, draw_statistics, recurse
from collapse.seeds import seeded

SIZES = [4, 3, 5]
each_policy = pytest.mark.parametrize("policy", [replace, accumulate])


@dataclass(frozen=True, eq=False)
class Case:
    """A reality, how it is fitted, and what is known of both from elsewhere."""

    name: str
    make: Callable  # make(*arguments) is the reality
    arguments: tuple
    fit: Callable
    event: tuple  # the shape of one draw
    density: Callable | None  # log density or log probability, by scipy; None if it has none
    of: Callable | None  # the statistics of raw samples
    parameters: Callable  # parameters(model): arrays that determine it
    summaries: Callable  # summaries(model): shape (chains, S)
    twin: Callable  # twin(sizes, rng, accumulate): summaries of one chain, shape (N, S)
    wrong: Callable  # a fit, or sizes, that the twin must refute
    deviations: Callable  # (fitted, reality, M): shape (chains, S), second moments near 1
    chains: int = 8000

    @property
    def reality(self):
        return self.make(*self.arguments)


def on_the_line(mean, std):
    return np.stack([mean, np.log1p(std), std], axis=-1)


def gaussian(ddof):
    def twin(sizes, rng, pooled):
        means, variances = gaussian_chain(-1.0, 2.0, ddof, sizes, rng, pooled)
        return on_the_line(means, np.sqrt(variances))[1:]

    return Case(
        name=f"gaussian, ddof={ddof}",
        make=Gaussian,
        arguments=(np.array(-1.0), np.array(2.0)),
        fit=FitGaussian(ddof),
        event=(),
        density=stats.norm(-1, np.sqrt(2)).logpdf,
        of=GaussianStatistics.of,
        parameters=lambda m: (m.mean, m.variance),
        summaries=lambda m: on_the_line(m.mean, m.std),
        twin=twin,
        wrong={"fit": FitGaussian(1 - ddof)},
        deviations=lambda m, r, size: np.stack(
            [
                (m.mean - r.mean) * np.sqrt(size / r.variance),
                (m.log_variance - r.log_variance) * np.sqrt(size / 2),
            ],
            axis=-1,
        ),
    )


def scipy_law():
    law = stats.laplace(1.0, 2.0)

    def twin(sizes, rng, pooled):
        draw = lambda size, rng: rng.laplace(1.0, 2.0, size)  # noqa: E731
        means, variances = law_chain(draw, 1, sizes, rng, pooled)
        return on_the_line(means, np.sqrt(variances))

    return Case(
        name="law of scipy",
        make=ScipyLaw,
        arguments=(law,),
        fit=FitGaussian(ddof=1),
        event=(),
        density=law.logpdf,
        of=None,
        parameters=lambda m: (m.mean, m.variance),
        summaries=lambda m: on_the_line(m.mean, m.std),
        twin=twin,
        wrong={"fit": FitGaussian(ddof=0)},
        deviations=None,
    )


def empirical():
    values = np.array([0.5, -1.0, 2.0, 4.0, 3.5])
    draw = lambda size, rng: [values[int(5 * rng.random())] for _ in range(size)]  # noqa: E731

    def twin(sizes, rng, pooled):
        means, variances = law_chain(draw, 1, sizes, rng, pooled)
        return on_the_line(means, np.sqrt(variances))

    return dataclasses.replace(
        scipy_law(),
        name="data",
        make=partial(Empirical, event=0, replacement=True),
        arguments=(values,),
        density=None,
        twin=twin,
    )


def multivariate(d, ddof):
    shape = np.tri(d) + np.diag(np.arange(d))
    mean, covariance = np.arange(d) - 1.0, shape @ shape.T / d
    root = np.linalg.cholesky(covariance)

    def features(mean, covariance):
        trace = np.trace(covariance, axis1=-2, axis2=-1)
        entries = mean[..., 0], mean[..., -1], np.log(trace), covariance[..., 0, -1] / trace
        return np.stack([*entries, covariance[..., -1, -1] / trace], axis=-1)

    def deviations(m, r, size):
        scatter = np.linalg.solve(root, np.linalg.solve(root, m.covariance - r.covariance).mT)
        white = np.linalg.solve(root, (m.mean - r.mean)[..., None])[..., 0]
        spread = np.stack([scatter[:, 0, 0] / np.sqrt(2), scatter[:, 0, -1]], axis=-1)
        return np.concatenate([white, spread], axis=-1) * np.sqrt(size)

    return Case(
        name=f"multivariate gaussian, d={d}, ddof={ddof}",
        make=MultivariateGaussian,
        arguments=(mean, covariance),
        fit=FitMultivariateGaussian(ddof),
        event=(d,),
        density=stats.multivariate_normal(mean, covariance).logpdf,
        of=MultivariateStatistics.of,
        parameters=lambda m: (m.mean, m.covariance, m.log_determinant),
        summaries=lambda m: features(m.mean, m.covariance),
        twin=lambda *a: features(
            *multivariate_chain(mean, covariance, ddof, a[0], a[1], accumulate=a[2])
        )[1:],
        wrong={"fit": FitMultivariateGaussian(1 - ddof)},
        deviations=deviations,
        chains=4000,
    )


def linear_autoencoder(noise=None, decoded=False):
    mean, loadings = np.array([1.0, -1.0, 0.5, 0.0]), np.array([[2.0], [1.0], [0.5], [-1.0]])
    covariance = loadings @ loadings.T + 0.6 * np.eye(4)
    fit = FitProbabilisticPCA(1, noise)
    wrap = Decoded if decoded else lambda fit: fit

    def features(mean, covariance):
        # of one component: logarithms, and entries that do not depend on its sign
        trace = np.trace(covariance, axis1=-2, axis2=-1)
        parts = mean[..., 0], np.log(trace), covariance[..., 0, 1] / trace
        return np.stack([*parts, covariance[..., 3, 3] / trace], axis=-1)

    def deviations(m, r, size):
        along = np.sqrt(size / (loadings[:, 0] @ covariance @ loadings[:, 0]))
        spread = distances.total_variance(m) - np.trace(covariance)
        scale = np.sqrt(size / (2 * (covariance**2).sum()))
        return np.stack([(m.mean - r.mean) @ loadings[:, 0] * along, spread * scale], axis=-1)

    return Case(
        name=f"linear autoencoder, noise={noise}{', decoded' * decoded}",
        make=ProbabilisticPCA,
        arguments=(mean, loadings, np.array(0.6)),
        fit=wrap(fit),
        event=(4,),
        density=stats.multivariate_normal(mean, covariance).logpdf,
        of=MultivariateStatistics.of if noise is None and not decoded else None,
        parameters=lambda m: (m.mean, m.covariance),
        summaries=lambda m: features(m.mean, m.covariance),
        twin=lambda *a: features(*autoencoder_chain(mean, covariance, noise, decoded, *a)),
        wrong={"sample_size": [m + 2 for m in SIZES]},
        deviations=deviations,
        chains=3000,
    )


def categorical(name, p):
    def features(p):
        return np.concatenate([p[..., :2], 1 - (p**2).sum(-1)[..., None], p[..., -1:] > 0], -1)

    return Case(
        name=name,
        make=Categorical,
        arguments=(p,),
        fit=FitCategorical(len(p)),
        event=(),
        density=stats.rv_discrete(values=(np.arange(len(p)), p)).logpmf,
        of=lambda x: CategoricalCounts.of(x, len(p)),
        parameters=lambda m: (m.probabilities,),
        summaries=lambda m: features(m.probabilities),
        twin=lambda *a: features(categorical_chain(p, a[0], a[1], accumulate=a[2]))[1:],
        wrong={"sample_size": [m + 2 for m in SIZES]},
        deviations=lambda m, r, size: (
            (m.probabilities - r.probabilities)[:, :3]
            * np.sqrt(size / (r.probabilities * (1 - r.probabilities))[:, :3])
        ),
        chains=4000,
    )


def kernel(name, h, wrong):
    points, bandwidth = np.array([-1.5, 0.2, 1.0]), np.array(0.4)
    bumps = [stats.norm(point, bandwidth) for point in points]
    return Case(
        name=name,
        make=KernelDensity,
        arguments=(points, bandwidth),
        fit=FitKernelDensity(h),
        event=(),
        density=lambda x: np.log(np.mean([bump.pdf(x) for bump in bumps], axis=0)),
        of=None,
        parameters=lambda m: (m.points, m.bandwidth),
        summaries=lambda m: on_the_line(m.mean, np.sqrt(m.variance)),
        twin=lambda *a: on_the_line(*kernel_chain(points, bandwidth, h, *a)),
        wrong={"fit": FitKernelDensity(wrong)},
        deviations=None,
        chains=3000,
    )


def histogram():
    masses, edges = np.array([0.1, 0.4, 0.2, 0.3, 0.0]), np.array([-2.0, -1.0, 0.5, 1.0, 2.0, 4.0])
    features = lambda p: np.concatenate([p, (p**2).sum(-1)[..., None]], axis=-1)  # noqa: E731
    return Case(
        name="histogram",
        make=partial(Histogram, edges=edges),
        arguments=(masses,),
        fit=FitHistogram(edges),
        event=(),
        density=stats.rv_histogram((masses, edges), density=False).logpdf,
        of=lambda x: HistogramCounts.of(x, edges),
        parameters=lambda m: (m.masses,),
        summaries=lambda m: features(m.masses),
        twin=lambda *a: features(histogram_chain(masses, edges, *a))[1:],
        wrong={"sample_size": [m + 2 for m in SIZES]},
        deviations=lambda m, r, size: (
            (m.masses - r.masses)[:, :3] * np.sqrt(size / (r.masses * (1 - r.masses))[:, :3])
        ),
        chains=3000,
    )


def mixture():
    parts = np.array([0.3, 0.7]), np.array([-2.0, 1.0]), np.array([0.5, 1.5])
    bumps = [stats.norm(mean, np.sqrt(variance)) for _, mean, variance in zip(*parts, strict=True)]
    vectors = parts[0], parts[1][:, None], parts[2][:, None, None]

    def features(weights, means, variances):
        mean = (weights * means).sum(-1)
        std = np.sqrt((weights * (variances + (means - mean[..., None]) ** 2)).sum(-1))
        gap = (means[..., 1] - means[..., 0]) / std
        narrow = np.sqrt(variances[..., 0]) / std
        return np.stack([mean, np.log1p(std), std, weights[..., 0], gap, narrow], axis=-1)

    def twin(*arguments):
        weights, means, covariances = mixture_chain(*vectors, 3, *arguments)
        return features(weights, means[..., 0], covariances[..., 0, 0])

    return Case(
        name="gaussian mixture",
        make=GaussianMixture,
        arguments=parts,
        fit=FitGaussianMixture(2, tolerance=0, iterations=3),
        event=(),
        density=lambda x: np.log(parts[0] @ [bump.pdf(x) for bump in bumps]),
        of=None,
        parameters=lambda m: (m.weights, m.means, m.variances),
        summaries=lambda m: features(m.weights, m.means, m.variances),
        twin=twin,
        wrong={"fit": FitGaussianMixture(2, tolerance=0, iterations=1)},
        deviations=None,
        chains=1500,
    )


def multivariate_mixture():
    weights, means = np.array([0.3, 0.7]), np.array([[-1.0, 0.0], [1.0, 0.5]])
    covariances = np.array([[[1.0, 0.3], [0.3, 0.8]], [[1.2, -0.4], [-0.4, 1.0]]])
    parts = weights, means, covariances
    bumps = [stats.multivariate_normal(*bump) for bump in zip(means, covariances, strict=True)]

    def features(weights, means, covariances):
        gap = np.linalg.norm(means[..., 1, :] - means[..., 0, :], axis=-1)
        within = np.sqrt((weights[..., None] * np.einsum("...kii->...ki", covariances)).sum(-2))
        mean = (weights[..., None] * means).sum(-2)
        entries = np.stack([weights[..., 0], gap, covariances[..., 0, 0, 1]], axis=-1)
        return np.concatenate([mean, within, entries], axis=-1)

    return Case(
        name="gaussian mixture in the plane",
        make=lambda w, m, c: GaussianMixture(w, m, covariances=c),
        arguments=parts,
        fit=FitGaussianMixture(2, "full", tolerance=0, iterations=3, regulariser=0.1),
        event=(2,),
        density=lambda x: np.log(weights @ [bump.pdf(x) for bump in bumps]),
        of=None,
        parameters=lambda m: (m.weights, m.means, m.factors),
        summaries=lambda m: features(m.weights, m.means, m.covariances),
        twin=lambda *a: features(*mixture_chain(*parts, 3, *a, regulariser=0.1)),
        wrong={"fit": FitGaussianMixture(2, "full", tolerance=0, iterations=1)},
        deviations=None,
        chains=1500,
    )


def estimator():
    points, narrow, wide = np.array([-1.5, 0.2, 1.0]), 0.4, 3.0
    bumps = [stats.norm(point, narrow) for point in points]

    def bounded(mean, std):  # few chains ask for features with light tails
        return np.stack([mean / (1 + std), np.log(std)], axis=-1)

    def make(points):
        return FitEstimator(neighbors.KernelDensity(bandwidth=narrow))(points)

    def summaries(model):
        data = np.array([np.asarray(law.tree_.data)[:, 0] for law in model.estimators])
        bandwidth = [law.bandwidth for law in model.estimators]
        return bounded(data.mean(-1), np.sqrt(data.var(-1) + np.square(bandwidth)))

    return Case(
        name="estimator of scikit-learn",
        make=make,
        arguments=(points,),
        fit=FitEstimator(neighbors.KernelDensity(bandwidth=wide)),
        event=(),
        density=lambda x: np.log(np.mean([bump.pdf(x) for bump in bumps], axis=0)),
        of=None,
        parameters=lambda m: [np.asarray(law.tree_.data) for law in m.estimators.flat],
        summaries=summaries,
        twin=lambda *a: bounded(*kernel_chain(points, narrow, wide, *a)),
        wrong={"fit": FitEstimator(neighbors.KernelDensity(bandwidth=1.0))},
        deviations=None,
        chains=500,
    )


def ngrams():
    text = np.array([[0, 1, 2], [0, 1, 1], [2, 2, 1]])
    twin = partial(NGramTwin, order=2, words=3, discount=[0.5, 0.5])
    starts = np.empty((1, 0), dtype=int), np.arange(3)[:, None]  # a block's start, each word

    def laws(m):
        return np.concatenate([m.next_law(tokens) for tokens in starts], axis=-2)

    def features(laws):
        laws = laws.reshape(*laws.shape[:-2], 12)
        return np.concatenate([laws, np.log(laws[..., :3])], axis=-1)

    def slow(m):
        return [[m.probability(w, (c,)) for w in range(3)] for c in (None, 0, 1, 2)]

    return Case(
        name="n-grams",
        make=FitNGram(2, 3, KneserNey(0.5)),
        arguments=(text,),
        fit=FitNGram(2, 3, KneserNey(0.5)),
        event=(3,),
        density=lambda x: np.log(
            [twin(text.tolist()).block_probability(row) for row in x.tolist()]
        ),
        of=None,
        parameters=lambda m: (laws(m),),
        summaries=lambda m: features(laws(m)),
        twin=lambda *a: features(
            np.array([slow(m) for m in ngram_chain(text.tolist(), 2, 3, [0.5, 0.5], *a)])
        ),
        wrong={"fit": FitNGram(2, 3, KneserNey(1.0))},
        deviations=None,
        chains=800,
    )


def neural_language():
    shape = Shape(vocabulary_size=3, context=1, width=2, units=2)
    parameters = np.random.default_rng(2).normal(size=shape.size).astype(np.float32)
    fit = FitNeuralLanguage(3, context=1, width=2, units=2, epochs=3, batch=4, rate=0.3)
    start, each = np.empty((1, 0), dtype=int), np.arange(3)[:, None]

    def laws(model):
        return np.concatenate([model.next_law(each), model.next_law(start)], axis=-2)

    def features(laws):
        entropies = -(laws * np.log(laws)).sum(axis=-1)
        return np.concatenate([laws.reshape(*laws.shape[:-2], -1), entropies], axis=-1)

    return Case(
        name="neural language",
        make=partial(NeuralLanguage, shape, length=3),
        arguments=(parameters,),
        fit=fit,
        event=(3,),
        density=None,
        of=None,
        parameters=lambda m: (m.parameters,),
        summaries=lambda m: features(laws(m)),
        twin=lambda *a: features(neural_chain(shape.layers(parameters), 3, 3, 4, 0.3, *a)),
        wrong={"fit": dataclasses.replace(fit, rate=0.03)},
        deviations=None,
        chains=500,
    )


def procedure(fit, adjust, wrong):
    """Return a case of a fit that adjusts the unbiased Gaussian fit's (mean, variance)."""

    def twin(sizes, rng, pooled):
        mean, variance, data, rows = -1.0, 2.0, [], []
        for size in sizes:
            new = list(rng.normal(mean, np.sqrt(variance), size))
            data = data + new if pooled else new
            mean, variance = adjust(np.mean(data), np.var(data, ddof=1))
            rows.append((mean, np.sqrt(variance)))
        return on_the_line(*np.transpose(rows))

    return dataclasses.replace(
        gaussian(ddof=1),
        name=type(fit).__name__.lower(),
        fit=fit,
        of=None,  # the model of endless draws is not their law
        twin=twin,
        wrong={"fit": wrong},
        deviations=None,
        chains=3000,
    )


def autoencoder(decoded):
    network = Network(3, 1, (), "bernoulli")
    parameters = np.random.default_rng(1).normal(size=network.size)
    network.weights(parameters).decoder[0][-1] = [2, -3, 1]
    fit = FitVAE(1, hidden=(), epochs=3, batch=2, rate=0.3)

    def make(parameters):
        model = VAE(network, parameters)
        return model.decoded if decoded else model

    def features(means):  # of the decoder, at three latents
        return means.reshape(*means.shape[:-2], -1)

    return Case(
        name=f"autoencoder{', decoded' * decoded}",
        make=make,
        arguments=(parameters,),
        fit=fit,
        event=(3,),
        density=None,
        of=None,
        parameters=lambda m: (m.parameters,),
        summaries=lambda m: features(m.decode(np.array([[-1.0], [0.0], [1.0]]))),
        twin=lambda *a: features(vae_chain(network.weights(parameters), decoded, 3, 2, 0.3, *a)),
        wrong={"fit": dataclasses.replace(fit, rate=0.1)},
        deviations=None,
        chains=300,
    )


UNBIASED, START = FitGaussian(ddof=1), Gaussian(0.5, 1.2)
ZIPF = 1 / np.arange(1, 301)
CASES = [
    gaussian(ddof=0),
    gaussian(ddof=1),
    multivariate(d=3, ddof=1),
    multivariate(d=4, ddof=0),  # more dimensions than a sample of 3, 4 or 5 can fill
    categorical("few categories", np.array([0.5, 0.3, 0.2, 0.0])),
    categorical("many categories", ZIPF / ZIPF.sum()),
    scipy_law(),
    empirical(),
    kernel("kernel density", 0.7, 1.0),
    kernel("kernel density by a rule", scott, lambda data: 1.5 * scott(data)),
    histogram(),
    mixture(),
    multivariate_mixture(),
    estimator(),
    ngrams(),
    neural_language(),
    procedure(
        Shrunk(UNBIASED, 1.5, 0.3), lambda m, v: (m, 0.7 * v + 0.45), Shrunk(UNBIASED, 3.0, 0.3)
    ),
    procedure(Regularized(UNBIASED, 0.4), lambda m, v: (m, v + 0.4), UNBIASED),
    procedure(
        StoppedEarly(UNBIASED, START, 0.4, 2),
        lambda m, v: (
            0.36 * 0.5 + 0.64 * m,
            0.36 * 1.2 + 0.64 * v + 0.36 * 0.64 * (m - 0.5) ** 2,
        ),
        StoppedEarly(UNBIASED, START, 0.4, 3),
    ),
    procedure(Sharpened(UNBIASED, 0.7), lambda m, v: (m, 0.7 * v), Sharpened(UNBIASED, 0.9)),
    procedure(
        Rounded(UNBIASED, "float32"),
        lambda m, v: (float(np.float32(m)), float(np.float32(v))),
        Rounded(FitGaussian(ddof=0), "float32"),
    ),
    linear_autoencoder(),
    linear_autoencoder(noise=0.9),
    linear_autoencoder(decoded=True),
    autoencoder(decoded=False),
    autoencoder(decoded=True),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_density = pytest.mark.parametrize(
    "case", [case for case in CASES if case.density], ids=lambda case: case.name
)
each_family = pytest.mark.parametrize(
    "case", [case for case in CASES if case.of], ids=lambda case: case.name
)


def density_of(model, x):
    return (model.logpdf if hasattr(model, "logpdf") else model.logpmf)(x)


def fitted_to(case, data, seed=0):
    """Return a fit of the case, which may need random numbers."""
    prepared = getattr(case.fit, "prepared", lambda newest, rng: case.fit)
    return prepared(None, seeded(seed))(data)


def batched(case, batch):
    """Return the reality over a batch of any shape."""
    if case.make is ScipyLaw:
        return ScipyLaw(*case.arguments, batch)
    return case.make(*(np.broadcast_to(a, (*batch, *np.shape(a))) for a in case.arguments))


def test_every_model_and_fit_has_a_case():
    tested = {type(case.reality) for case in CASES} | {type(case.fit) for case in CASES}
    for module in pkgutil.iter_modules(models.__path__, models.__name__ + "."):
        classes = inspect.getmembers(import_module(module.name), inspect.isclass)
        own = {c for _, c in classes if c.__module__ == module.name}
        public = {c for c in own if not c.__name__.startswith("_")}
        due = {
            c for c in public if hasattr(c, "sample") or any("__call__" in vars(b) for b in c.mro())
        }
        assert due <= tested, f"no case for {sorted(c.__name__ for c in due - tested)}"


@each_case
@pytest.mark.parametrize("batch", [(), (7,), (2, 3)])
def test_shapes(case, batch):
    model, rng = batched(case, batch), seeded(1)
    samples = model.sample(6, rng)
    assert samples.shape == (*batch, 6, *case.event)
    if case.density:
        assert density_of(model, samples).shape == (*batch, 6)
    if not case.event and hasattr(model, "cdf"):
        assert model.cdf(samples).shape == (*batch, 6)
    assert fitted_to(case, samples).sample(2, rng).shape == (*batch, 2, *case.event)
    if case.of:
        fitted = case.fit(model.statistics(6, rng))
        assert fitted.sample(2, rng).shape == (*batch, 2, *case.event)
        for ours, raw in zip(
            case.parameters(fitted), case.parameters(case.fit(samples)), strict=True
        ):
            assert ours.shape == raw.shape
            assert ours.shape[: len(batch)] == batch


@each_case
def test_broadcast_lays_one_law_over_the_chains(case):
    one, many = case.reality, case.reality.broadcast(5)
    if case.density:
        x = one.sample(9, seeded(2))
        np.testing.assert_array_equal(
            density_of(many, np.broadcast_to(x, (5, *x.shape))),
            np.broadcast_to(density_of(one, x), (5, 9)),
        )
    again = many.broadcast(5)
    np.testing.assert_array_equal(again.sample(3, seeded(2)), many.sample(3, seeded(2)))
    if case.make is not ScipyLaw:  # which has no batch but the one that it is given
        with pytest.raises(ValueError, match="shape"):
            many.broadcast(4)
    # each chain draws for itself
    assert len({row.tobytes() for row in many.sample(20, seeded(2))}) == 5


@each_case
def test_models_cannot_be_changed(case):
    model = case.reality
    data = fitted_to(case, model.broadcast(2).sample(6, seeded(3)))
    for record in (model, data, case.fit):
        for field in (*(f.name for f in fields(record)), "something_new"):
            with pytest.raises(AttributeError):
                setattr(record, field, 0)


@each_case
def test_models_do_not_follow_their_input(case):
    arguments = copy.deepcopy(case.arguments)
    model = case.make(*arguments)
    samples = case.reality.broadcast(3).sample(6, seeded(4))
    fitted = fitted_to(case, samples)
    before = [m.sample(4, seeded(5)) for m in (model, fitted)]
    for array in (*arguments, samples):
        if isinstance(array, np.ndarray):
            array[...] = 0
    after = [m.sample(4, seeded(5)) for m in (model, fitted)]
    for first, second in zip(before, after, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("case", "draw"),
    [(c, "sample") for c in CASES] + [(c, "statistics") for c in CASES if c.of],
    ids=lambda value: getattr(value, "name", value),
)
def test_seeds_decide_the_numbers(case, draw):
    model = case.reality.broadcast(4)
    legacy = vars(np.random)["get_state"]
    before = legacy()
    numbers = [
        np.concatenate([np.ravel(a) for a in case.parameters(fitted_to(case, data))])
        for data in (getattr(model, draw)(6, seeded(s)) for s in (6, 6, 7))
    ]
    assert np.array_equal(before[1], legacy()[1]) and before[2:] == legacy()[2:]
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[0], numbers[2])


def with_squares(summaries):
    return np.concatenate([summaries, summaries**2], axis=-1)


def run(case, policy, draw, seed, **changes):
    """Return first and second powers of the summaries, shape (chains, N, 2 S)."""
    arguments = {"fit": case.fit, "sample_size": SIZES, "generations": len(SIZES)} | changes
    lineage = recurse(
        case.reality, chains=case.chains, policy=policy, draw=draw, rng=seeded(seed), **arguments
    )
    summaries = [case.summaries(model) for model in lineage.models[1:]]
    return with_squares(np.stack(summaries, axis=1))


@cache
def twins_of(case, policy):
    rng = seeded(10)
    chains = [case.twin(SIZES, rng, policy is accumulate) for _ in range(case.chains)]
    return with_squares(np.array(chains))


@each_case
@each_policy
@pytest.mark.parametrize("draw", [draw_statistics, draw_samples])
def test_paths_agree_with_the_naive_twin(case, policy, draw):
    # chain k of one run and chain k of the other are independent: their difference has mean zero
    seed = 11 if draw is draw_statistics else 12
    twins = twins_of(case, policy)
    assert_agrees(run(case, policy, draw, seed) - twins, 0)
    assert_refutes(run(case, policy, draw, seed, **case.wrong) - twins, 0)


@each_case
@each_policy
def test_paths_agree_with_each_other(case, policy):
    exact, raw = (run(case, policy, d, s) for s, d in [(13, draw_statistics), (14, draw_samples)])
    assert_agrees(exact - raw, 0)
    other = accumulate if policy is replace else replace
    assert_refutes(exact - run(case, other, draw_samples, 14), 0)


def grid(model, d):
    """Return points and weights that integrate a normal density exactly to rounding."""
    root = np.linalg.cholesky(model.covariance)
    axis = np.arange(-7.5, 7.6, 0.75)
    points = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return model.mean + points @ root.T, np.linalg.det(root) * 0.75**d


@each_density
def test_densities_are_normalised(case):
    model = case.reality
    if isinstance(model, Categorical):
        total = np.exp(model.logpmf(np.arange(model.categories))).sum()
    elif isinstance(model, NGram):
        total = np.exp(model.logpmf(np.indices((3, 3, 3)).reshape(3, -1).T)).sum()
    elif case.event:
        points, weight = grid(model, *case.event)
        total = np.exp(model.logpdf(points)).sum() * weight
    else:
        pieces = pairwise([-np.inf, *getattr(model, "edges", [0, 1]), np.inf])
        density = lambda x: np.exp(model.logpdf(np.array([x])))[0]  # noqa: E731
        total = sum(integrate.quad(density, *ends, epsabs=1e-11)[0] for ends in pieces)
    assert total == pytest.approx(1, abs=1e-7)


@each_density
def test_densities_are_those_of_scipy(case):
    x = case.reality.sample(50, seeded(15))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(density_of(case.reality, x), case.density(x), rtol=1e-10)


def test_impossible_categories_have_no_probability():
    assert np.isneginf(CASES[4].reality.logpmf(np.array([3])))[0]


def assert_same(case, first, second):
    for a, b in zip(case.parameters(first), case.parameters(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@each_family
@pytest.mark.parametrize("sizes", [(5, 7), (2, 2), (1, 6)])
@pytest.mark.parametrize("chains", [1, 6])
def test_pooled_statistics_are_those_of_the_joint_sample(case, sizes, chains):
    model, rng = case.reality.broadcast(chains), seeded(16)
    first, second = (model.sample(size, rng) for size in sizes)
    whole = case.fit(case.of(np.concatenate([first, second], axis=1)))
    for a in (first, case.of(first)):
        for b in (second, case.of(second)):
            assert_same(case, whole, case.fit(pool(a, b)))
            assert_same(case, whole, case.fit(pool(b, a)))
    third = model.sample(3, rng)
    left = pool(pool(case.of(first), second), third)
    right = pool(first, pool(case.of(second), third))
    assert left.size == right.size == sum(sizes) + 3
    assert_same(case, case.fit(left), case.fit(right))
    with pytest.raises(AssertionError):  # the control: one draw too many
        assert_same(case, whole, case.fit(pool(case.of(first), model.sample(sizes[1] + 1, rng))))


@each_family
def test_drawn_statistics_pool_with_samples(case):
    model, rng = case.reality.broadcast(3), seeded(17)
    drawn, sample = model.statistics(4, rng), model.sample(5, rng)
    for pooled in (pool(drawn, sample), pool(sample, drawn)):
        assert_same(case, case.fit(pooled), case.fit(drawn + case.of(sample)))


@each_family
def test_enormous_samples(case):
    size, chains = 10**12, 4000
    model = case.reality.broadcast(chains)
    fitted = case.fit(model.statistics(size, seeded(18)))
    squared = case.deviations(fitted, model, size) ** 2
    assert np.abs(case.deviations(fitted, model, 1)).max() < 1e-5
    assert_agrees(squared, 1)
    assert_refutes(squared * 2, 1)
    assert_agrees(case.deviations(fitted, model, size), 0)
    huge = recurse(
        case.reality, case.fit, sample_size=2**62, generations=3, chains=2, rng=seeded(19)
    )
    assert np.abs(case.deviations(huge.newest, huge[0], 1)).max() < 1e-7


@pytest.mark.parametrize("draw", [draw_statistics, draw_samples])
@pytest.mark.parametrize(
    ("policy", "size"), [(replace, 2), (replace, 3), (replace, 9), (accumulate, 9)]
)
def test_log_determinant_is_that_of_the_largest_eigenvalues(policy, draw, size):
    case = CASES[3]
    lineage = recurse(
        case.reality,
        case.fit,
        sample_size=size,
        generations=4,
        chains=5,
        policy=policy,
        draw=draw,
        rng=seeded(20),
    )
    for model in lineage.models[1:]:
        rank = min(4, size - 1)
        values = np.linalg.eigvalsh(model.covariance)
        assert model.factor.shape[-1] == rank
        np.testing.assert_allclose(
            model.log_determinant, np.log(values[..., -rank:]).sum(-1), rtol=1e-6
        )
        assert (np.abs(values[..., : 4 - rank]) < 1e-9).all()
        assert (np.isneginf(distances.entropy(model)) == (rank < 4)).all()
        if rank < 4:
            with pytest.raises(ValueError, match="full rank"):
                model.logpdf(np.zeros((1, 4)))
