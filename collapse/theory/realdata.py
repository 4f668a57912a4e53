r"""What real data do: fresh ones in every generation, a set that is kept, their weight, and bias.

Where nothing else is said, D_n is the expected diversity of generation n over that of reality, as
in `collapse.theory.mixing`, exact for categorical laws and for Gaussians fitted with ddof=0. For
data that are real with probability u each, D_n is ``mixing.mixture_diversity`` with the
coefficients (1 - u, 0, u).
"""

import numpy as np

from collapse import validation
from collapse.theory import decoding


def fresh_diversity(sample_size, generations, number, *, weight=None):
    r"""Share of diversity that is expected to be left with fresh real data in every generation.

    Parameters
    ----------
    sample_size : int, sequence of int, or callable
        M_n, the number of data that generation n + 1 learns from; generation 1 has real ones only.
    generations : int
        N.
    number : int
        k, how many of them are fresh real data, at least 0 and at most every M_n.
    weight : float, optional
        w, the weight of the real data together, in [0, 1]; k/M_n by default, where all data weigh
        the same.

    Returns
    -------
    ndarray, shape (N + 1,)
        D_n at each generation.

    Raises
    ------
    ValueError
        If an argument is out of range, or a part that has a weight has no data.

    Notes
    -----
    *Exact*, thm-realdata-fresh. The mean (or the vector of probabilities) of generation n + 1 is w
    times that of k real data plus 1 - w times that of M - k data of generation n, so that its
    expected squared distance from reality's obeys
    :math:`m_{n+1}=\frac{w^2}{k}+(1-w)^2\left[m_n+\frac{1-m_n}{M-k}\right]`, and
    :math:`D_n=1-m_n`. Derived here; for u = k/M the large-M limit is the balance of mutation and
    drift in population genetics. Weights: He et al. 2025 (arXiv:2502.18049).
    """
    sizes = validation.sample_sizes(sample_size, generations)
    moved = [0.0]
    for n, size in enumerate(sizes):
        noise, kept = _fresh(int(size), number, weight)
        moved.append(noise + kept * moved[-1] if n else 1 / size)
    return 1 - np.array(moved)


def fresh_limit(sample_size, number, *, weight=None):
    r"""Limit of the diversity with fresh real data in every generation.

    Parameters
    ----------
    sample_size : int
        M.
    number : int
        k, how many of the M are fresh real data.
    weight : float, optional
        The weight of the real data together, k/M by default.

    Returns
    -------
    float
        The limit of `fresh_diversity`.

    Raises
    ------
    ValueError
        If an argument is out of range, or a part that has a weight has no data.

    Notes
    -----
    *Exact*: the fixed point of thm-realdata-fresh. Unweighted and with a = 1 - k/M it is 1 - m with
    :math:`m=\frac{1/M}{1-a^2+a/M}`. One fresh datum a generation, k = 1, keeps two thirds at large
    M, and 4.5 keep nine tenths, whatever M is: about :math:`2k/(1+2k)`.
    """
    size = validation.integer("sample_size", sample_size, 1)
    noise, kept = _fresh(size, number, weight)
    return float(1 - noise / (1 - kept)) if kept < 1 else 0.0


def fresh_stationary(probability, sample_size, share):
    r"""Stationary law of the number of copies of one category with a share of fresh real data.

    Parameters
    ----------
    probability : float
        The category's probability in reality, in [0, 1].
    sample_size : int
        M, at most 5000.
    share : float
        u, the probability of each datum to be fresh and real, above 0.

    Returns
    -------
    ndarray, shape (M + 1,)
        The probabilities of 0, ..., M copies in a sample, in the long run.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*: the left eigenvector of the matrix Binomial(M, u p + (1 - u) k / M), which is the
    Wright-Fisher model with parent-independent mutation, for any number of categories; see
    prop-realdata-mutation for its limit.
    """
    p = validation.real("probability", probability, 0, 1)
    share = validation.real("share", share, 0, 1, open_below=True)
    reality = np.array([p, 1 - p])
    step = decoding.transition_matrix(
        sample_size, lambda laws: share * reality + (1 - share) * laws
    )
    balance = step.T - np.eye(len(step))
    balance[-1] = 1.0  # the equations have one too many: the total takes its place
    law = np.linalg.solve(balance, np.eye(len(step))[-1])
    return np.maximum(law, 0) / np.maximum(law, 0).sum()


