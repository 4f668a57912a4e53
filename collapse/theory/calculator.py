r"""How much fresh real data each generation needs.

Each of the M draws that a generation learns from is, independently of the others, fresh real data
with probability u, and a draw from the last model otherwise. The fit is exact (a categorical law
is fitted by its frequencies). The functions invert two laws of that recursion in the long run: the
share of reality's diversity that is kept, and how often an item is in the training set at all.
``companion/calculator.js`` computes the same in a page.
"""

import math

from scipy import optimize

from collapse import validation

_STEPS = 5000


def fresh_share_for_diversity(kept, sample_size):
    r"""Share u of fresh real data that keeps a share `kept` of reality's diversity for ever.

    `kept` is at most 1 - 1/M, which is all that M draws can hold. Exact, eq-realdata-share: the
    inverse of the limit of prop-workflows-mixture with the coefficients (1 - u, 0, u). With
    :math:`a=(1-u)^2` it is :math:`s=(1-\frac1M)\frac{1-a}{1-(1-1/M)a}`, hence
    :math:`1-a=x=\frac{s}{1-s}\cdot\frac1{M-1}` and :math:`u=x/(1+\sqrt{1-x})`. The number of fresh
    data, about :math:`\frac12\frac s{1-s}`, does not depend on M.
    """
    size = validation.integer("sample_size", sample_size, 2)
    kept = validation.real("kept", kept, 0, 1 - 1 / size, open_below=True)
    x = min(kept / ((1 - kept) * (size - 1)), 1.0)
    return x / (1 + math.sqrt(1 - x))


def lifetime(fresh_share):
    r"""Mean number of training sets in which a fresh real item occurs, itself or as copies.

    Asymptotic in M, for items that stay rare: every copy then leaves a Poisson number of copies of
    mean 1 - u, u being `fresh_share`, to the next training set. Copies are left after t generations
    with probability :math:`h_t`, :math:`h_{t+1}=1-e^{-(1-u)h_t}`, and the mean is
    :math:`\sum_t h_t`, about :math:`2\ln(1+1/(2u))` for small u (prop-realdata-presence). The first
    5000 terms are summed; the rest is :math:`2\ln(1+bh)+(1/u-2b)h`, with b such that the expansion
    in h is right up to its square.
    """
    share = validation.real("fresh_share", fresh_share, 0, 1, open_below=True)
    keep, alive, total = 1 - share, 1.0, 0.0
    for _ in range(_STEPS):
        if alive == 0.0:
            return total
        total += alive
        alive = -math.expm1(-keep * alive)
    b = keep / (share * math.sqrt(2 * (1 + keep)))
    return total + 2 * math.log1p(b * alive) + (1 / share - 2 * b) * alive


def presence_probability(probability, sample_size, fresh_share):
    r"""Probability that an item of `probability` p is in the training set of a late generation.

    Bound from below for every p and M; asymptotic for small p, prop-realdata-presence:
    :math:`1-e^{-Mup\,L(u)}` with u = `fresh_share` and the mean `lifetime` L. A Poisson number of
    mean Mup of the item's copies comes in with every generation; those that came t generations ago
    have descendants with probability :math:`h_t` each (the queue with endless servers). The bound:
    the count's generating function obeys :math:`(1-(1-s)q)^M\le e^{-(1-s)Mq}` in each step, with
    :math:`q=up+(1-u)X/M`.
    """
    p = validation.real("probability", probability, 0, 1)
    size = validation.integer("sample_size", sample_size, 1)
    return -math.expm1(-lifetime(fresh_share) * fresh_share * size * p)


def fresh_share_for_item(probability, sample_size, presence):
    r"""Share u of fresh real data that keeps an item of `probability` p in most training sets.

    `presence` is the probability for it to be in one, at most :math:`1-e^{-Mp}`: beyond that not
    even real data alone are enough. Asymptotic for small p, and always enough: the inverse of
    `presence_probability`, found by Brent's method, since :math:`u\,L(u)` rises from 0 to 1.
    """
    p = validation.real("probability", probability, 0, 1, open_below=True)
    size = validation.integer("sample_size", sample_size, 1)
    presence = validation.real("presence", presence, 0, -math.expm1(-size * p), open_below=True)
    needed = min(-math.log1p(-presence) / (size * p), 1.0)
    if needed == 1.0:
        return 1.0
    log_share = optimize.brentq(
        lambda x: math.exp(x) * lifetime(math.exp(x)) - needed,
        math.log(needed) - 9,
        0.0,
        xtol=1e-10,
    )
    return math.exp(log_share)
