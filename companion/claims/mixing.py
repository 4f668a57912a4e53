"""Checks of claims about mixed data: each takes nothing and returns `Evidence`."""

import numpy as np

from collapse.measure import distances
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import AccumulateSubsample, GenerationMixture, KeepReal
from collapse.recursion import draw_samples, recurse
from collapse.seeds import seeded
from collapse.theory import mixing as theory
from collapse.theory import realdata
from companion.claims.ledger import Evidence, compare

TRUTH = Gaussian(mean=0, variance=1)


def kept_tenth():
    """C24: a tenth of the original data in every generation, for a Gaussian and for words."""
    size, generations = 100, 100
    options = {"sample_size": size, "generations": generations, "policy": KeepReal(share=0.1)}
    fitted = recurse(
        TRUTH,
        FitGaussian(ddof=0),
        chains=600,
        draw=draw_samples,
        rng=seeded(241),
        keep=(),
        **options,
    )
    left = realdata.real_set_diversity(size, size - size // 10, generations, used=size // 10)
    variance = compare(
        f"E variance of a Gaussian after {generations} generations, 10 % of the real data kept, "
        f"M={size}, ddof=0",
        left[-1],
        fitted.newest.variance,
    )
    zipf = 1 / np.arange(1, 101)
    run = recurse(
        Categorical(zipf / zipf.sum()),
        FitCategorical(len(zipf)),
        chains=600,
        rng=seeded(242),
        keep=(1,),
        **options,
    )
    alive = distances.alive(run[1])
    words = compare(
        "words alive, of those in the real data", 1, distances.alive(run.newest) / alive
    )
    return Evidence(
        stated=(variance,),
        outside=(words,),
        control=variance._replace(predicted=theory.diversity_replaced(size, generations)[-1]),
        condition="Gaussian: of diversity, of which the number of real data that are kept, and "
        f"not their share, decides how much stays; of the words in a sample of {size} only "
        f"{words.observed:.0%} are alive",
    )


def mixing_attenuates():
    """C19: data of several generations, redrawn from the pool or mixed, weaken the changes."""
    size, generations = 10, 40
    policies = {
        "M draws from the pool": (
            AccumulateSubsample(replacement=True),
            theory.diversity_subsampled(size, generations, replacement=True)[-1],
        ),
        "α, β, γ = 0.5, 0.3, 0.2": (
            GenerationMixture((0.5, 0.3, 0.2)),
            theory.mixture_diversity(size, generations, (0.5, 0.3, 0.2))[-1],
        ),
    }
    stated = []
    for seed, (name, (policy, left)) in enumerate(policies.items(), start=192):
        run = recurse(
            TRUTH,
            FitGaussian(ddof=0),
            sample_size=size,
            generations=generations,
            chains=1500,
            policy=policy,
            draw=draw_samples,
            rng=seeded(seed),
            keep=(),
        )
        quantity = f"E variance after {generations} generations, {name}, M={size}, ddof=0"
        stated.append(compare(quantity, left, run.newest.variance))
    return Evidence(
        stated=tuple(stated),
        control=stated[0]._replace(predicted=(1 - 1 / size) ** generations),
        condition="so with the paper's own pool and mixture, as long as some reality is in it",
    )