def fresh_spectrum(sample_size, share):
    r"""Eigenvalues of resampling with a share of fresh real data (K = 2), in decreasing order.

    Parameters
    ----------
    sample_size : int
        M.
    share : float
        u, the probability of each datum to be fresh and real.

    Returns
    -------
    ndarray, shape (M + 1,)
        :math:`(1-u)^j\prod_{i<j}(1-i/M)` for j = 0, ..., M.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*, prop-realdata-mutation: the j-th factorial moment of Binomial(M, up + (1 - u)x) is a
    polynomial in x with this coefficient of :math:`M^jx^j`. Standard for the Wright-Fisher model
    with parent-independent mutation: memory of the start fades as :math:`(1-u)^n`.
    """
    size = validation.integer("sample_size", sample_size, 1)
    share = validation.real("share", share, 0, 1)
    drift = np.cumprod(np.concatenate([[1.0], 1 - np.arange(size) / size]))
    return (1 - share) ** np.arange(size + 1) * drift


def fresh_chi_square(categories, sample_size, generations, share):
    r"""Expected chi-square distance from reality with a share of fresh real data.

    Parameters
    ----------
    categories : int
        K, the number of categories that reality has.
    sample_size : int, sequence of int, or callable
        M_n.
    generations : int
        N.
    share : float
        u, the probability of each datum to be fresh and real.

    Returns
    -------
    ndarray, shape (N + 1,)
        :math:`E\sum_i(p_n(i)-p_0(i))^2/p_0(i)`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*, prop-realdata-mutation, whatever the probabilities are: each generation keeps
    :math:`(1-1/M)(1-u)^2` of the distance and adds (K - 1)/M, since
    :math:`E\sum_iq_i(1-q_i)/p_i=K-1-E\chi^2(q\|p)`. At constant M it is
    :math:`\frac{K-1}M\sum_{m<n}\rho^m` with :math:`\rho=(1-\frac1M)(1-u)^2`. Derived here; it has
    the form of the discounted sum of errors in Khelifa et al. 2026 (arXiv:2602.16601).
    """
    categories = validation.integer("categories", categories, 1)
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    share = validation.real("share", share, 0, 1)
    distance = [0.0]
    for size in sizes:
        kept = (1 - 1 / size) * (1 - share) ** 2
        distance.append(kept * distance[-1] + (categories - 1) / size)
    return np.array(distance)


def dirichlet_limit(probabilities, sample_size, share):
    r"""Parameters of the Dirichlet law that the probabilities settle to with fresh real data.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality, generation 0.
    sample_size : int
        M.
    share : float
        u, the probability of each datum to be fresh and real, above 0.

    Returns
    -------
    ndarray, shape (K,)
        :math:`\theta p_0` with :math:`\theta=2Mu`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Asymptotic* in M at constant M u, prop-realdata-mutation: Wright's law of 1931 for migration
    from a mainland. Its expected diversity is :math:`\theta/(1+\theta)` of reality's; a category is
    rarely absent only if :math:`\theta p_0(i)` is of order one. For one category it is the law
    Beta(:math:`\theta p,\theta(1-p)`), of which `fresh_stationary` is the exact counterpart.
    """
    p = validation.probabilities("probabilities", probabilities)
    size = validation.integer("sample_size", sample_size, 1)
    share = validation.real("share", share, 0, 1, open_below=True)
    return 2 * size * share * p


