r"""What happens to diversity when data of several generations are mixed: one law, its workflows.

Diversity is any quadratic measure of spread: the Gini-Simpson index of a categorical law, or the
variance of a Gaussian that is fitted with ddof=0 (in d dimensions, every entry of the covariance).
For all of them the expectation obeys the same law, because a draw from such a fit is, to second
order, a copy of a random datum of its training data (thm-workflows-law). Every function here gives
D_n, the expected diversity of generation n over that of reality; where data are replaced it is
`collapse.theory.drift.diversity_kept`.

What is lost within a model has gone into the differences between the chains: with mu_n the mean, or
the vector of probabilities, :math:`E|\mu_n-\mu_0|^2=(1-D_n)\,\mathrm{tr}\,\Sigma_0`
(prop-workflows-conservation).
"""

import numpy as np
from scipy import special

from collapse import validation


def diversity_accumulated(sample_size, generations, *, ddof=0):
    r"""D_n when generations add M_n draws each and learn from all so far, shape (N + 1,).

    Exact, thm-workflows-law: M_n draws with probabilities p change the pool's frequencies by
    :math:`M_n/N_{n+1}` times a multinomial error, with :math:`N_{n+1}=M_0+\dots+M_n`, so that each
    generation keeps :math:`1-M_n/N_{n+1}^2`. At constant M the product
    :math:`\prod_{i\le n}(1-1/(Mi^2))` is bounded from below, as in Kazdan et al. 2024
    (arXiv:2410.16713) and Dey and Donoho 2024 (arXiv:2410.22812). With another `ddof`, the expected
    variance of a Gaussian: the first sample keeps :math:`(M_0-1)/(M_0-\mathrm{ddof})`, each further
    one :math:`1-M_n/[N_{n+1}(N_{n+1}-\mathrm{ddof})]`.
    """
    ddof = validation.ddof(ddof)
    smallest = 2 if ddof == 1 else 1
    sizes = validation.sample_sizes(sample_size, generations, minimum=smallest).astype(float)
    pools = np.cumsum(sizes)
    factors = 1 - sizes / (pools * (pools - ddof))
    factors[:1] = (sizes[:1] - 1) / (sizes[:1] - ddof)
    return _products(factors)


def diversity_subsampled(sample_size, generations, *, budget=None, replacement=False):
    """D_n when each fit sees `budget` B data of the growing pool, M_n by default, shape (N + 1,).

    They are drawn from the pool with `replacement`, as in figure 5 of arXiv:2305.17493v2, or
    without, as in Kazdan et al. 2024 (arXiv:2410.16713). Exact, thm-workflows-law: let G be the
    expected difference of two data of the pool of size N, over that of reality. A fit to B of them
    has :math:`D=(1-1/B)rG`, with r = 1 without and r = 1 - 1/N with replacement. When draws of it
    are added, two data of the new pool are both old (difference G), old and new ((1 - 1/N) G: the
    new one copies each datum with probability 1/N) or both new (D). Derived here; for the workflow
    and its plateau see Kazdan et al.
    """
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    pools = np.cumsum(sizes)
    budgets = sizes
    if budget is not None:
        budgets = np.full(len(sizes), float(validation.integer("budget", budget, 1)))
    if not replacement and (budgets > pools).any():
        small = pools[budgets > pools][0]
        raise ValueError(f"budget must be at most the pool, {small:.0f}, got {budgets.max():.0f}")
    fits = (1 - 1 / budgets) * (1 - 1 / pools if replacement else 1)
    old, new, both = pools[:-1], sizes[1:], pools[1:]
    pairs = old * (old - 1) + 2 * new * (old - 1) + new * (new - 1) * fits[:-1]
    kept = _products(pairs / (both * (both - 1)))[: len(sizes)]
    return np.concatenate([[1.0], fits * kept])


def diversity_limits(sample_size):
    r"""Limits of the diversity at constant M, at least 2, by workflow: a dict of numbers.

    ``replaced`` (0), ``accumulated``, ``subsampled`` and ``redrawn``: M of all data so far, without
    and with replacement. Exact, thm-workflows-limits: :math:`\frac{\sin(\pi/\sqrt M)}{\pi/\sqrt M}`
    by Euler's product; :math:`(1-\frac1M)\frac{\Gamma(2-1/M)}{\Gamma(2-a)\Gamma(2-b)}` with a and b
    the roots of :math:`x^2-x/M-(3M-1)/M^2`, by Gauss's product;
    :math:`\frac{\sin\pi\sqrt c}{\pi\sqrt c}` with :math:`c=2/M-1/M^2`. To first order the losses
    are :math:`\pi^2/6`, :math:`\pi^2/2-2` and :math:`\pi^2/3` over M. The first is in Kazdan et al.
    2024 (arXiv:2410.16713) and Dey and Donoho 2024 (arXiv:2410.22812); the others were derived
    here.
    """
    size = validation.integer("sample_size", sample_size, 2)
    spread = np.sqrt(1 / size**2 + 4 * (3 - 1 / size) / size)
    a, b = (1 / size + spread) / 2, (1 / size - spread) / 2
    gammas = special.gammaln(2 - 1 / size) - special.gammaln(2 - a) - special.gammaln(2 - b)
    return {
        "replaced": 0.0,
        "accumulated": float(np.sinc(size**-0.5)),
        "subsampled": float((1 - 1 / size) * np.exp(gammas)),
        "redrawn": float(np.sinc(np.sqrt(2 / size - 1 / size**2))),
    }


