"""What real data do: fresh ones in every generation, a set that is kept, their weight, and bias.

Where nothing else is said, D_n is the expected diversity of generation n over that of reality, as
in `collapse.theory.mixing`, exact for categorical laws and for Gaussians fitted with ddof=0. For
data that are real with probability u each, D_n is ``mixing.mixture_diversity`` with the
coefficients (1 - u, 0, u).
"""

import numpy as np

from collapse import validation


def fresh_diversity(sample_size, generations, number, *, weight=None):
    r"""D_n where `number` k of the M_n data of each fit are real and fresh, shape (N + 1,).

    `weight` w is that of the real data together, k/M by default (all data weigh the same). Exact,
    thm-realdata-fresh: the mean (or the vector of probabilities) of the next generation is w times
    that of k real data plus 1 - w times that of M - k data of the last one, so that
    :math:`m_{n+1}=\frac{w^2}{k}+(1-w)^2\left[m_n+\frac{1-m_n}{M-k}\right]` with :math:`D_n=1-m_n`;
    generation 1 has real data only. Derived here; for u = k/M the large-M limit is the balance of
    mutation and drift in population genetics. Weights: He et al. 2025 (arXiv:2502.18049).
    """
    sizes = validation.sample_sizes(sample_size, generations)
    moved = [0.0]
    for n, size in enumerate(sizes):
        noise, kept = _fresh(int(size), number, weight)
        moved.append(noise + kept * moved[-1] if n else 1 / size)
    return 1 - np.array(moved)


def fresh_limit(sample_size, number, *, weight=None):
    r"""Limit of `fresh_diversity` at constant M, with the same `number` k and `weight`.

    Exact: the fixed point of thm-realdata-fresh. Unweighted and with a = 1 - k/M it is 1 - m with
    :math:`m=\frac{1/M}{1-a^2+a/M}`. One fresh datum a generation, k = 1, keeps two thirds at large
    M, and 4.5 keep nine tenths, whatever M is: about :math:`2k/(1+2k)`.
    """
    size = validation.integer("sample_size", sample_size, 1)
    noise, kept = _fresh(size, number, weight)
    return float(1 - noise / (1 - kept)) if kept < 1 else 0.0


def fresh_survival_constant(sample_size, generations, number):
    r"""Constants c_n of P(alive at n) = 1 - exp(-p c_n), shape (N + 1,); c_0 is infinite.

    For a category of probability p, where `number` k of the M_n data of each fit are real and
    fresh: it lives as if c_n data had been drawn from reality. Exact for Poisson counts, the
    process of `collapse.theory.categorical.survival_constant` with immigration, asymptotic in M for
    multinomial ones, prop-scale-survival: :math:`E[e^{-aZ_{m+1}}|Z_m]=e^{-(1-e^{-a})(rZ_m+kp)}`
    with :math:`r=(M_m-k)/M_{m-1}`, so :math:`a=\infty` at n is pulled back by
    :math:`a\mapsto r(1-e^{-a})`, and each step adds :math:`k(1-e^{-a})`. Derived here.
    """
    sizes = validation.sample_sizes(sample_size, generations)
    for size in np.unique(sizes):
        _fresh(int(size), number, None)
    a, seen = np.full(len(sizes) + 1, np.inf), np.zeros(len(sizes) + 1)
    for m in reversed(range(1, len(sizes))):
        kept = -np.expm1(-a[m + 1 :])
        seen[m + 1 :] += number * kept
        a[m + 1 :] = (sizes[m] - number) / sizes[m - 1] * kept
    first = sizes[0] if len(sizes) else 1
    return np.append(np.inf, first * -np.expm1(-a[1:]) + seen[1:])


def fresh_spectrum(sample_size, share):
    r"""Eigenvalues of resampling two categories with a `share` u of fresh data, shape (M + 1,).

    Exact, prop-realdata-mutation: :math:`(1-u)^j\prod_{i<j}(1-i/M)`, since the j-th factorial
    moment of Binomial(M, up + (1 - u)x) is a polynomial in x with this coefficient of
    :math:`M^jx^j`. Standard for the Wright-Fisher model with parent-independent mutation: the start
    is forgotten as :math:`(1-u)^n`.
    """
    size = validation.integer("sample_size", sample_size, 1)
    share = validation.real("share", share, 0, 1)
    drift = np.cumprod(np.concatenate([[1.0], 1 - np.arange(size) / size]))
    return (1 - share) ** np.arange(size + 1) * drift


