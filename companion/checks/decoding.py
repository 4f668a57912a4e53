"""Checks of what decoding does to a law that is learned from its own text."""

import numpy as np

from collapse.measure.distances import alive
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.population import population_fit
from collapse.models.wrappers import Sharpened
from collapse.policies import newest_law
from collapse.recursion import recurse
from collapse.theory import categorical
from collapse.theory import decoding as theory
from companion.checks.entry import Computed, Entry, law

ZIPF = 1 / np.arange(1, 201)
ZIPF /= ZIPF.sum()
SHARES = np.array([0.35, 0.65])


def _powers(temperature):
    """Return the rule of a temperature for two words."""

    def decode(laws):
        powers = laws ** (1 / temperature)
        return powers / powers.sum(axis=-1, keepdims=True)

    return decode


def _largest(laws, kept):
    """Keep the `kept` largest probabilities and normalise: one law, by sorting."""
    laws = np.where(laws >= np.sort(laws)[-kept], laws, 0.0)
    return laws / laws.sum()


def _nucleus(law, mass):
    """Keep the nucleus: add up the largest until the mass is reached."""
    order, total, law = np.argsort(-law, kind="stable"), 0.0, law.copy()
    for i in order:
        law[i], total = (0.0, total) if total > mass else (law[i], total + law[i])
    return law / law.sum()


def _iterated(rule, generations, *arguments):
    """Return reality's law after a rule was applied again and again."""
    law = ZIPF
    for _ in range(generations):
        law = rule(law, *arguments)
    return law


def _two_words(rng, size, generations, temperature, chains=20_000):
    """Return a run with two words that are sampled at a temperature."""
    return recurse(
        Categorical(SHARES),
        Sharpened(FitCategorical(2), temperature),
        sample_size=size,
        generations=generations,
        chains=chains,
        rng=rng,
        keep=(),
        measure={"alive": alive},
    )


def _time(rng):
    return (_two_words(rng, 10, 150, 0.8).measured["alive"] > 1).sum(axis=0)


def _first_wins(rng, size, generations, temperature, chains=20_000):
    return _two_words(rng, size, generations, temperature, chains).newest.probabilities[:, 0] == 1


def _until_point():
    """Count generations of sharpening, without sampling error."""
    sharpen = Sharpened(FitCategorical(len(ZIPF)), 0.9)
    laws = recurse(
        Categorical(ZIPF),
        lambda law: population_fit(sharpen, law),
        sample_size=1,
        generations=60,
        policy=newest_law,
        rng=0,
    )
    rest = [law.probabilities[0, 1:].sum() for law in laws.models]
    return np.argmax(np.array(rest) <= 1e-3)


def _transitions(rng):
    """Return the copies after two generations, from 3 of 6."""
    copies = np.full(40_000, 3)
    for _ in range(2):
        copies = rng.binomial(6, _powers(0.5)(np.stack([copies / 6, 1 - copies / 6], -1))[..., 0])
    return copies == 6


def _stable():
    """Return the most equally probable categories that a nucleus of 0.9 keeps."""
    sizes = range(1, 50)
    return max(m for m in sizes if (_nucleus(np.full(m, 1 / m), 0.9 - 1e-12) > 0).all())


ZIPF_SETTING = "p ∝ 1/rank, 200 words; numerical"
TWO = "shares 0.35 and 0.65; M = {}, T = {}"

