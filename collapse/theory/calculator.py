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
    r"""Share of fresh real data that keeps a share of reality's diversity in the long run.

    Parameters
    ----------
    kept : float
        The expected Gini-Simpson diversity over that of reality, above 0 and at most 1 - 1/M.
    sample_size : int
        M, at least 2.

    Returns
    -------
    float
        u, the probability of a training datum to be fresh and real; M u of them are expected.

    Raises
    ------
    ValueError
        If an argument is out of range; with M draws no more than 1 - 1/M can be kept.

    Notes
    -----
    Exact, `eq-realdata-share`. Two draws from generation n + 1 are the same copy with probability
    1/M; else they differ with probability :math:`H_n` if both are model data, and with
    :math:`H_0` on average if one is real, since :math:`E\,p_n=p_0`. So in the long run
    :math:`s=(1-\frac1M)\frac{1-a}{1-(1-1/M)a}` with :math:`a=(1-u)^2`, hence
    :math:`1-a=x=\frac{s}{1-s}\cdot\frac1{M-1}` and :math:`u=x/(1+\sqrt{1-x})`. The number of fresh
    data, about :math:`\frac12\frac s{1-s}`, does not depend on M.
    """
    size = validation.integer("sample_size", sample_size, 2)
    kept = validation.real("kept", kept, 0, 1 - 1 / size, open_below=True)
    x = min(kept / ((1 - kept) * (size - 1)), 1.0)
    return x / (1 + math.sqrt(1 - x))


def lifetime(fresh_share):
    r"""Mean number of training sets in which a fresh real item occurs, itself or as copies.

    Parameters
    ----------
    fresh_share : float
        u, above 0 and at most 1.

    Returns
    -------
    float
        At least 1, for the training set that the item comes in with.

    Raises
    ------
    ValueError
        If the share is out of range.

    Notes
    -----
    Asymptotic in M, for items that stay rare: every copy then leaves a Poisson number of copies of
    mean 1 - u to the next training set. Copies are left after t generations with probability
    :math:`h_t`, where :math:`h_0=1` and :math:`h_{t+1}=1-e^{-(1-u)h_t}`, and the mean lifetime is
    :math:`\sum_t h_t`, about :math:`2\ln(1+1/(2u))` for small u. The first 5000 terms are summed;
    the rest is :math:`2\ln(1+bh)+(1/u-2b)h`, with b such that the expansion in h is right up to
    its square.
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
    r"""Probability that a rare item is in the training set of a generation in the long run.

    Parameters
    ----------
    probability : float
        p, the item's probability in reality.
    sample_size : int
        M.
    fresh_share : float
        u, above 0 and at most 1.

    Returns
    -------
    float
        The probability, a lower bound for every p and M, and asymptotically right for rare items.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Asymptotic for small p, `prop-realdata-presence`: :math:`1-e^{-Mup\,L(u)}` with the mean
    `lifetime` L. A Poisson number of mean Mup of the item's copies comes in with every generation;
    those that came t generations ago have descendants with probability :math:`h_t` each, so that
    the number of families alive is Poisson of mean :math:`Mup\sum_t h_t` (the queue with endless
    servers). A lower bound always: the count's generating function obeys
    :math:`(1-(1-s)q)^M\le e^{-(1-s)Mq}` in each step, with :math:`q=up+(1-u)X/M`, so that absence
    is at most as likely as with Poisson numbers.
    """
    p = validation.real("probability", probability, 0, 1)
    size = validation.integer("sample_size", sample_size, 1)
    return -math.expm1(-lifetime(fresh_share) * fresh_share * size * p)


def fresh_share_for_item(probability, sample_size, presence):
    r"""Share of fresh real data that keeps a rare item in most training sets in the long run.

    Parameters
    ----------
    probability : float
        p, the item's probability in reality, above 0.
    sample_size : int
        M.
    presence : float
        The probability for the item to be in a training set, above 0 and at most
        :math:`1-e^{-Mp}`.

    Returns
    -------
    float
        u, the probability of a training datum to be fresh and real.

    Raises
    ------
    ValueError
        If an argument is out of range; beyond :math:`1-e^{-Mp}` not even real data alone are
        enough by this law.

    Notes
    -----
    Asymptotic for small p, and always enough: the inverse of `presence_probability` in u, found
    by Brent's method, since :math:`u\,L(u)` rises from 0 to 1.
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
