"""Checks of the claims about what data made by people are worth, as far as they can be computed."""

import numpy as np

from collapse.measure.distances import gini_simpson
from collapse.models.categorical import Categorical, FitCategorical
from collapse.policies import FreshReal, accumulate, replace
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import calculator, categorical, detection
from companion.claims.ledger import Evidence
from companion.comparison import compare
from companion.experiments.provenance import unmarked_estimates

CHAINS = 20_000


def _newest(seed, law, **options):
    """Return the categorical models of the last generation."""
    options |= {"rng": seeded(seed), "keep": ()}
    return recurse(Categorical(law), FitCategorical(len(law)), **options).newest


def people_needed():
    """C32, S7: tails live only on fresh real data; the bulk does not need them."""
    p, size, share, generations = 0.002, 1000, 0.05, 100
    options = {"sample_size": size, "generations": generations, "chains": CHAINS // 2}
    survival = categorical.exact_survival_probability([p, 1 - p], size, generations)[-1, 0]
    fresh, replaced, kept = (
        compare(
            f"share of chains in which an item of p={p} is alive, generation {generations}, "
            f"M={size}, {words}",
            predicted,
            _newest(seed, [p, 1 - p], policy=policy, **options).probabilities[:, 0] > 0,
        )
        for seed, words, policy, predicted in (
            (
                7901,
                "5 % fresh real data",
                FreshReal(share),
                calculator.presence_probability(p, size, share),
            ),
            (7902, "data replaced", replace, survival),
            (7903, "all data kept", accumulate, 1 - (1 - p) ** size),
        )
    )
    law = np.array([0.5, 0.3, 0.2])
    bulk = _newest(7904, law, policy=accumulate, **options | {"sample_size": 100, "chains": 2000})
    start = 1 - law @ law
    diversity = compare(
        f"share of diversity left, generation {generations}, M=100, all data kept",
        (1 - 1 / 100) ** generations,
        gini_simpson(bulk) / start,
    )
    return Evidence(
        scope="discussion",
        stated=(fresh, replaced, kept),
        outside=(diversity,),
        control=fresh._replace(predicted=replaced.predicted),
        condition="for tails, and for anything if data are replaced. Data once missed come back "
        "only with fresh real data; what is common survives without them if the old data are "
        f"kept ({100 * diversity.observed:.0f} % of the diversity here). That human data become "
        "more valuable is discussed, not computed",
    )


def _squared_errors(seed, *mixture, **options):
    """Return squared errors of estimates of an item's real probability."""
    estimates = unmarked_estimates(*mixture, chains=CHAINS, rng=seeded(seed), **options)
    return (estimates - mixture[1]) ** 2


def first_come():
    """C34: what one datum from before is worth in data from after."""
    early, share, p, q = 2000, 0.2, 0.1, 0.05
    before = detection.mixture_information(1.0, p, q)
    after = detection.mixture_information(share, p, q)
    late = round(float(early * before / after))
    unlabelled, labelled = (
        compare(
            f"squared error of an estimate from {late} data, 20 % of them real, {words}",
            p * (1 - p) / early,
            _squared_errors(7911 + i, share, p, q, size=late, missed=missed),
        )
        for i, (words, missed) in enumerate((("origins unknown", 1.0), ("with labels", 0.0)))
    )
    return Evidence(
        scope="discussion",
        stated=(unlabelled,),
        outside=(labelled,),
        control=unlabelled._replace(predicted=unlabelled.predicted * share),
        condition=f"as long as the origin of later data is not known: then {early} data from "
        f"before are as good as {late} from after, of which {100 * share:.0f} % are real and the "
        f"model is known. With labels {early / share:.0f} are enough. Who profits is not computed",
    )


def tracking_together():
    """C36: marks of origin help as much as labels if all generated data carry them."""
    size, share, p, q = 20_000, 0.05, 0.3, 0.3
    labels = p * (1 - p) / share
    every, most = (
        compare(
            f"squared error times {size}, {100 * share:.0f} % real data, "
            f"{100 * (1 - missed):.0f} % of the generated data marked",
            1 / detection.mixture_information(share, p, q, hit=1 - missed),
            size * _squared_errors(7921 + i, share, p, q, size=size, missed=missed),
        )
        for i, missed in enumerate((0.0, 0.1))
    )
    return Evidence(
        scope="discussion",
        stated=(every, most),
        outside=(most._replace(predicted=labels),),
        control=every._replace(predicted=labels / share),
        condition="the second half, for marks that providers add: they are as good as labels if "
        "nearly all generated data carry them, that is, if what is unmarked is rare compared "
        "with the real data; otherwise the gain is at most one over the share unmarked. How far "
        "tracking has come is a fact about the world, and not computed",
    )


def telling_apart():
    """S9: without labels an error remains that no number of data removes."""
    share, p, q = 0.3, 0.2, 0.35
    floor = float(detection.debiased_error(1, share, 0.4, p, q)[0])

    def error(seed, size, assumed):
        options = {"size": size, "assumed": assumed, "chains": CHAINS, "rng": seeded(seed)}
        return compare(
            f"mean error of an estimate from {size:.0e} data, {share} of them real, where "
            f"{assumed} is assumed",
            floor,
            unmarked_estimates(share, p, q, **options) - p,
        )

    wrong = error(7931, 10**4, 0.4), error(7932, 10**6, 0.4)
    return Evidence(
        scope="discussion",
        stated=wrong,
        outside=(error(7933, 10**6, share),),
        control=wrong[0]._replace(predicted=0.0),
        condition="read as a statement about learning from unlabelled mixtures: if the share of "
        "generated data is not known, an error remains that does not depend on the number of "
        "data. If share and model are known, it costs 1/α² as many data in place of 1/α",
    )