def real_set_diversity(real, synthetic, generations, *, used=None):
    r"""Share of diversity that is expected to be left with one real data set kept for ever.

    Parameters
    ----------
    real : int
        R, the size of the real data set, of which generation 1 sees all.
    synthetic : int
        S, how many draws of generation n the next one learns from besides.
    generations : int
        N.
    used : int, optional
        k, how many real data, chosen at random anew, each further generation sees; all by default.

    Returns
    -------
    ndarray, shape (N + 1,)
        D_n at each generation, averaged over real data sets.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*, prop-realdata-kept. Given the real set, with mean (or frequencies) r and diversity H_1,
    the expected mean is r at every generation. With :math:`\alpha=S/(k+S)`,
    :math:`H_{n+1}=(1-\alpha)^2\frac{1-1/k}{1-1/R}H_1+2\alpha(1-\alpha)H_1+\alpha^2(1-\frac1S)H_n`.
    At k = R this is Theorem 2 of Seddik et al. 2024 (arXiv:2404.05090) in another form; a random
    part of the real data stands for the paper's 10 % of original data points.
    """
    first, constant, kept = _real_set(real, synthetic, used)
    generations = validation.integer("generations", generations, 0)
    values = [1.0, first]
    for _ in range(generations - 1):
        values.append(constant * first + kept * values[-1])
    return np.array(values[: generations + 1])


def real_set_limit(real, synthetic, *, used=None):
    r"""Limit of the diversity with one real data set kept for ever.

    Parameters
    ----------
    real : int
        R, the size of the real data set.
    synthetic : int
        S, how many draws of generation n the next one learns from besides.
    used : int, optional
        k, how many real data each generation sees; all by default.

    Returns
    -------
    float
        The limit of `real_set_diversity`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*: the fixed point of prop-realdata-kept; for k = R,
    :math:`(1-\frac1R)\frac{1-\alpha^2}{1-\alpha^2(1-1/S)}`. However many synthetic data are added,
    :math:`1/(1+\frac1{2R})` of the real set's diversity stays: the number of real data counts, and
    not their share. The recursion is that of Seddik et al. 2024 (arXiv:2404.05090); the reading is
    derived here.
    """
    first, constant, kept = _real_set(real, synthetic, used)
    return float(first * constant / (1 - kept))


def weighted_variance(weight, ratio):
    r"""Stationary variance of a mean that is learned from weighted real and synthetic data.

    Parameters
    ----------
    weight : float
        w, the weight of the fresh real data together, above 0 and at most 1.
    ratio : float
        r, the number of real data over that of synthetic ones, positive.

    Returns
    -------
    float
        V(w), the variance over chains, in units of that of the mean of the real data alone.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact* for the mean of a law whose spread is known, and for any linear unbiased estimator,
    thm-realdata-weights: :math:`v=w^2+(1-w)^2(v+r)`, hence
    :math:`V(w)=\frac{w^2+(1-w)^2r}{1-(1-w)^2}`. To first order in 1/M elsewhere; `fresh_limit` has
    the exact law when the spread is learned too. He et al. 2025 (arXiv:2502.18049).
    """
    weight = validation.real("weight", weight, 0, 1, open_below=True)
    ratio = validation.real("ratio", ratio, 0, open_below=True)
    return (weight**2 + (1 - weight) ** 2 * ratio) / (weight * (2 - weight))


def golden_weight(ratio):
    r"""Weight of the fresh real data that makes the stationary variance smallest.

    Parameters
    ----------
    ratio : float
        r, the number of real data over that of synthetic ones, positive.

    Returns
    -------
    float
        w*, for which the stationary variance V(w*) is w* itself.

    Raises
    ------
    ValueError
        If `ratio` is not a positive number.

    Notes
    -----
    *Exact*, thm-realdata-weights: the numerator of V' vanishes for
    :math:`w^2+rw-r=0`, so :math:`w^*=\frac{\sqrt{r^2+4r}-r}{2}`; inserting :math:`w^2=r(1-w)` into
    V gives V(w*) = w*. At r = 1 it is the golden ratio 0.618: He et al. 2025 (arXiv:2502.18049),
    and Garg et al. 2025 (arXiv:2509.22341) for interpolating regression. The identity for every r
    was derived here.
    """
    ratio = validation.real("ratio", ratio, 0, open_below=True)
    # the difference of the roots, in the form that loses no digits at large r
    return float(2 / (1 + np.sqrt(1 + 4 / ratio)))


