"""Checks of claims about mixed data: each takes nothing and returns `Evidence`."""

import numpy as np

from collapse.measure import distances
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import AccumulateSubsample, GenerationMixture, KeepReal
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded
from collapse.theory import drift, realdata
from collapse.theory import mixing as theory
from companion.claims.ledger import Evidence
from companion.comparison import compare


def _variance(seed, **options):
    """Return the variances of Gaussians fitted with ddof=0, after a run from N(0, 1)."""
    truth, fit = Gaussian(mean=0, variance=1), FitGaussian(ddof=0)
    options |= {"draw": draw_samples, "rng": seeded(seed), "keep": ()}
    return recurse(truth, fit, **options).newest.variance


def kept_tenth():
    """C24: a tenth of the original data in every generation, for a Gaussian and for words."""
    size, generations = 100, 100
    options = {"sample_size": size, "generations": generations, "chains": 600}
    options["policy"] = KeepReal(share=0.1)
    left = realdata.real_set_diversity(size, size - size // 10, generations, used=size // 10)
    variance = compare(
        f"E variance of a Gaussian after {generations} generations, 10 % of the real data kept, "
        f"M={size}, ddof=0",
        left[-1],
        _variance(241, **options),
    )
    zipf = 1 / np.arange(1, 101)
    reality, fit = Categorical(zipf / zipf.sum()), FitCategorical(len(zipf))
    run = recurse(reality, fit, rng=seeded(242), keep=(1,), **options)
    alive = distances.alive(run.newest) / distances.alive(run[1])
    words = compare("words alive, of those in the real data", 1, alive)
    return Evidence(
        part="words and variances",
        scope="analogue",
        stated=(variance,),
        outside=(words,),
        control=variance._replace(predicted=drift.diversity_kept(size, generations)[-1]),
        condition="Gaussian: of diversity, of which the number of real data that are kept, and "
        f"not their share, decides how much stays; of the words in a sample of {size} only "
        f"{words.observed:.0%} are alive",
    )


def mixing_attenuates():
    """C19: data of several generations, redrawn from the pool or mixed, weaken the changes."""
    size, generations, mixed = 10, 40, (0.5, 0.3, 0.2)
    options = {"sample_size": size, "generations": generations, "chains": 1500}
    pooled, mixture = (
        compare(
            f"E variance after {generations} generations, {name}, M={size}, ddof=0",
            left[-1],
            _variance(seed, policy=policy, **options),
        )
        for seed, name, policy, left in (
            (
                192,
                "M draws from the pool",
                AccumulateSubsample(replacement=True),
                theory.diversity_subsampled(size, generations, replacement=True),
            ),
            (
                193,
                "α, β, γ = 0.5, 0.3, 0.2",
                GenerationMixture(mixed),
                theory.mixture_diversity(size, generations, mixed),
            ),
        )
    )
    return Evidence(
        part="mixing",
        stated=(pooled, mixture),
        control=pooled._replace(predicted=(1 - 1 / size) ** generations),
        condition="so with the paper's own pool and mixture, as long as some reality is in it",
    )