ENTRIES = (
    Entry(
        theory.generations_to_point,
        r"\min\{n:\sum_{i\ne\max}p_0(i)^{1/T^n}\le\epsilon\sum_ip_0(i)^{1/T^n}\}",
        "exact",
        f"{ZIPF_SETTING}; T = 0.9, 0.001 left",
        Computed(
            "generations until 0.001 is left",
            _until_point,
            1e-9,
            lambda: theory.generations_to_point(ZIPF, temperature=0.9, remainder=1e-3),
            "as at T = 0.8",
            lambda: theory.generations_to_point(ZIPF, temperature=0.8, remainder=1e-3),
        ),
    ),
    law(
        theory.top_k_probabilities,
        r"p_1=p_2=\dots\propto p_0\,1_{\mathrm{rank}\le k}",
        "p ∝ 1/rank, 200 words; k = 20, n = 3; endless samples",
        2602,
        "share of the second word at n = 3",
        lambda rng: rng.choice(200, 20_000, p=_iterated(_largest, 3, 20)) == 1,
        {"probabilities": ZIPF, "generations": 3, "k": 20},
        (
            "k reduced again in every generation",
            lambda: theory.top_k_probabilities(ZIPF, 3, k=5)[-1, 1],
        ),
        at=(-1, 1),
    ),
    Entry(
        theory.nucleus_support,
        r"m_{n+1}=\min\{m:P_m\ge\pi P_{m_n}\}",
        "exact",
        f"{ZIPF_SETTING}; π = 0.8, n = 3",
        Computed(
            "words in the nucleus at n = 3",
            lambda: np.count_nonzero(_iterated(_nucleus, 3, 0.8)),
            1e-9,
            lambda: theory.nucleus_support(ZIPF, 3, mass=0.8)[-1],
            "as if it acted once",
            lambda: theory.nucleus_support(ZIPF, 1, mass=0.8)[-1],
        ),
    ),
    law(
        theory.nucleus_probabilities,
        r"p_n\propto p_0\,1_{\mathrm{rank}\le m_n}",
        "p ∝ 1/rank, 200 words; π = 0.8, n = 3; endless samples",
        2604,
        "share of the second word at n = 3",
        lambda rng: rng.choice(200, 20_000, p=_iterated(_nucleus, 3, 0.8)) == 1,
        {"probabilities": ZIPF, "generations": 3, "mass": 0.8},
        {"generations": 1},
        at=(-1, 1),
    ),
    Entry(
        theory.nucleus_limit,
        r"\lceil1/(1-\pi)\rceil-1",
        "bound",
        "up to 49 equally probable words; π just below 0.9; numerical",
        Computed(
            "most words that stay",
            _stable,
            1e-9,
            lambda: theory.nucleus_limit(0.9),
            "as if 1/(1-π) itself were stable",
            lambda: 1 + theory.nucleus_limit(0.9),
        ),
    ),
    law(
        categorical.transition_matrix,
        r"\mathrm{Bin}(M,D(i/M))",
        "3 copies of 6; T = 0.5",
        2606,
        "all 6 copies after two generations",
        _transitions,
        {"sample_size": 6, "decode": _powers(0.5)},
        ("as at T = 1", lambda: np.linalg.matrix_power(categorical.transition_matrix(6), 2)[3, 6]),
        case="decoded",
        at=...,
        of=lambda step: np.linalg.matrix_power(step, 2)[3, 6],
    ),
    law(
        theory.ending_probability,
        "(I-Q)u=R",
        TWO.format(10, 0.8),
        2607,
        "share of chains that end at the first word",
        lambda rng: _first_wins(rng, 10, 150, 0.8),
        {"share": 0.35, "sample_size": 10, "decode": _powers(0.8)},
        ("the martingale of T = 1", 0.35),
    ),
    law(
        theory.ending_time,
        "(I-Q)t=1",
        TWO.format(10, 0.8),
        2608,
        "generations until one word is left",
        _time,
        {"share": 0.35, "sample_size": 10, "decode": _powers(0.8)},
        ("the time at T = 1", lambda: theory.ending_time(0.35, 10, _powers(1))),
    ),
    law(
        theory.diffusion_ending_probability,
        r"\int_0^xe^{2M(1/T-1)h}\big/\int_0^1e^{2M(1/T-1)h}",
        TWO.format(400, 0.993),
        2609,
        "share of chains that end at the first word",
        lambda rng: _first_wins(rng, 400, 1200, 0.993, 1500),
        {"share": 0.35, "sample_size": 400, "temperature": 0.993},
        ("the martingale of T = 1", 0.35),
        status="asymptotic in M",
    ),
)
