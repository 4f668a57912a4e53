r"""Resampling a vocabulary until it dies: the neutral Wright-Fisher model.

Reality gives K categories the probabilities p. The model of generation n + 1 is the empirical law
(the maximum likelihood fit) of M_n draws from generation n. In population genetics this is the
neutral haploid Wright-Fisher model: a category is an allele, a draw a gene copy, M_n the size of
the population and the loss of diversity is genetic drift.
"""

import numpy as np
from scipy import sparse, special, stats
from scipy.sparse.linalg import splu

from collapse import validation
from collapse.theory import drift

LARGEST_DENSE, LARGEST_BANDED = 5_000, 20_000  # sample sizes whose matrices need 1 to 1.5 GB
TRUNCATED = 1e-17  # most mass that a row of a banded matrix leaves out


def _lost(sample_size, generations):
    """Return 1 - prod_{i<n} (1 - 1/M_i) for n = 0, ..., generations, accurate for huge M."""
    sizes = validation.sample_sizes(sample_size, generations)
    with np.errstate(divide="ignore"):  # M = 1 keeps nothing
        return -np.expm1(np.concatenate([[0.0], np.cumsum(np.log1p(-1 / sizes))]))


def binomial_rows(starts, size):
    """Rows Binomial(`size`, start) for each of `starts`, cut at tails below 1e-17, as CSR.

    Exact up to what is cut, by Bernstein's bound; `collapse.theory.mixture` uses it too.
    """
    starts, size = validation.share("starts", starts), validation.integer("size", size, 1)
    starts = np.where(starts < 1e-300, 0.0, starts)  # scipy's binomial overflows near 1e-305
    # Bernstein: P(|Z - Mp| > h) <= 2 exp(-h^2 / (2 (Mp(1-p) + h/3)))
    nats = np.log(2 / TRUNCATED)
    half_width = nats / 3 + np.sqrt((nats / 3) ** 2 + 2 * nats * size * starts * (1 - starts))
    first = np.maximum(size * starts - half_width, 0).astype(np.int64)
    last = np.minimum(size * starts + half_width + 1, size).astype(np.int64)
    length = last - first + 1
    bounds = np.concatenate([[0], np.cumsum(length)])
    counts = np.arange(bounds[-1]) - np.repeat(bounds[:-1] - first, length)
    mass = stats.binom.pmf(counts, size, np.repeat(starts, length))
    return sparse.csr_array((mass, counts, bounds), shape=(len(starts), size + 1))


def lost_in_one_generation(probabilities, sample_size):
    r"""Probability that each category is missing from the first sample, shape (K,).

    Exact: M_0 independent draws all miss with probability :math:`(1-p)^{M_0}`, accurate for tiny p
    and huge M. The paper (arXiv v2, section 4.1) calls the expected count of a category with
    :math:`p\le1/M` less than one. It is *at most* one, with equality at p = 1/M, where the loss has
    probability :math:`(1-1/M)^M\to1/e`: neither certain nor limited to categories below 1/M.
    """
    p = validation.one_law("probabilities", probabilities)
    size = validation.sample_sizes(sample_size, 1)[0]
    return np.exp(special.xlog1py(float(size), -p))


def expected_categories_lost(probabilities, sample_size):
    r"""Expected number of categories that the first sample loses, of those that reality has.

    Exact: :math:`\sum_{p_i>0}(1-p_i)^{M_0}`, by linearity from `lost_in_one_generation`.
    """
    lost = lost_in_one_generation(probabilities, sample_size)
    return float(lost[validation.one_law("probabilities", probabilities) > 0].sum())


def expected_mass_lost(probabilities, sample_size):
    r"""Expected share of reality that the first sample loses: the missing mass of Good and Turing.

    Exact: :math:`\sum_ip_i(1-p_i)^{M_0}`, by linearity. They estimate it by the share of draws seen
    once.
    """
    p = validation.one_law("probabilities", probabilities)
    return float(p @ lost_in_one_generation(p, sample_size))


def expected_gini_simpson(probabilities, sample_size, generations):
    r"""Expected diversity :math:`E[1-\sum_ip_n(i)^2]` (heterozygosity), shape (N + 1,).

    Exact: that of reality times `collapse.theory.drift.diversity_kept`. Constant M: Seddik et al.,
    arXiv:2404.05090, equation (6).
    """
    p = validation.one_law("probabilities", probabilities)
    return p @ (1 - p) * drift.diversity_kept(sample_size, generations)


def variance(probabilities, sample_size, generations):
    """Variance over chains of each category's probability, shape (N + 1, K).

    Exact: the diagonals of `covariance`, at a cost linear in K.
    """
    p = validation.one_law("probabilities", probabilities)
    return _lost(sample_size, generations)[:, None] * (p * (1 - p))