def biased_moments(real, synthetic, bias, generations, *, ddof):
    r"""Expected variance and displacement of a Gaussian that learns from biased synthetic data.

    Parameters
    ----------
    real : int
        R, the number of fresh real data in each generation.
    synthetic : int
        S, the number of draws from the last model with its variance multiplied by the bias.
    bias : float
        lambda, the sampling bias, not negative.
    generations : int
        N.
    ddof : float
        The fitted variance divides by R + S - ddof.

    Returns
    -------
    variance : ndarray, shape (N + 1,)
        :math:`E\sigma_n^2`, in units of reality's variance.
    displacement : ndarray, shape (N + 1,)
        :math:`E(\mu_n-\mu_0)^2`, in the same units. Generation 1 learns from R + S real data.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*, thm-realdata-bias; in d dimensions for every entry of the covariance. With M = R + S,
    the scatter of the pooled data is that within the parts and that between their means:
    :math:`(M-\mathrm{ddof})v'=(1-\frac1M)(R+\lambda Sv)+\frac{RS}Mm` and
    :math:`m'=\frac{R+\lambda Sv}{M^2}+\frac{S^2}{M^2}m`. The loops are those of Alemohammad et al.
    2024 (arXiv:2307.01850); R = 0 is their fully synthetic loop, :math:`v_n=\lambda^nv_0` for
    ddof=1 from a fitted start. Derived here.
    """
    step, start = _biased(real, synthetic, bias, ddof)
    generations = validation.integer("generations", generations, 0)
    moments = [np.array([1.0, 0.0]), start]
    for _ in range(generations - 1):
        moments.append(step(moments[-1]))
    return tuple(np.array(moments[: generations + 1]).T)


def biased_variance(ratio, bias):
    r"""Stationary variance of a Gaussian that learns from fresh real and biased synthetic data.

    Parameters
    ----------
    ratio : float
        s, the number of synthetic data over that of real ones, not negative.
    bias : float
        lambda, the sampling bias, not negative and below 1 + 1/s.

    Returns
    -------
    float
        :math:`1/(1+s(1-\lambda))`, in units of reality's variance.

    Raises
    ------
    ValueError
        If an argument is out of range, or the variance grows without bound.

    Notes
    -----
    *Asymptotic* in the number of data, thm-realdata-bias: the pooled variance is
    :math:`v=\frac{1+s\lambda v}{1+s}`. With a bias below 1 reality is underestimated for ever,
    however many real data there are at constant s. Setting of Alemohammad et al. 2024
    (arXiv:2307.01850); derived here.
    """
    ratio = validation.real("ratio", ratio, 0)
    bias = validation.real("bias", bias, 0)
    if ratio * (bias - 1) >= 1:
        raise ValueError(f"bias must be below 1 + 1/ratio, {1 + 1 / ratio:.4g}, got {bias}")
    return 1 / (1 + ratio * (1 - bias))


def effective_real_size(real, synthetic):
    r"""Number of real data that would give the mean as well as fresh real plus unbiased synthetic.

    Parameters
    ----------
    real : int
        R, the number of fresh real data in each generation, at least 1.
    synthetic : int
        S, the number of draws from the last model, with sampling bias 1.

    Returns
    -------
    float
        n_e, between R and 2 R.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact* for the mean of a law whose spread is known, thm-realdata-bias:
    :math:`n_e=R\frac{1+2s}{1+s}` with s = S/R, the inverse of the fixed point of
    :math:`m=\frac1M+(\frac SM)^2m`. Unbiased synthetic data are worth at most as much as another R
    real ones. Alemohammad et al. 2024 (arXiv:2307.01850) compute n_e by simulation; derived here.
    """
    real = validation.integer("real", real, 1)
    synthetic = validation.integer("synthetic", synthetic, 0)
    return real * (real + 2 * synthetic) / (real + synthetic)


