r"""What decoding does to a law that is learned from its own text.

Decoding changes the next-word law before a word is drawn from it. Ancestral sampling leaves it as
it is, so that the frequencies stay a martingale and `collapse.theory.categorical` applies; every
other rule is a selection, which acts again in each generation. Without sampling error a rule is a
map of laws, applied n times; temperature is in `collapse.theory.functional`. Arrays run over the
generations 0 (reality), 1, ..., N.
"""

from itertools import pairwise

import numpy as np
from scipy import integrate, special, stats

from collapse import validation
from collapse.theory import categorical, functional


def _leading(p, kept):
    """Return the laws of the `kept[n]` most probable categories, shape (N + 1, K)."""
    rank = np.empty(len(p), dtype=int)
    rank[np.argsort(-p, kind="stable")] = np.arange(len(p))
    laws = np.where(rank < np.asarray(kept)[:, None], p, 0.0)
    return laws / laws.sum(axis=-1, keepdims=True)


def generations_to_point(probabilities, *, temperature, remainder):
    r"""First generation at which all but the most probable category hold at most `remainder`.

    T, `temperature`, is below 1, `remainder` between 0 and 1, and one category the most probable.
    Exact, without sampling error: by `collapse.theory.functional.tempered_probabilities` the odds
    of category i against it are :math:`(p_i/p_{\max})^{1/T^n}`. They go to zero doubly
    exponentially: with r the largest of these ratios at n = 0, the odds of all others together lie
    between :math:`r^{1/T^n}` and :math:`(K-1)r^{1/T^n}`, so that n grows like the logarithm of
    :math:`\ln(1/\mathrm{remainder})/\ln(1/r)`, over :math:`\ln(1/T)`.
    """
    p, remainder = (
        validation.one_law("probabilities", probabilities),
        validation.real("remainder", remainder, 0, 1),
    )
    temperature = validation.real("temperature", temperature, 0, 1, open_below=True)
    if temperature == 1 or not 0 < remainder < 1:
        raise ValueError(
            "temperature must be below 1 and remainder in (0, 1), "
            f"got {temperature} and {remainder}"
        )
    *others, most = np.sort(p)
    if others and others[-1] == most:
        raise ValueError(f"probabilities must have one largest entry, got several of {most}")
    # enough by the upper bound; then the first that will do
    odds, wanted = max(others, default=0.0) / most, remainder / (1 - remainder)
    if sum(others) <= remainder:
        return 0
    power = max(np.log(wanted / len(others)) / np.log(odds), 1.0)
    enough = int(np.ceil(np.log(power) / -np.log(temperature))) + 1
    laws = functional.tempered_probabilities(p, enough, temperature=temperature)
    rest = np.delete(laws, np.argmax(p), axis=1).sum(axis=1)  # not 1 - p, which rounds to zero
    return int(np.argmax(rest <= remainder))


def top_k_probabilities(probabilities, generations, *, k):
    """Law that is sampled from its `k` most probable categories, shape (N + 1, K).

    Of equally probable ones the first are kept. Exact, without sampling error: a law with k
    categories is its own top k, so that the rule acts once. From then on, with or without sampling
    error, it is ancestral sampling. For k = 1 it is greedy decoding.
    """
    p, generations = (
        validation.one_law("probabilities", probabilities),
        validation.integer("generations", generations, 0),
    )
    k = validation.integer("k", k, 1)
    return _leading(p, [len(p), *[k] * generations])


def nucleus_support(probabilities, generations, *, mass):
    r"""Number of categories in the nucleus of each generation, shape (N + 1,).

    Without sampling error. The nucleus is the smallest set of the most probable categories that
    holds at least `mass`, :math:`\pi`, above 0 and at most 1; :math:`m_0` counts all of positive
    probability. Exact: with :math:`P_m` the m largest probabilities of reality together, generation
    n has the shares :math:`p_i/P_{m_n}`, and so :math:`m_{n+1}=\min\{m:P_m\ge\pi P_{m_n}\}`. A
    nucleus of m categories is stable if and only if the least of them holds more than :math:`1-\pi`
    of it; then :math:`m<1/(1-\pi)`, see `nucleus_limit`. The mass kept of reality falls no faster
    than :math:`\pi^n`. Equal to the last bit, a mass counts as reached: the comparison allows for a
    relative rounding of 1e-12.
    """
    p, generations = (
        validation.one_law("probabilities", probabilities),
        validation.integer("generations", generations, 0),
    )
    mass = validation.real("mass", mass, 0, 1, open_below=True)
    held = np.cumsum(np.sort(p[p > 0])[::-1])
    kept = [len(held)]
    for _ in range(generations):
        kept.append(1 + int(np.argmax(held >= mass * held[kept[-1] - 1] * (1 - 1e-12))))
    return np.array(kept)


