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

LARGEST_DENSE, LARGEST_BANDED = 5_000, 20_000  # sample sizes whose matrices need 1 to 1.5 GB
TRUNCATED = 1e-17  # most mass that a row of a banded matrix leaves out


def _reality(probabilities):
    array = validation.probabilities("probabilities", probabilities)
    if array.ndim != 1:
        raise ValueError(f"probabilities must have one axis, (K,), got shape {array.shape}")
    return array


def _constant(sample_size, largest=np.inf):
    """Return a sample size that must be the same every generation, as int."""
    if callable(sample_size) or np.ndim(sample_size):
        raise ValueError(f"sample_size must be one number here, got {sample_size!r}")
    size = int(validation.sample_sizes(sample_size, 1)[0])
    if size > largest:
        raise ValueError(f"sample_size must be at most {largest} here, got {size}")
    return size


def _log_kept(sample_size, generations):
    """Return log prod_{i<n} (1 - 1/M_i) for n = 0, ..., generations."""
    sizes = validation.sample_sizes(sample_size, generations)
    with np.errstate(divide="ignore"):  # M = 1 keeps nothing
        return np.concatenate([[0.0], np.cumsum(np.log1p(-1 / sizes))])


def _banded(starts, size):
    """Return the rows Binomial(size, start), cut where a tail is below TRUNCATED, as CSR."""
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
    r"""Return the probability that each category is missing from the first sample.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample size or its schedule; only M_0 matters.

    Returns
    -------
    numpy.ndarray, shape (K,)
        :math:`(1-p)^{M_0}`, accurate for tiny p and huge M.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: M independent draws all miss with probability :math:`(1-p)^M`. The paper (arXiv
    v2, section 4.1) calls the expected count of a category with :math:`p \le 1/M` less than one. It
    is *at most* one, with equality at p = 1/M, where the loss has probability
    :math:`(1-1/M)^M \to 1/e`: neither certain nor limited to categories below 1/M.
    """
    p, size = _reality(probabilities), validation.sample_sizes(sample_size, 1)[0]
    return np.exp(special.xlog1py(float(size), -p))


def expected_categories_lost(probabilities, sample_size):
    r"""Return the expected number of categories that a single generation loses.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0; categories of probability zero are not counted.
    sample_size : int, sequence of int or callable
        The sample size or its schedule; only M_0 matters.

    Returns
    -------
    float
        :math:`\sum_{p_i>0}(1-p_i)^{M_0}`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*, by linearity from `lost_in_one_generation`. Wright-Fisher: alleles lost by drift.
    """
    lost = lost_in_one_generation(probabilities, sample_size)
    return float(lost[_reality(probabilities) > 0].sum())


def expected_mass_lost(probabilities, sample_size):
    r"""Return the expected share of reality that a single generation loses.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample size or its schedule; only M_0 matters.

    Returns
    -------
    float
        The expected missing mass :math:`\sum_i p_i(1-p_i)^{M_0}`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*, by linearity. It is what Good and Turing estimate by the share of draws seen once.
    """
    return float(_reality(probabilities) @ lost_in_one_generation(probabilities, sample_size))


def expected_gini_simpson(probabilities, sample_size, generations):
    r"""Return the expected diversity (heterozygosity) of each generation.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ...
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1,)
        :math:`E[1-\sum_i p_n(i)^2]`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: :math:`E[H_n]=H_0\prod_{i<n}(1-1/M_i)`. Two of the M draws of a generation are the
    same draw with probability 1/M, else they differ with probability H of their parent. The
    standard decay of heterozygosity in the Wright-Fisher model; constant M in Seddik et al.,
    arXiv:2404.05090, equation (6), products in Xu et al., arXiv:2505.13947. Diversity survives
    if and only if :math:`\sum_i 1/M_i<\infty` and every M_i > 1.
    """
    p = _reality(probabilities)
    return p @ (1 - p) * np.exp(_log_kept(sample_size, generations))


