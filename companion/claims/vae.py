"""Checks of the claims about variational autoencoders: each returns its evidence.

The linear autoencoder is exact and runs here. The networks' numbers are those of the stored runs.
"""

import numpy as np

from collapse.measure.distances import kl, squared_w2, total_variance
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.models.population import population_fit
from collapse.models.ppca import FitProbabilisticPCA
from collapse.recursion import draw_decoded, draw_statistics, recurse
from collapse.seeds import seeded
from collapse.theory import linear_vae as theory
from companion import datasets
from companion.claims.ledger import Evidence
from companion.comparison import compare
from companion.experiments import digits

VALUES, ENDLESS = np.array([5.0, 3.0, 1.2, 0.7, 0.3]), 10**12
LEARNED = {"latent_dimension": 2}
FIXED = {"latent_dimension": 2, "noise_variance": 0.3}


def _law(values):
    return MultivariateGaussian(np.zeros(len(values)), np.diag(values))


def _run(seed, fit, *, size, generations, chains, draw=draw_statistics, values=VALUES):
    return recurse(
        _law(values),
        FitProbabilisticPCA(**fit),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=seeded(seed),
        draw=draw,
        keep=(1,),
    )


def _signal(lineage):
    """Return the largest eigenvalue of the covariance of the newest decoder's means."""
    return np.linalg.svd(lineage.newest.loadings, compute_uv=False)[:, 0] ** 2


def _stored(setting, quantity):
    """Return a quantity of the stored runs, shape (N + 1, chains)."""
    return digits.stored().measured[setting][quantity]


def collapses():
    """C2, S4: variational autoencoders collapse."""
    size, generations, far = 20, 15, 16
    run = _run(
        521,
        {"latent_dimension": 1},
        size=size,
        generations=generations,
        chains=3000,
        values=VALUES[:3],
    )
    variance = compare(
        f"E total variance after {generations} generations of a linear autoencoder over that of "
        f"reality, M={size}, draws, learned noise",
        theory.expected_total_variance(size, generations, [1.0])[-1],
        total_variance(run.newest) / VALUES[:3].sum(),
    )
    # samples so large that only the standard error knows of them
    last = _run(522, FIXED, size=ENDLESS, generations=far, chains=1000, draw=draw_decoded)
    kept = theory.spectrum(VALUES, far, **FIXED, means=True)[-1]
    signal = compare(
        f"largest eigenvalue after {far} generations, M=1e12, decoder means, constant noise",
        kept[0],
        _signal(last),
    )
    dead = theory.extinction(VALUES, **FIXED)[0]
    return Evidence(
        part="autoencoders, linear",
        scope="analogue",
        stated=(variance, signal),
        control=variance._replace(predicted=1.0),
        condition="in linear ones exactly: finite samples take 1/M "
        "of the variance in every generation, and decoder means take a constant noise off every "
        f"direction, so that the last of them is dead after {dead} generations without any "
        "sampling error; the networks on digits are stored runs, shown in the chapter",
    )


def codes_gather():
    """C22: the codes that the first encoder reads gather around the mean, and digits blend."""
    generations, noise, count = 20, 0.1, 20_000
    # the codes see the first 20 principal components only; 40 stand for all 784
    values = np.linalg.eigvalsh(np.cov(datasets.digits().images.T, ddof=0))[:-41:-1]
    fit = FitProbabilisticPCA(20, noise)
    first = population_fit(fit, _law(values))
    options = {"latent_dimension": 20, "noise_variance": noise}
    wide, narrow = (
        theory.code_variance(values, generations, **options, means=means).mean(axis=-1)
        for means in (False, True)
    )

    def read(seed, handed):
        return (first.encode(handed.sample(count, seeded(seed))) ** 2).mean(axis=-1)

    shrunk = first
    for _ in range(generations - 1):
        shrunk = population_fit(fit, shrunk.decoded)
    name = "E code² of digits, read by the first linear encoder (20 codes, constant noise 0.1)"
    gathered = compare(
        f"{name}, decoder means of generation {generations}, endless samples",
        narrow[-1],
        read(531, shrunk.decoded),
    )
    before = compare(f"{name}, decoder means of generation 1", narrow[1], read(532, first.decoded))
    drawn = population_fit(fit, first)
    stays = compare(
        f"the same with draws from p(x|z), generation {generations}",
        narrow[-1],
        read(533, drawn),
    )
    fresh, kept = (_stored(name, "spread") for name in ("fresh", "real"))
    runs = kept.shape[1]
    fresh, kept = fresh.mean(axis=1), kept.mean(axis=1)
    return Evidence(
        part="linear autoencoders",
        scope="analogue",
        stated=(gathered, before),
        outside=(stays,),
        control=gathered._replace(predicted=wide[-1]),
        condition="as released, when decoder means are handed on: draws from p(x|z) keep the codes "
        f"where they are. In {runs} stored runs of networks, too few for a verdict, it goes "
        f"from {fresh[1]:.2f} in generation 1 to {fresh[10]:.2f} in generation 10, and to "
        f"{kept[10]:.2f} if a tenth of the digits are real; there draws lose the digits as well, "
        "since training misses the optimum; how fast it goes depends on the training",
    )