def growth_limit(first, power):
    r"""Limit of the diversity when data are replaced and samples grow as :math:`M_n=c\,(n+1)^a`.

    `first` c is above 1, `power` a positive, and M_n is not rounded. Exact, prop-workflows-growth:
    :math:`\ln\prod_{i\ge1}(1-c^{-1}i^{-a})=-\sum_{k\ge1}\zeta(ak)/(kc^k)`, and zero if a is at most
    1. For a = 2 it is the limit of accumulation at constant M = c. The terms are summed until they
    fall below 1e-17.
    """
    first = validation.real("first", first, 1, open_below=True)
    power = validation.real("power", power, 0, open_below=True)
    if power <= 1:
        return 0.0
    k = np.arange(1, max(2, int(np.ceil(40 / np.log(first)))) + 1)
    # zeta(ak) - 1 falls off fast, and the ones sum to the logarithm
    excess = special.zetac(power * k) * np.exp(-k * np.log(first)) / k
    return float((1 - 1 / first) * np.exp(-excess.sum()))


def mixture_diversity(sample_size, generations, coefficients):
    r"""D_n of the models under the paper's mixture of laws, shape (N + 1,).

    `coefficients` are the shares alpha, beta and gamma of
    :math:`p_{i+1}=\alpha p_{\theta_{i+1}}+\beta p_i+\gamma p_0`, or a function of i that gives
    them; (1, 0, 0) is replacement, (1 - u, 0, u) a share u of fresh real data. Exact,
    prop-workflows-mixture: with :math:`q_n` the law that data are drawn from and
    :math:`m_n=E|q_n-p_0|^2` in units of reality's diversity, the fit adds noise of expected size
    :math:`(1-m_n)/M_n` and the mixture keeps :math:`(\alpha+\beta)(q_n-p_0)`: so
    :math:`m_{n+1}=(\alpha+\beta)^2m_n+\alpha^2(1-m_n)/M_n` and :math:`D_{n+1}=(1-1/M_n)(1-m_n)`.
    Derived here from the process of arXiv:2305.17493v2, section 4.
    """
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    kept, moved = [1.0], 0.0
    for i, size in enumerate(sizes):
        three = coefficients(i) if callable(coefficients) else coefficients
        alpha, beta, _ = _three(three)
        kept.append((1 - 1 / size) * (1 - moved))
        moved = (alpha + beta) ** 2 * moved + alpha**2 * (1 - moved) / size
    return np.array(kept)


def mixture_limit(sample_size, coefficients):
    r"""Limit of `mixture_diversity` at constant M and constant `coefficients`.

    Exact: the fixed point of prop-workflows-mixture, :math:`(1-\frac1M)(1-m)` with
    :math:`m=\frac{\alpha^2/M}{1-(\alpha+\beta)^2+\alpha^2/M}`. It is positive as soon as some
    reality is mixed in, gamma > 0. At alpha = 0 nothing is ever learned and m = 0: this is how the
    condition alpha = gamma = 0 of arXiv:2305.17493v2, corrected in 2025, would have to be read.
    """
    size = validation.integer("sample_size", sample_size, 1)
    alpha, beta, _ = _three(coefficients)
    noise = alpha**2 / size
    moved = noise / (1 - (alpha + beta) ** 2 + noise) if alpha > 0 else 0.0
    return float((1 - 1 / size) * (1 - moved))


def diversity_partially_replaced(sample_size, generations, replaced):
    r"""D_n when draws of the newest model replace `replaced` k of a pool of M data, shape (N + 1,).

    The fit is to the whole pool, and k are chosen at random. Exact, prop-workflows-partial:
    generation 1 keeps 1 - 1/M and each further one
    :math:`1-[\frac\alpha M+\frac{\alpha(1-\alpha)}{M-1}]` with :math:`\alpha=k/M`, counting pairs
    of the pool that are old, mixed and new. One new datum keeps 1 - 2/M^2, as in the model of Moran
    1958. For partial replacement of text see Riis 2026 (arXiv:2604.08554); the factor for a random
    subset was derived here.
    """
    factor = 1 - 1 / effective_size(sample_size, replaced)
    generations = validation.integer("generations", generations, 0)
    first = 1 - 1 / sample_size
    return np.concatenate([[1.0], first * factor ** np.arange(generations)])


def effective_size(sample_size, replaced):
    r"""Sample size at which full replacement loses what replacing `replaced` k of M data loses.

    Exact: the inverse of :math:`\frac\alpha M+\frac{\alpha(1-\alpha)}{M-1}` with
    :math:`\alpha=k/M`, prop-workflows-partial, between M and M^2/2; :math:`M/[\alpha(2-\alpha)]`
    for large M, which is 2 N_e in Riis 2026 (arXiv:2604.08554), who counts as for diploid genes.
    """
    size = validation.integer("sample_size", sample_size, 2)
    replaced = validation.integer("replaced", replaced, 1)
    if replaced > size:
        raise ValueError(f"replaced must be at most sample_size, {size}, got {replaced}")
    share = replaced / size
    return 1 / (share / size + share * (1 - share) / (size - 1))


def _three(coefficients):
    three = validation.probabilities("coefficients", coefficients)
    if three.shape != (3,):
        raise ValueError(f"coefficients must be alpha, beta and gamma, got {coefficients!r}")
    return three


def _products(factors):
    return np.concatenate([[1.0], np.cumprod(factors)])