def variance(probabilities, sample_size, generations):
    r"""Return the variance over chains of each category's probability, by generation.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ...
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1, K)
        The diagonals of `covariance`, at a cost linear in K.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: :math:`p(1-p)[1-\prod_{i<n}(1-1/M_i)]`; see `covariance`.
    """
    p = _reality(probabilities)
    return -np.expm1(_log_kept(sample_size, generations))[:, None] * (p * (1 - p))


def covariance(probabilities, sample_size, generations):
    r"""Return the covariance over chains of the probabilities, by generation.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ...
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1, K, K)
        :math:`\mathrm{Cov}(p_n(i),p_n(j))`; for large K see `variance`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: :math:`p_i(\delta_{ij}-p_j)[1-\prod_{m<n}(1-1/M_m)]`. With :math:`S=\mathrm{diag}(p)
    -pp^\top`, a multinomial step has :math:`E[S_{n+1}|p_n]=(1-1/M_n)S_n`, and, p_n being a
    martingale, :math:`\mathrm{Cov}(p_n)+E[S_n]=S_0`: what chains lose in diversity they gain in
    differences (Wahlund's principle; standard for the Wright-Fisher model).
    """
    p = _reality(probabilities)
    gained = -np.expm1(_log_kept(sample_size, generations))
    return gained[:, None, None] * (np.diag(p) - np.outer(p, p))


def fixation_probability(probabilities):
    """Return the probability that each category ends up as the only one.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.

    Returns
    -------
    numpy.ndarray, shape (K,)
        The probabilities themselves, whatever the sample size.

    Raises
    ------
    ValueError
        If `probabilities` are not probabilities.

    Notes
    -----
    *Exact* whenever the sum of 1/M_n diverges, as for constant M: p_n(i) is a bounded martingale,
    its limit is then 0 or 1, and the expectation of the limit is p(i). The paper: arXiv v2,
    section 4.1; Proposition 1 of arXiv:2404.05090; neutral fixation in Wright-Fisher's model.
    """
    return _reality(probabilities)


def transition_matrix(sample_size):
    r"""Return the transition probabilities of the number of copies of one category (K = 2).

    Parameters
    ----------
    sample_size : int
        The constant sample size M, at most 5000.

    Returns
    -------
    numpy.ndarray, shape (M + 1, M + 1)
        Entry [i, j] is the probability of j copies after i copies; rows sum to 1.

    Raises
    ------
    ValueError
        If `sample_size` is not as described.

    Notes
    -----
    *Exact*: the Wright-Fisher matrix Binomial(M, i/M). Lumping all other categories together
    makes it the law of every single category for any K. It is the transpose of the paper's
    convention (arXiv v2, appendix A.1), whose columns are the states left.
    """
    size = _constant(sample_size, LARGEST_DENSE)
    copies = np.arange(size + 1)
    return stats.binom.pmf(copies, size, copies[:, None] / size)


def spectrum(sample_size):
    r"""Return the eigenvalues of the transition matrix (K = 2), in decreasing order.

    Parameters
    ----------
    sample_size : int
        The constant sample size M.

    Returns
    -------
    numpy.ndarray, shape (M + 1,)
        :math:`\lambda_j=\prod_{i<j}(1-i/M)` for j = 0, ..., M.

    Raises
    ------
    ValueError
        If `sample_size` is not a positive integer.

    Notes
    -----
    *Exact*: the j-th factorial moment of Binomial(M, x) is :math:`\lambda_j (Mx)^j`, so the matrix
    is triangular on polynomials of degree j with :math:`\lambda_j` on its diagonal. Standard for
    the Wright-Fisher model: the value 1 twice (two absorbing states), then 1 - 1/M, the rate at
    which diversity decays.
    """
    size = _constant(sample_size)
    return np.cumprod(np.concatenate([[1.0], 1 - np.arange(size) / size]))