def errors_compound():
    """C6: errors of several kinds compound, for linear autoencoders."""
    size, generations = 20, 12
    run = _run(541, LEARNED, size=size, generations=generations, chains=4000, draw=draw_decoded)
    chance = compare(
        f"total variance of decoder means, generation {generations} over 1, M={size}, learned "
        "noise",
        theory.expected_total_variance(size, generations - 1, [1.0])[-1],
        total_variance(run.newest.decoded) / total_variance(run[1].decoded),
    )
    run = _run(542, FIXED, size=ENDLESS, generations=generations, chains=1000, draw=draw_decoded)
    lost = compare(
        f"largest eigenvalue lost in {generations} generations by decoder means, in multiples of "
        "the constant noise, M=1e12",
        generations,
        (VALUES[0] - _signal(run)) / FIXED["noise_variance"],
    )
    made = theory.expressivity_kl(VALUES, **LEARNED)
    alone = compare(
        f"KL from reality after {generations} generations of the expressivity error alone, in "
        "multiples of that after 1",
        generations,
        _log_ratio(543, _endless(LEARNED, generations)) / made,
    )
    return Evidence(
        part="linear autoencoders",
        scope="analogue",
        stated=(chance, lost),
        outside=(alone,),
        control=chance._replace(predicted=1 - 1 / size),
        condition="in linear autoencoders for the sample's error and for that of handing on means "
        "at a constant noise; the family's error, of too few codes, is made once",
    )


def _endless(fit, generations):
    """Return the law after some generations of draws without sampling error."""
    model = _law(VALUES)
    for _ in range(generations):
        model = population_fit(FitProbabilisticPCA(**fit), model)
    return model


def _log_ratio(seed, model):
    """Return the log ratio of the densities of reality and a model, at draws of reality."""
    law = _law(VALUES)
    x = law.sample(40_000, seeded(seed))
    return law.logpdf(x) - model.logpdf(x)


def statistical_error_vanishes():
    """C7: without sampling error nothing changes, for linear autoencoders."""
    generations = 12
    kept = [
        compare(
            f"E total variance of a linear autoencoder after {generations} generations, "
            f"{name}, draws, learned noise",
            theory.expected_total_variance(size, generations, VALUES)[-1],
            total_variance(
                _run(550 + i, LEARNED, size=size, generations=generations, chains=2000).newest
            ),
        )
        for i, (name, size) in enumerate({"M=20": 20, "M=1e12": ENDLESS}.items())
    ]
    run = _run(552, FIXED, size=ENDLESS, generations=generations, chains=1000, draw=draw_decoded)
    changed = compare(
        f"largest eigenvalue of decoder means, generation {generations}, M=1e12, constant noise",
        theory.spectrum(VALUES, 1, **FIXED, means=True)[1, 0],
        _signal(run),
    )
    return Evidence(
        part="linear autoencoders",
        scope="analogue",
        stated=(kept[1], kept[0]),
        outside=(changed,),
        control=kept[0]._replace(predicted=kept[1].predicted),
        condition="for a linear autoencoder whose draws are handed on; decoder means with a "
        "constant noise lose it at every generation, whatever the sample size",
    )


def expressivity_acts_once():
    """C8: the expressivity error alone acts once, for linear autoencoders."""
    generations = 30
    made = theory.expressivity_kl(VALUES, **LEARNED)
    once = [
        compare(
            f"KL of reality from a linear autoencoder of 2 codes, endless samples, after {n}",
            made,
            _log_ratio(560 + n, _endless(LEARNED, n)),
        )
        for n in (1, generations)
    ]
    run = _run(562, FIXED, size=ENDLESS, generations=8, chains=1000, draw=draw_decoded)
    early, late = (squared_w2(_law(VALUES), model.decoded) for model in (run[1], run.newest))
    moved = compare(
        "squared W₂ of reality and decoder means, constant noise, generation 8 less 1, M=1e12",
        0.0,
        late - early,
    )
    return Evidence(
        part="linear autoencoders",
        scope="analogue",
        stated=tuple(once),
        outside=(moved,),
        control=once[0]._replace(predicted=theory.expressivity_kl(VALUES, latent_dimension=1)),
        condition="for linear autoencoders whose draws are handed on, which are of the family; "
        "decoder means at a constant noise are not, and move away again in every generation",
    )


def expressiveness_helps_and_hurts():
    """C9: more codes help against the family's error and hurt by the sample's."""
    size, generations, dimension = 10**5, 10, 10
    reality = np.array([3.0] + [1.0] * (dimension - 1))
    gains = [
        _log_ratio(571, _endless({"latent_dimension": q}, generations)) for q in (1, 2)
    ]  # at the same draws
    helps = compare(
        f"KL after {generations} generations, endless samples, d=5: 2 codes less 1",
        theory.expressivity_kl(VALUES, latent_dimension=2)
        - theory.expressivity_kl(VALUES, latent_dimension=1),
        gains[1] - gains[0],
    )
    found, expected = [], []
    for i, q in enumerate((1, dimension - 1)):
        fit = {"latent_dimension": q}
        run = _run(572 + i, fit, size=size, generations=generations, chains=1000, values=reality)
        found.append(size * kl(_law(reality), run.newest))
        law = theory.expected_kl(size, generations, dimension=dimension, latent_dimension=q)
        expected.append(size * law[-1])
    hurts = compare(
        f"M times KL after {generations} generations, M=1e5, d={dimension}, a reality of one code: "
        f"{dimension - 1} codes less 1",
        expected[1] - expected[0],
        found[1] - found[0],
    )
    return Evidence(
        part="linear autoencoders",
        scope="analogue",
        stated=(hurts, helps),
        control=hurts._replace(predicted=expected[0]),
        condition="linear autoencoders: each code that reality has takes its part of the family's "
        "error away; those that it has not make the KL from chance grow by half a parameter over M "
        "in every generation",
    )