def nucleus_probabilities(probabilities, generations, *, mass):
    """Law that is sampled from its nucleus of `mass`, without sampling error, shape (N + 1, K).

    Exact: reality on the categories that `nucleus_support` counts, which keep their proportions.
    """
    p = validation.one_law("probabilities", probabilities)
    return _leading(p, nucleus_support(p, generations, mass=mass))


def nucleus_limit(mass):
    r"""Largest number of categories that can stay for ever in a nucleus of `mass` below 1.

    Bound, with :math:`\pi` the mass: the largest whole number below :math:`1/(1-\pi)`, reached by
    equally probable categories. Of m categories the least holds at most 1/m, and a stable nucleus
    needs it to hold more than :math:`1-\pi`. Whatever the vocabulary, a nucleus of mass 0.9 ends
    with at most nine words.
    """
    mass = validation.real("mass", mass, 0, 1, open_below=True)
    if mass == 1:
        raise ValueError("mass must be below 1, where everything is kept for ever, got 1.0")
    return max(int(np.ceil((1 - 1e-12) / (1 - mass))) - 1, 1)


def _absorbed(share, sample_size, decode):
    """Ending probability and time of a word, given its share in reality."""
    share = validation.real("share", share, 0, 1)
    step = categorical.transition_matrix(sample_size, decode)
    size = len(step) - 1
    ending, time = np.zeros((2, size + 1))
    ending[-1] = 1
    if size > 1:
        inner = np.s_[1:-1]
        leaving = np.eye(size - 1) - step[inner, inner]
        aims = np.stack([step[inner, -1], np.ones(size - 1)], axis=-1)
        ending[inner], time[inner] = np.linalg.solve(leaving, aims).T
    # the first sample is of real text, to which no rule was applied
    first = stats.binom.pmf(np.arange(size + 1), size, share)
    return float(first @ ending), float(first @ time + (0 < share < 1))


def ending_probability(share, sample_size, decode):
    """Probability that the first of two words, of this `share`, is left alone in the end.

    `decode` and M are as for `collapse.theory.categorical.transition_matrix`; a point must stay a
    point, and both be within reach. Exact: first-step analysis, :math:`(I-Q)u=R`; the first sample
    is drawn from reality as it is. Ancestral sampling gives `share`, by the martingale.
    """
    return _absorbed(share, sample_size, decode)[0]


def ending_time(share, sample_size, decode):
    """Expected generation from which one of two words, the first of this `share`, is left alone.

    `decode` and M are as for `ending_probability`; 0 if reality is a point. Exact:
    :math:`(I-Q)t=1`. With ancestral sampling it is
    `collapse.theory.categorical.expected_absorption_time`. A temperature above 1 favours the rarer
    word, and the time grows exponentially in M: what temperature flattens, chance ends, but late.
    """
    return _absorbed(share, sample_size, decode)[1]


def diffusion_ending_probability(share, sample_size, *, temperature):
    r"""Diffusion limit of `ending_probability` for this `share`, sampled at `temperature` T.

    Asymptotic in M at fixed :math:`M(1/T-1)`: with x the share and
    :math:`h(y)=-y\ln y-(1-y)\ln(1-y)` it is
    :math:`\int_0^xe^{2M(1/T-1)h(y)}dy\big/\int_0^1e^{2M(1/T-1)h(y)}dy`. The log-odds of the word
    are multiplied by 1/T, so that to first order its share moves by
    :math:`x(1-x)(1/T-1)\ln\frac x{1-x}` a generation, with the variance x(1-x)/M: selection of
    whatever is frequent (T < 1) or rare (T > 1). The scale function has the derivative
    :math:`\exp(-2M(1/T-1)\int\ln\frac y{1-y}dy)`, and the integral is -h. So temperature outweighs
    chance as soon as :math:`M|1/T-1|` exceeds about 1.
    """
    share = validation.real("share", share, 0, 1)
    size = validation.integer("sample_size", sample_size, 1)
    temperature = validation.real("temperature", temperature, 0, open_below=True)
    strength = 2 * size * (1 / temperature - 1)
    top = max(strength * np.log(2), 0.0)  # the largest exponent is taken off

    def scale(y):
        return np.exp(strength * (special.entr(y) + special.entr(1 - y)) - top)

    # by symmetry half of the integral lies on either side of 1/2, where the peak is for T < 1
    x = min(share, 1 - share)
    edges = 0.5 * (1 - np.linspace(1, 0, 65) ** 3)
    pieces = [integrate.quad(scale, a, b)[0] for a, b in pairwise(edges)]
    cut = np.searchsorted(edges, x, side="right") - 1
    below = sum(pieces[:cut]) + (integrate.quad(scale, edges[cut], x)[0] if x < 0.5 else 0.0)
    lower = 0.5 * below / sum(pieces)
    return float(lower if share <= 0.5 else 1 - lower)