def expected_absorption_time(probabilities, sample_size):
    r"""Return the expected first generation at which a single category is left.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int
        The constant sample size M, at most 20,000.

    Returns
    -------
    float
        E T for T = min{n : the model of generation n is a point}; 0 if reality is one.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact* for any K, from one chain of M + 1 states: T > n unless some category is fixed by n, so
    :math:`E[T]=\sum_i f(p_i)` with :math:`f(x)=\sum_{n\ge0}(x-P_x(\text{fixed by }n))`.
    First-step analysis: :math:`f(0)=f(1)=0`, and :math:`f(x)=x+\sum_k\mathrm{Bin}(k;M,x)f(k/M)`
    otherwise, a linear system (I - Q) f = x on k = 1, ..., M - 1, and its right-hand side for a
    reality off the grid. By hand: M = 2, p = (1/2, 1/2) gives a geometric T and E T = 2.
    Fills the gap between the bounds of Seddik et al., arXiv:2404.05090, equation (8), and
    answers arXiv v2, appendix A.1, for an exact fit; derived here. For K = 2 it is the textbook
    row sum of :math:`(I-Q)^{-1}`. Rows cut at 1e-17 move it by less than rounding does.
    """
    p, size = _reality(probabilities), _constant(sample_size, LARGEST_BANDED)
    share = np.arange(size + 1) / size
    excess = np.zeros(size + 1)
    if size > 1:
        leaving = sparse.eye_array(size - 1) - _banded(share, size)[1:-1, 1:-1]
        # I - Q is an M-matrix: elimination needs no pivoting, so the band stays a band
        factors = splu(leaving.tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0)
        excess[1:-1] = factors.solve(share[1:-1])
    values, repeats = np.unique(p[(p > 0) & (p < 1)], return_counts=True)
    return float((values + _banded(values, size) @ excess) @ repeats)


def diffusion_absorption_time(probabilities, sample_size):
    r"""Return the diffusion limit of the expected absorption time.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int
        The constant sample size M, of any size.

    Returns
    -------
    float
        :math:`-2M\sum_i(1-p_i)\ln(1-p_i)`, never above 2M.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Asymptotic* in M at fixed p: f of `expected_absorption_time` solves
    :math:`\frac{x(1-x)}{2M}f''=-x` with f(0) = f(1) = 0. About 2 % high at M = 100, 9 % at M = 10.
    For K = 2 it is the classical time of Wright-Fisher diffusion, -2M[p ln p + (1-p) ln(1-p)].
    """
    p, size = _reality(probabilities), _constant(sample_size)
    return float(-2.0 * size * special.xlog1py(1 - p, -p).sum())


def survival_constant(sample_size, generations):
    r"""Return the constants g_n of the law P(alive at n) = 1 - exp(-M_0 p g_n).

    Parameters
    ----------
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ...
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1,)
        g_0 (infinite), g_1 = 1, g_2, ...

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact* for Poisson counts, :math:`Z_1\sim\mathrm{Pois}(M_0p)` and
    :math:`Z_{n+1}\sim\mathrm{Pois}(Z_nM_n/M_{n-1})`: a branching process, which the copies of a
    rare allele in the Wright-Fisher model follow. With :math:`r=M_m/M_{m-1}`,
    :math:`E[e^{-aZ_{m+1}}|Z_m]=e^{-Z_mr(1-e^{-a})}`, so "alive at n", which is :math:`a=\infty`
    at n, is pulled back by :math:`a\mapsto r(1-e^{-a})`, lastly with r = 1. For constant M this
    is :math:`g_{n+1}=1-e^{-g_n}` of Suresh et al., arXiv:2412.17646, Theorems 1 and 2, and
    *asymptotically* in n, :math:`g_n\approx2/(n+\frac13\ln n+0.80)` (0.80 fitted).
    """
    sizes = validation.sample_sizes(sample_size, generations)
    ratios = sizes / np.concatenate([sizes[:1], sizes[:-1]])
    constants = np.full(len(sizes) + 1, np.inf)
    for m in reversed(range(len(sizes))):
        constants[m + 1 :] = ratios[m] * -np.expm1(-constants[m + 1 :])
    return constants