def covariance(probabilities, sample_size, generations):
    r"""Covariance over chains of the probabilities, shape (N + 1, K, K).

    For large K see `variance`.     Exact: :math:`p_i(\delta_{ij}-p_j)[1-\prod_{m<n}(1-1/M_m)]`.
    With :math:`S=\mathrm{diag}(p)-pp^\top`, a multinomial step has
    :math:`E[S_{n+1}|p_n]=(1-1/M_n)S_n`, and, p_n being a martingale,
    :math:`\mathrm{Cov}(p_n)+E[S_n]=S_0`: what chains lose in diversity they gain in differences
    (Wahlund's principle; standard for the Wright-Fisher model).
    """
    p = validation.one_law("probabilities", probabilities)
    gained = _lost(sample_size, generations)
    return gained[:, None, None] * (np.diag(p) - np.outer(p, p))


def fixation_probability(probabilities):
    """Probability that each category ends up as the only one, shape (K,): its own, whatever M is.

    Exact whenever the sum of 1/M_n diverges, as for constant M: p_n(i) is a bounded martingale, its
    limit is then 0 or 1, and the expectation of the limit is p(i). The paper: arXiv v2, section
    4.1; Proposition 1 of arXiv:2404.05090; neutral fixation in Wright-Fisher's model.
    """
    return validation.one_law("probabilities", probabilities)


def transition_matrix(sample_size, decode=None):
    r"""Transition probabilities of the number of copies of one category, shape (M + 1, M + 1).

    Entry [i, j] is the probability of j copies after i copies; M is constant and at most 5000. A
    rule ``decode(laws)``, `decode`, turns laws of shape (..., 2) into those that are drawn from.
    Exact: the Wright-Fisher matrix Binomial(M, i/M), with decoding Binomial(M, D(i/M)). Without
    decoding, lumping all other categories makes it the law of every single category for any K; a
    rule like temperature does not treat all others as one, and K must be 2. It is the transpose of
    the paper's convention (arXiv v2, appendix A.1), whose columns are the states left.
    """
    size = validation.constant_size(sample_size, LARGEST_DENSE)
    copies = np.arange(size + 1)
    share = copies / size
    if decode is not None:
        if not callable(decode):
            raise ValueError(f"decode must be callable, got {decode!r}")
        laws = decode(np.stack([share, 1 - share], axis=-1))
        share = np.minimum(validation.probabilities("decode(laws)", laws)[..., 0], 1.0)
    return stats.binom.pmf(copies, size, share[:, None])


def spectrum(sample_size):
    r"""Eigenvalues of `transition_matrix` without decoding, in decreasing order, shape (M + 1,).

    Exact: :math:`\lambda_j=\prod_{i<j}(1-i/M)`. The j-th factorial moment of Binomial(M, x) is
    :math:`\lambda_j(Mx)^j`, so the matrix is triangular on polynomials of degree j. Standard for
    the Wright-Fisher model: 1 twice (two absorbing states), then 1 - 1/M, the rate of diversity.
    """
    size = validation.constant_size(sample_size)
    return np.cumprod(np.concatenate([[1.0], 1 - np.arange(size) / size]))


def expected_absorption_time(probabilities, sample_size):
    r"""Expected first generation at which a single category is left, 0 if reality is a point.

    M is at most 20,000. Exact for any K, from one chain of M + 1 states: T > n unless some category
    is fixed by n, so :math:`E[T]=\sum_if(p_i)` with
    :math:`f(x)=\sum_{n\ge0}(x-P_x(\text{fixed by }n))`. First-step analysis: :math:`f(0)=f(1)=0`,
    else :math:`f(x)=x+\sum_k\mathrm{Bin}(k;M,x) f(k/M)`, a linear system (I - Q) f = x on k = 1,
    ..., M - 1, and its right-hand side for a reality off the grid. Fills the gap between the bounds
    of Seddik et al., arXiv:2404.05090, equation (8), and answers arXiv v2, appendix A.1, for an
    exact fit; derived here. For K = 2 it is the textbook row sum of :math:`(I-Q)^{-1}`. Rows cut at
    1e-17 move it by less than rounding.
    """
    p = validation.one_law("probabilities", probabilities)
    size = validation.constant_size(sample_size, LARGEST_BANDED)
    share = np.arange(size + 1) / size
    excess = np.zeros(size + 1)
    if size > 1:
        leaving = sparse.eye_array(size - 1) - binomial_rows(share, size)[1:-1, 1:-1]
        # I - Q is an M-matrix: elimination needs no pivoting, so the band stays a band
        factors = splu(leaving.tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0)
        excess[1:-1] = factors.solve(share[1:-1])
    values, repeats = np.unique(p[(p > 0) & (p < 1)], return_counts=True)
    return float((values + binomial_rows(values, size) @ excess) @ repeats)


def diffusion_absorption_time(probabilities, sample_size):
    r"""Diffusion limit :math:`-2M\sum_i(1-p_i)\ln(1-p_i)` of the absorption time, never above 2M.

    Asymptotic in M at fixed p: f of `expected_absorption_time` solves
    :math:`\frac{x(1-x)}{2M}f''=-x` with f(0) = f(1) = 0. About 2 % high at M = 100, 9 % at M = 10.
    For K = 2 the classical time of Wright-Fisher diffusion, -2M[p ln p + (1-p) ln(1-p)].
    """
    p = validation.one_law("probabilities", probabilities)
    size = validation.constant_size(sample_size)
    return float(-2.0 * size * special.xlog1py(1 - p, -p).sum())