def fresh_chi_square(categories, sample_size, generations, share):
    r"""Expected chi-square distance from reality with fresh real data, shape (N + 1,).

    It is :math:`E\sum_i(p_n(i)-p_0(i))^2/p_0(i)`. Each datum is fresh and real with probability u,
    `share`; reality has K `categories`, whatever their probabilities. Exact,
    prop-realdata-chi-square: each generation keeps :math:`(1-1/M)(1-u)^2` of the distance and adds
    (K - 1)/M, since :math:`E\sum_iq_i(1-q_i)/p_i=K-1-E\chi^2(q\|p_0)`. Derived here; it has the
    form of the discounted sum of errors in Khelifa et al. 2026 (arXiv:2602.16601).
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
    r"""Parameters of the Dirichlet law that probabilities settle to with fresh data, shape (K,).

    Asymptotic in M at constant M u, u being the `share` of fresh data: :math:`\theta p_0` with
    :math:`\theta=2Mu`, prop-realdata-mutation, Wright's law of 1931 for migration from a mainland.
    Its expected diversity is :math:`\theta/(1+\theta)` of reality's; a category is rarely absent
    only if :math:`\theta p_0(i)` is of order one.
    """
    p = validation.probabilities("probabilities", probabilities)
    size = validation.integer("sample_size", sample_size, 1)
    share = validation.real("share", share, 0, 1, open_below=True)
    return 2 * size * share * p


def real_set_diversity(real, synthetic, generations, *, used=None):
    r"""D_n with one set of `real` data kept for ever, averaged over such sets, shape (N + 1,).

    Generation 1 sees all R of them, each further one `used` k of them (all by default), chosen at
    random anew, and `synthetic` S draws of the last model. Exact, prop-realdata-kept: given the set
    the expected mean is its own at every generation, and with :math:`\alpha=S/(k+S)`
    :math:`H_{n+1}=(1-\alpha)^2\frac{1-1/k}{1-1/R}H_1+2\alpha(1-\alpha)H_1+\alpha^2(1-\frac1S)H_n`.
    At k = R this is Theorem 2 of Seddik et al. 2024 (arXiv:2404.05090) in another form.
    """
    first, constant, kept = _real_set(real, synthetic, used)
    generations = validation.integer("generations", generations, 0)
    values = [1.0, first]
    for _ in range(generations - 1):
        values.append(constant * first + kept * values[-1])
    return np.array(values[: generations + 1])


def real_set_limit(real, synthetic, *, used=None):
    r"""Limit of `real_set_diversity`, with the same `real` R, `synthetic` S and `used` k.

    Exact: the fixed point of prop-realdata-kept; for k = R,
    :math:`(1-\frac1R)\frac{1-\alpha^2}{1-\alpha^2(1-1/S)}`. However many synthetic data are added,
    :math:`1/(1+\frac1{2R})` of the real set's diversity stays: the number of real data counts, and
    not their share. The reading is derived here.
    """
    first, constant, kept = _real_set(real, synthetic, used)
    return float(first * constant / (1 - kept))


def weighted_variance(weight, ratio):
    """Stationary variance V(w) of a mean learned from real data of `weight` w and synthetic ones.

    In units of the variance of the mean of the real data alone; `ratio` r is the number of real
    data over that of synthetic ones. Exact for the mean of a law whose spread is known, and for any
    linear unbiased estimator: :math:`v=w^2+(1-w)^2(v+r)`, thm-realdata-weights. To first order in
    1/M elsewhere; `fresh_limit` has the exact law when the spread is learned too. He et al. 2025
    (arXiv:2502.18049).
    """
    weight = validation.real("weight", weight, 0, 1, open_below=True)
    ratio = validation.real("ratio", ratio, 0, open_below=True)
    return (weight**2 + (1 - weight) ** 2 * ratio) / (weight * (2 - weight))


def golden_weight(ratio):
    """Weight w* of the fresh real data that makes `weighted_variance` smallest, and equal to w*.

    Exact, thm-realdata-weights: the numerator of V' vanishes for :math:`w^2+rw-r=0`, r being the
    `ratio` of real to synthetic data; inserting :math:`w^2=r(1-w)` into V gives V(w*) = w*. The
    spread is known. At r = 1 it is 0.618, one over the golden ratio: He et al. 2025
    (arXiv:2502.18049), and Garg et al. 2025 (arXiv:2509.22341) for interpolating regression. The
    identity for every r was derived here.
    """
    ratio = validation.real("ratio", ratio, 0, open_below=True)
    # the difference of the roots, in the form that loses no digits at large r
    return float(2 / (1 + np.sqrt(1 + 4 / ratio)))


def biased_moments(real, synthetic, bias, generations, *, ddof):
    r"""Expected variance and squared error of the mean with biased synthetic data, both (N + 1,).

    :math:`E\sigma_n^2` and :math:`E(\mu_n-\mu_0)^2` in units of reality's variance. Each generation
    learns from `real` R fresh data and `synthetic` S draws of the last model, its variance
    multiplied by `bias` lambda; generation 1 from R + S real ones. Exact, thm-realdata-bias, in d
    dimensions for every entry of the covariance: the scatter of the pooled data is that within the
    parts and that between their means. R = 0 is the fully synthetic loop of Alemohammad et al. 2024
    (arXiv:2307.01850), :math:`v_n=\lambda^nv_0` for ddof=1 from a fitted start. Derived here.
    """
    real = validation.integer("real", real, 0)
    synthetic = validation.integer("synthetic", synthetic, 0)
    bias, ddof = validation.real("bias", bias, 0), validation.ddof(ddof)
    size = real + synthetic
    if size < 2:
        raise ValueError(f"synthetic must make at least 2 data with the real ones, got {size}")
    generations = validation.integer("generations", generations, 0)
    moments = [(1.0, 0.0), ((size - 1) / (size - ddof), 1 / size)]
    for _ in range(generations - 1):
        variance, displacement = moments[-1]
        drawn = real + bias * synthetic * variance
        between = real * synthetic / size * displacement
        spread = ((1 - 1 / size) * drawn + between) / (size - ddof)
        moments.append((spread, drawn / size**2 + (synthetic / size) ** 2 * displacement))
    return tuple(np.array(moments[: generations + 1]).T)


def biased_variance(ratio, bias):
    r"""Stationary variance, in units of reality's, with fresh real and biased synthetic data.

    Asymptotic in the number of data, thm-realdata-bias: the pooled variance is
    :math:`v=\frac{1+s\lambda v}{1+s}`, hence :math:`v=1/(1+s(1-\lambda))`, with `ratio` s of
    synthetic to real data and `bias` lambda below 1 + 1/s. With a bias below 1 reality is
    underestimated for ever, however many real data there are at constant s. Setting of Alemohammad
    et al. 2024 (arXiv:2307.01850); derived here.
    """
    ratio = validation.real("ratio", ratio, 0)
    bias = validation.real("bias", bias, 0)
    if ratio * (bias - 1) >= 1:
        raise ValueError(f"bias must be below 1 + 1/ratio, {1 + 1 / ratio:.4g}, got {bias}")
    return 1 / (1 + ratio * (1 - bias))


def effective_real_size(real, synthetic):
    r"""Number of real data worth as much as `real` R fresh and `synthetic` S unbiased ones.

    To learn the mean of a law whose spread is known. Exact, thm-realdata-bias:
    :math:`R\frac{1+2s}{1+s}` with s = S/R, the inverse of the fixed point of
    :math:`m=\frac1M+(\frac SM)^2m`, so that unbiased synthetic data are worth at most as much as
    another R real ones. Alemohammad et al. 2024 (arXiv:2307.01850) compute it by simulation;
    derived here.
    """
    real = validation.integer("real", real, 1)
    synthetic = validation.integer("synthetic", synthetic, 0)
    return real * (real + 2 * synthetic) / (real + synthetic)


def bias_threshold(bias):
    r"""Number of synthetic data of `bias` lambda < 1 beyond which they do more harm than good.

    There the stationary squared 2-Wasserstein distance from reality is that of the real data alone
    (one dimension, ddof=1). Asymptotic in the number R of real data, thm-realdata-bias:
    :math:`\frac{9-\lambda-2\lambda^2}{(1-\lambda)^2}`, whatever R is. With s = S/R small, the
    variance is 1 + y, where y is that of the real data, times 1 - s, plus
    :math:`(\lambda\chi^2_S-S)/R`. To first order in s, the squared error of the mean falls by
    :math:`(2-\lambda)s/R`, and :math:`E(\sqrt{1+y}-1)^2\approx E[y^2/4-y^3/8]` changes by
    :math:`[-1+\frac{\lambda^2}2+\frac34(1-\lambda)]s/R+\frac14s^2(1-\lambda)^2`. Alemohammad et al.
    2024 (arXiv:2307.01850) found by simulation that such a threshold exists; derived here.
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