def survival_probability(probabilities, sample_size, generations):
    r"""Return the probability that each category is alive, by generation, for Poisson counts.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ..., of any size.
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1, K)
        :math:`1-e^{-M_0pg_n}` with g_n of `survival_constant`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact* for Poisson counts. *Asymptotic* in M, at n well below M, for the multinomial, that is
    Wright-Fisher, recursion; never above its probability, because :math:`(1-x)^M\le e^{-Mx}` at
    each pull-back (Theorem 1 of arXiv:2412.17646 for constant M). Over all p the largest
    difference, met near M p = n, lies between 0.14 n/M and 0.28 n/M for n <= M (measured).
    """
    p, sizes = _reality(probabilities), validation.sample_sizes(sample_size, generations)
    constants = survival_constant(sizes, generations)[1:]
    return np.vstack([p > 0, -np.expm1(-np.multiply.outer(constants, sizes[:1].sum() * p))])


def exact_survival_probability(probabilities, sample_size, generations):
    r"""Return the probability that each category is alive, for the multinomial recursion.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ..., each at most 20,000.
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1, K)
        P(category alive), also for categories of probability near zero.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: a category against all others is the K = 2 Wright-Fisher chain, and the probability
    of being alive later, as a function of the copies now, is pulled back through the matrices
    Binomial(M_n, k/M_{n-1}). Their rows are cut where they hold at most 1e-17, which lowers the
    answer by at most 1e-17 per generation. The cost follows the distinct values of p and the
    distinct pairs of successive sample sizes.
    """
    p, sizes = _reality(probabilities), validation.sample_sizes(sample_size, generations)
    if (sizes > LARGEST_BANDED).any():
        raise ValueError(f"sample_size must be at most {LARGEST_BANDED} here, got {sizes.max()}")
    if not len(sizes):
        return np.array([p > 0], dtype=float)
    # column j: alive j generations on, given the copies (rows) in the newest sample
    alive, pair = np.arange(sizes[-1] + 1)[:, None] > 0, None
    for parent, size in zip(sizes[-2::-1], sizes[:0:-1], strict=True):
        if pair != (parent, size):
            step, pair = _banded(np.arange(parent + 1) / parent, size), (parent, size)
        alive = np.hstack([np.arange(parent + 1)[:, None] > 0, step @ alive])
    values, inverse = np.unique(p, return_inverse=True)
    survival = np.minimum(_banded(values, sizes[0]) @ alive, 1)  # a row may sum to 1 + 1e-15
    return np.vstack([p > 0, survival.T[:, inverse]])


def expected_alive(probabilities, sample_size, generations):
    r"""Return the expected number of categories alive (the vocabulary), for Poisson counts.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ..., of any size.
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1,)
        :math:`\sum_i(1-e^{-M_0p_ig_n})`, beginning with the categories that reality has.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact* for Poisson counts, *asymptotic* in M for the Wright-Fisher recursion, never above it:
    the sum of `survival_probability`, in memory linear in K (arXiv:2412.17646, Corollary 1).
    """
    p, sizes = _reality(probabilities), validation.sample_sizes(sample_size, generations)
    values, repeats = np.unique(p[p > 0], return_counts=True)
    mean = values * (sizes[0] if len(sizes) else 1)
    return np.array([-np.expm1(-g * mean) @ repeats for g in survival_constant(sizes, generations)])


def exact_expected_alive(probabilities, sample_size, generations):
    r"""Return the expected number of categories alive, for the multinomial recursion.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int, sequence of int or callable
        The sample sizes M_0, M_1, ..., each at most 20,000.
    generations : int
        The number of fits.

    Returns
    -------
    numpy.ndarray, shape (generations + 1,)
        The expected number of alleles left in the Wright-Fisher model.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    *Exact*: the sum over categories of `exact_survival_probability`, by linearity.
    """
    return exact_survival_probability(probabilities, sample_size, generations).sum(axis=1)
