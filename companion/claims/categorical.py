"""Checks of the claims about discrete laws: each returns its evidence."""

import numpy as np

from collapse.measure import distances
from collapse.models.categorical import Categorical, FitCategorical
from collapse.policies import accumulate, replace
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import categorical as theory
from collapse.theory import mixing
from companion.claims.ledger import Evidence
from companion.comparison import compare

SIZE = 100
ZIPF = 1 / np.arange(1, 101)
ZIPF /= ZIPF.sum()
TAIL = np.cumsum(ZIPF[::-1])[::-1] <= 0.1  # the rarest words, a tenth of the text together
UNTIL_REPLACED = "when each generation's data replace the last ones; "


def _words(generations, seed, *, policy=replace, chains=2000, probabilities=ZIPF, keep=None):
    return recurse(
        Categorical(probabilities),
        FitCategorical(len(probabilities)),
        sample_size=SIZE,
        generations=generations,
        chains=chains,
        policy=policy,
        rng=seeded(seed),
        keep=keep,
    )


def _tail_alive(model):
    """Count the words of the tail that are alive, by chain."""
    return np.count_nonzero((model.columns > 0) & TAIL[model.support], axis=-1)


def _expected_tail(generations):
    return theory.exact_survival_probability(ZIPF, SIZE, generations)[:, TAIL].sum(axis=-1)


def tails_disappear():
    """C1: the tails disappear, for good."""
    generations = 100
    run = _words(generations, 101, keep=())
    pooled = _words(generations, 102, policy=accumulate, keep=())
    expected = _expected_tail(generations)
    quantity = f"words of the rarest tenth alive after {generations} generations, M={SIZE}"
    observed = compare(quantity, expected[-1], _tail_alive(run.newest))
    return Evidence(
        stated=(observed,),
        outside=(compare(f"{quantity}, pooled", expected[-1], _tail_alive(pooled.newest)),),
        control=observed._replace(predicted=expected[generations // 2]),
        condition=UNTIL_REPLACED
        + "when data accumulate, most of what the first sample caught stays",
    )


def tails_first():
    """C4: the tails go first, then everything but one point."""
    early, late = 10, 600
    run = _words(late, 104, keep=(early,))
    tail = _expected_tail(early)
    diversity = theory.expected_gini_simpson(ZIPF, SIZE, late)
    alive = compare(
        f"words of the rarest tenth alive after {early} generations, M={SIZE}",
        tail[-1],
        _tail_alive(run[early]),
    )
    return Evidence(
        stated=(
            alive,
            compare(
                f"Gini-Simpson diversity after {early} generations",
                diversity[early],
                distances.gini_simpson(run[early]),
            ),
            compare(
                f"Gini-Simpson diversity after {late} generations",
                diversity[late],
                distances.gini_simpson(run.newest),
            ),
        ),
        control=alive._replace(predicted=tail[early // 2]),
        condition=f"after {early} generations {tail[-1] / TAIL.sum():.0%} of the tail's words and "
        f"{diversity[early] / diversity[0]:.0%} of the diversity are expected to be left, after "
        f"{late} {diversity[late] / diversity[0]:.1%} of the diversity",
    )


def inevitable():
    """C5: collapse although the fit makes no error of its own."""
    generations = 200
    run = _words(generations, 105, keep=())
    pooled = _words(generations, 106, policy=accumulate, keep=())
    initial = 1 - (ZIPF**2).sum()
    expected = theory.expected_gini_simpson(ZIPF, SIZE, generations)[-1] / initial
    kept = mixing.diversity_accumulated(SIZE, generations)[-1]
    quantity = f"share of the diversity left after {generations} generations, M={SIZE}"
    share, pooled_share = (distances.gini_simpson(r.newest) / initial for r in (run, pooled))
    observed = compare(quantity, expected, share)
    return Evidence(
        stated=(observed,),
        outside=(compare(f"{quantity}, pooled", expected, pooled_share),),
        control=observed._replace(predicted=kept),
        condition=UNTIL_REPLACED
        + f"when data accumulate, {kept:.1%} are expected to stay after {generations} generations",
    )


def rare_states():
    """C11: states of probability 1/M are lost in practice."""
    generations = 50
    law = [1 / SIZE, 1 - 1 / SIZE]
    run = _words(generations, 111, probabilities=law, chains=20_000, keep=(1,))
    expected = theory.exact_survival_probability(law, SIZE, generations)[:, 0]
    here = f"share of states of probability 1/M alive, M={SIZE}, after"
    alive = [run[n].probabilities[:, 0] > 0 for n in (1, generations)]
    late = compare(f"{here} {generations} generations", expected[-1], alive[1])
    return Evidence(
        stated=(late,),
        outside=(compare(f"{here} 1 generation", expected[-1], alive[0]),),
        control=late._replace(predicted=expected[generations // 2]),
        condition=f"over many generations: one leaves {expected[1]:.0%} of such states, "
        f"{generations} leave {expected[-1]:.1%}, n leave about 2/n",
    )


def ends_in_a_point():
    """C12: a point mass, at state i with the state's original probability."""
    law, size = [0.5, 0.3, 0.2], 20
    run = recurse(
        Categorical(law),
        FitCategorical(3),
        sample_size=size,
        generations=30 * size,
        chains=20_000,
        rng=seeded(112),
        keep=(),
        measure={"alive": distances.alive},
    )
    ended = run.newest.probabilities == 1
    shares = [
        compare(f"share of chains that end at the state of probability {p}", p, ended[:, i])
        for i, p in enumerate(theory.fixation_probability(law))
    ]
    time = (run.measured["alive"] > 1).sum(axis=0)
    expected = theory.expected_absorption_time(law, size)
    return Evidence(
        stated=(*shares, compare(f"generations to the point, M={size}", expected, time)),
        control=shares[0]._replace(predicted=1 / 3),
    )


def finite_experiments():
    """C30: few generations need not reach full collapse; rates depend on the problem."""
    generations = 60
    quantity = f"share of chains at a point after {generations} generations"
    shares, expected = [], []
    for seed, size in ((130, 20), (131, 100)):
        run = recurse(
            Categorical([0.5, 0.5]),
            FitCategorical(2),
            sample_size=size,
            generations=generations,
            chains=10_000,
            rng=seeded(seed),
            keep=(),
        )
        step = theory.transition_matrix(size)
        reached = np.linalg.matrix_power(step, generations)[size // 2, [0, -1]].sum()
        shares.append(compare(f"{quantity}, M={size}", reached, distances.alive(run.newest) == 1))
        expected.append(reached)
    return Evidence(
        stated=tuple(reversed(shares)),
        control=shares[1]._replace(predicted=expected[0]),
    )