def survival_constant(sample_size, generations):
    r"""Constants g_n of P(alive at n) = 1 - exp(-M_0 p g_n), shape (N + 1,); g_0 is infinite.

    Exact for Poisson counts, :math:`Z_1\sim\mathrm{Pois}(M_0p)` and
    :math:`Z_{n+1}\sim\mathrm{Pois}(Z_nM_n/M_{n-1})`: a branching process, which the copies of a
    rare category follow. With :math:`r=M_m/M_{m-1}`,
    :math:`E[e^{-aZ_{m+1}}|Z_m]=e^{-Z_mr(1-e^{-a})}`, so "alive at n", which is :math:`a=\infty` at
    n, is pulled back by :math:`a\mapsto r(1-e^{-a})`, lastly with r = 1. For constant M this is
    :math:`g_{n+1}=1-e^{-g_n}` of Suresh et al., arXiv:2412.17646, Theorems 1 and 2; asymptotic in
    n, :math:`g_n\approx2/(n+\frac13\ln n+0.80)` (0.80 fitted).
    """
    sizes = validation.sample_sizes(sample_size, generations)
    ratios = sizes / np.concatenate([sizes[:1], sizes[:-1]])
    constants = np.full(len(sizes) + 1, np.inf)
    for m in reversed(range(len(sizes))):
        constants[m + 1 :] = ratios[m] * -np.expm1(-constants[m + 1 :])
    return constants


def survival_probability(probabilities, sample_size, generations):
    r"""Probability that each category is alive, for Poisson counts, shape (N + 1, K).

    Exact for Poisson counts: :math:`1-e^{-M_0pg_n}` with g_n of `survival_constant`. Asymptotic in
    M, at n well below M, for multinomial counts; never above their probability, because
    :math:`(1-x)^M\le e^{-Mx}` at each pull-back (Theorem 1 of arXiv:2412.17646 for constant M).
    Over all p the largest difference, met near M p = n, lies between 0.14 n/M and 0.28 n/M for n <=
    M (measured).
    """
    p = validation.one_law("probabilities", probabilities)
    sizes = validation.sample_sizes(sample_size, generations)
    constants = survival_constant(sizes, generations)[1:]
    return np.vstack([p > 0, -np.expm1(-np.multiply.outer(constants, sizes[:1].sum() * p))])


def exact_survival_probability(probabilities, sample_size, generations):
    """Probability that each category is alive, for multinomial counts, shape (N + 1, K).

    Each M_n is at most 20,000. Exact: a category against all others is the K = 2 chain, and the
    probability of being alive later, as a function of the copies now, is pulled back through the
    matrices Binomial(M_n, k/M_{n-1}). Their rows are cut where they hold at most 1e-17, which
    lowers the answer by at most 1e-17 per generation. The cost is linear in n where M is constant,
    quadratic otherwise, and follows the distinct values of p.
    """
    p = validation.one_law("probabilities", probabilities)
    sizes = validation.sample_sizes(sample_size, generations)
    if (sizes > LARGEST_BANDED).any():
        raise ValueError(f"sample_size must be at most {LARGEST_BANDED} here, got {sizes.max()}")
    if not len(sizes):
        return np.array([p > 0], dtype=float)
    # vector j: alive j generations on, given the copies in the newest sample
    alive, pair, constant = [np.arange(sizes[-1] + 1) > 0], None, (sizes == sizes[0]).all()
    for parent, size in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        if pair != (parent, size):
            step, pair = binomial_rows(np.arange(parent + 1) / parent, size), (parent, size)
        if constant:  # one generation more is one more power of the matrix
            alive.append(step @ alive[-1])
        else:
            alive = [np.arange(parent + 1) > 0, *(step @ later for later in alive)]
    values, inverse = np.unique(p, return_inverse=True)
    survival = binomial_rows(values, sizes[0]) @ np.transpose(alive)
    survival = np.minimum(survival, 1)  # a row may sum to 1 + 1e-15
    return np.vstack([p > 0, survival.T[:, inverse]])


def expected_alive(probabilities, sample_size, generations):
    """Expected number of categories alive (the vocabulary), for Poisson counts, shape (N + 1,).

    Exact for them, and asymptotic in M for multinomial counts, never above: the sum of
    `survival_probability`, in memory linear in K (arXiv:2412.17646, Corollary 1).
    """
    p = validation.one_law("probabilities", probabilities)
    sizes = validation.sample_sizes(sample_size, generations)
    values, repeats = np.unique(p[p > 0], return_counts=True)
    mean = values * (sizes[0] if len(sizes) else 1)
    return np.array([-np.expm1(-g * mean) @ repeats for g in survival_constant(sizes, generations)])


def exact_expected_alive(probabilities, sample_size, generations):
    """Expected number of categories alive (the vocabulary), for multinomial counts, shape (N + 1,).

    Exact: the sum over categories of `exact_survival_probability`, by linearity.
    """
    return exact_survival_probability(probabilities, sample_size, generations).sum(axis=1)