def bias_threshold(bias):
    r"""Number of biased synthetic data beyond which they do more harm than good.

    Parameters
    ----------
    bias : float
        lambda, the sampling bias, in [0, 1).

    Returns
    -------
    float
        n_s*, the number of synthetic data at which the stationary squared 2-Wasserstein distance
        from reality is that of the real data alone (one dimension, ddof=1).

    Raises
    ------
    ValueError
        If the bias is out of range.

    Notes
    -----
    *Asymptotic* in the number R of real data, thm-realdata-bias:
    :math:`\frac{9-\lambda-2\lambda^2}{(1-\lambda)^2}`, whatever R is. With s = S/R small, the
    variance is 1 + y, where y is that of the real data, times 1 - s, plus
    :math:`(\lambda\chi^2_S-S)/R`. To first order in s, the squared error of the mean falls by
    :math:`(2-\lambda)s/R`, and :math:`E(\sqrt{1+y}-1)^2\approx E[y^2/4-y^3/8]` changes by
    :math:`[-1+\frac{\lambda^2}2+\frac34(1-\lambda)]s/R+\frac14s^2(1-\lambda)^2`; the two balance at
    n_s*. Alemohammad et al. 2024 (arXiv:2307.01850) found by simulation that such a threshold
    exists and settles for many real data; derived here.
    """
    bias = validation.real("bias", bias, 0, 1)
    if bias == 1:
        raise ValueError("bias must be below 1, got 1: unbiased synthetic data never harm")
    return (9 - bias - 2 * bias**2) / (1 - bias) ** 2


def _fresh(size, number, weight):
    """Return what a generation adds to the displacement, and the share of it that it keeps."""
    number = validation.integer("number", number, 0)
    if number > size:
        raise ValueError(f"number must be at most the sample size, {size}, got {number}")
    weight = number / size if weight is None else validation.real("weight", weight, 0, 1)
    parts = [(weight, number), (1 - weight, size - number)]
    for share, count in parts:
        if share > 0 and count == 0:
            raise ValueError(f"weight must be on data that there are, got {weight} of {number}")
    noise = [share**2 / count if share > 0 else 0.0 for share, count in parts]
    return sum(noise), (1 - weight) ** 2 - noise[1]


def _real_set(real, synthetic, used):
    """Return the diversity of the set, and what each generation adds of it and keeps."""
    real = validation.integer("real", real, 1)
    synthetic = validation.integer("synthetic", synthetic, 1)
    used = real if used is None else validation.integer("used", used, 1)
    if used > real:
        raise ValueError(f"used must be at most real, {real}, got {used}")
    share = synthetic / (used + synthetic)
    part = 1.0 if used == real else (1 - 1 / used) / (1 - 1 / real)
    constant = (1 - share) ** 2 * part + 2 * share * (1 - share)
    return 1 - 1 / real, constant, share**2 * (1 - 1 / synthetic)


def _biased(real, synthetic, bias, ddof):
    """Return one generation of the two moments as a function, and the moments at generation 1."""
    real = validation.integer("real", real, 0)
    synthetic = validation.integer("synthetic", synthetic, 0)
    bias, ddof = validation.real("bias", bias, 0), validation.ddof(ddof)
    size = real + synthetic
    if size < 2:
        raise ValueError(f"synthetic must make at least 2 data with the real ones, got {size}")

    def step(moments):
        variance, displacement = moments
        drawn = real + bias * synthetic * variance
        between = real * synthetic / size * displacement
        spread = ((1 - 1 / size) * drawn + between) / (size - ddof)
        return np.array([spread, drawn / size**2 + (synthetic / size) ** 2 * displacement])

    return step, np.array([(size - 1) / (size - ddof), 1 / size])
