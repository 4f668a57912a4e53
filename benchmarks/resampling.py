"""Gaussian and categorical generations beside their floor, and beside the usual loop."""

import statistics

import numpy as np
from timing import SEED, row, seconds

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse

STEPS = 2000


def gaussian(chains, size, keep=()):
    return lambda: recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=1),
        sample_size=size,
        generations=STEPS,
        chains=chains,
        rng=SEED,
        keep=keep,
    )


def bare_draws(chains, size):
    def draw():
        rng = np.random.default_rng(SEED)
        for _ in range(STEPS):
            rng.standard_normal(chains)
            rng.chisquare(size - 1, chains)

    return "the normal and chi-square draws alone", draw


def raw_loop(chains, size, generations):
    """What one writes without the package: raw samples, all chains in one array."""

    def loop():
        rng = np.random.default_rng(SEED)
        mu, sd = np.zeros(chains), np.ones(chains)
        for _ in range(generations):
            x = rng.normal(mu[:, None], sd[:, None], (chains, size))
            mu, sd = x.mean(axis=1), x.std(axis=1, ddof=1)

    return "loop over raw samples, vectorised over chains", loop


def gaussian_rows():
    for chains, most in [(1000, 2), (10_000, 1.25)]:
        ours, kept = gaussian(chains, 100), gaussian(chains, 100, keep=None)
        kept = statistics.median(seconds(kept) for _ in range(5))
        note = f"M = 100, keep=(); {kept:.3g} s when all {STEPS} generations are kept"
        peer = bare_draws(chains, 100)
        yield row(f"{STEPS} Gaussian generations, {chains} chains", ours, peer, 0, most, note)
    for chains in (1000, 10_000):
        huge, peer = gaussian(chains, 10**12), ("ours at M = 100", gaussian(chains, 100))
        note = "numpy draws chi-squares by rejection, at a cost that hardly depends on M"
        yield row(f"M = 10^12 against M = 100, {chains} chains", huge, peer, 0.8, 1.2, note)
    for size, least, steps in [(100, 12, 200), (10_000, 1000, 5)]:
        ours, peer = gaussian(1000, size), raw_loop(1000, size, steps)
        note = f"{STEPS} generations; the peer timed over {steps} and scaled"
        name = f"against raw samples, 1000 chains, M = {size}"
        yield row(name, ours, peer, least, None, note, repetitions=7, scale=STEPS / steps)


def categorical_rows(name, p):
    for steps in (1, 10, 20):
        arguments = {"sample_size": 1000, "generations": steps, "chains": 200, "rng": SEED}
        arguments |= {"reality": Categorical(p), "fit": FitCategorical(len(p))}
        dense = [m.probabilities for m in recurse(**arguments).models[:-1]]

        def bare(dense=dense):
            rng = np.random.default_rng(SEED)
            for probabilities in dense:
                rng.multinomial(1000, probabilities)

        ours = lambda a=arguments: recurse(**a, keep=())  # noqa: E731
        peer = "the multinomial draws alone, from the same dense probabilities", bare
        note = "1000 categories, 200 chains, M = 1000, keep=(); ours draws only what is alive"
        title = f"categorical generations from {name}: {steps}"
        yield row(title, ours, peer, 0, 1.5, note, repetitions=25)
