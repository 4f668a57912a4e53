r"""What it takes to tell real data from generated data, and what it is worth.

A test decides whether m draws are real or come from a model. Its *level* is the probability that
real draws are called generated, its *power* the probability that generated draws are. Of all tests
of a level the one that rejects where the ratio of the two likelihoods is large has the most power
(Neyman and Pearson 1933): no detector does better, whatever it looks at.

In a *mixture* a share :math:`\alpha` of the data is real, and has a certain item with probability
p, which is to be estimated; the rest is generated, and has it with probability q.
"""

import numpy as np
from scipy import fft, special, stats

from collapse import validation
from collapse.theory.gaussian import std_distribution

_GRID = 2**16


def gaussian_power(size, mean, std, *, level):
    r"""Power of the best test between N(0, 1) and a Gaussian that the tester knows, broadcast.

    `size` m draws are tested together; the model has `mean` and `std` in reality's units. Exact,
    thm-provenance-power: with :math:`c=\mu/(1-\sigma^2)` the log-likelihood ratio is
    :math:`\frac12(1-\sigma^{-2})\sum_j(x_j-c)^2` plus a constant. The sum is noncentral chi-square
    with m degrees of freedom and noncentrality :math:`mc^2` for real draws; for the model's it is
    :math:`\sigma^2` times one of noncentrality :math:`m\sigma^2c^2`. Small sums speak for the model
    if :math:`\sigma<1`, large ones if :math:`\sigma>1`. Where :math:`mc^2>10^9`, the standard
    deviation being nearly 1, both sums are taken as normal.
    """
    m, level = validation.integer("size", size, 1), _level(level)
    mean, std = validation.finite("mean", mean), validation.nonnegative("std", std)
    if (std == 0).any():
        raise ValueError("std must be positive, got 0.0")
    mean, std = validation.broadcast(mean=mean, std=std)
    shape, mean, std = mean.shape, mean.ravel(), std.ravel()
    gap = 1 - std**2
    # means and spreads of the sums, times the gap, which may vanish
    shift = m * (gap**2 + mean**2 * (1 + std**2))
    real = np.sqrt(2 * m * (gap**2 + 2 * mean**2))
    model = std**2 * np.sqrt(2 * m * (gap**2 + 2 * (std * mean) ** 2))
    same = model == 0
    z = (special.ndtri(level) * real + shift) / np.where(same, 1.0, model)
    power = np.where(same, level, special.ndtr(z))
    quadratic = ~same & (m * mean**2 <= 1e9 * gap**2)
    for use, narrow in ((quadratic & (gap > 0), True), (quadratic & (gap < 0), False)):
        centre, s = mean[use] / gap[use], std[use]
        real = stats.ncx2(m, m * centre**2)
        model = stats.ncx2(m, m * (s * centre) ** 2)
        threshold = (real.ppf(level) if narrow else real.isf(level)) / s**2
        power[use] = model.cdf(threshold) if narrow else model.sf(threshold)
    return power.reshape(shape)


def variance_power(size, std, *, level):
    r"""Power of the test that calls m draws generated if their variance is small, shape of `std`.

    Exact, m being `size`: the sum of squares about the sample's own mean is :math:`\chi^2_{m-1}`
    for real draws from N(0, 1) and :math:`\sigma^2\chi^2_{m-1}` for the model's. The test needs to
    know neither the model's mean nor its variance, and is the best of those that do not look at the
    mean.
    """
    m, level = validation.integer("size", size, 2), _level(level)
    std = validation.nonnegative("std", std)
    with np.errstate(divide="ignore"):
        return stats.chi2.cdf(stats.chi2.ppf(level, m - 1) / std**2, m - 1)


def expected_variance_power(size, sample_size, generations, *, ddof, level):
    r"""Power of the variance test of `size` draws against generation N, over all chains; a number.

    Exact: the variance of m draws from generation n is the fit of one more generation, with sample
    size m. So the power is :math:`P(\sigma_{n+1}^2\le v)` under the schedule
    :math:`M_0,\dots,M_{n-1},m`, see `collapse.theory.gaussian.std_distribution`, where v is the
    level's quantile of :math:`\chi^2_{m-1}/(m-\mathrm{ddof})`.
    """
    m, level = validation.integer("size", size, 2), _level(level)
    sizes = validation.sample_sizes(sample_size, generations, minimum=2)
    ddof = validation.ddof(ddof)
    threshold = np.sqrt(stats.chi2.ppf(level, m - 1) / (m - ddof))
    schedule = [*sizes, m]
    return float(std_distribution(threshold, schedule, len(schedule), ddof=ddof)[-1, 0])


def expected_gaussian_power(size, sample_size, generations, *, level):
    r"""Power of the best test of `size` m draws, over all chains of large samples, shape (N + 1,).

    Asymptotic in M at fixed n and :math:`s^2=m\sum_{i<n}1/M_i`, for either ddof,
    prop-provenance-average: mean and standard deviation are off by :math:`h/\sqrt m` and
    :math:`h'/\sqrt{2m}`, with h and h' normal and of variance :math:`s^2`; between laws so near,
    the best test has power :math:`\Phi(r-z)` with :math:`r^2=h^2+h'^2` and
    :math:`\Phi(z)=1-\mathrm{level}`. Averaged over r, whose law is Rayleigh's, it is
    :math:`\mathrm{level}+\frac s{\sqrt{1+s^2}}e^{-z^2/2(1+s^2)}\Phi(\frac{zs}{\sqrt{1+s^2}})`.
    """
    m, level = validation.integer("size", size, 1), _level(level)
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    squared = m * np.concatenate([[0.0], np.cumsum(1 / sizes)])
    z, part = -special.ndtri(level), np.sqrt(squared / (1 + squared))
    return level + part * np.exp(-(z**2) / (2 * (1 + squared))) * special.ndtr(z * part)


def categorical_power(size, probabilities, model, *, level):
    r"""Power of the best test of `size` m draws between reality and a known `model`; a number.

    Both are categorical laws, of shape (K,). Exact for the test that rounds each category's
    log-likelihood ratio :math:`\ln(q_i/p_i)` to a grid, which makes it a little weaker than the
    best. A category that only reality has proves a sample real, one that only the model has proves
    it generated. For the rest, the law of the sum of m rounded terms is an m-fold convolution,
    computed by fast Fourier transform on 65,536 points that cover 12 standard deviations on either
    side. The border is randomised, so that the level is met exactly.
    """
    m, level = validation.integer("size", size, 1), _level(level)
    p = validation.probabilities("probabilities", probabilities)
    q = validation.probabilities("model", model)
    if p.ndim != 1 or p.shape != q.shape:
        raise ValueError(f"model must have the shape (K,) of probabilities, got {q.shape}")
    both = (p > 0) & (q > 0)
    if not both.any():
        return 1.0
    p, q = p[both], q[both]
    ratio = np.log(q / p)
    low, step = _grid(m, ratio, p, q)
    column = np.rint((ratio - ratio.min()) / step).astype(int)
    start = int(np.floor((low - m * ratio.min()) / step))
    sums = []
    for law in (p, q):
        transform = fft.rfft(np.bincount(column, law, minlength=_GRID))
        transform[np.abs(transform) < 1e-18 ** (1 / m)] = 0  # no slow arithmetic near underflow
        wrapped = np.maximum(fft.irfft(transform**m, _GRID), 0)
        sums.append(np.roll(wrapped, -(start % _GRID))[::-1])  # the largest ratio first
    alarms, hits = (np.concatenate([[0.0], np.cumsum(s)]) for s in sums)
    proven = -np.expm1(m * np.log(min(q.sum(), 1.0)))
    return float(min(proven + np.interp(level, alarms, hits), 1.0))


def _grid(m, ratio, *laws):
    """Return start and step of a grid that holds the sum of m ratios under either law."""
    if m == 1:
        low, high = ratio.min(), ratio.max()
    else:
        means = np.array([law @ ratio / law.sum() for law in laws])
        spreads = np.sqrt(
            [law @ (ratio - mean) ** 2 / law.sum() for law, mean in zip(laws, means, strict=True)]
        )
        reach = 12 * np.sqrt(m) * spreads + np.ptp(ratio)
        low, high = (m * means - reach).min(), (m * means + reach).max()
    return low, max(high - low, 1e-300) / (_GRID - 2)


def proven_real(size, dead_mass):
    """Probability that one of `size` m real draws is an item that the model has lost, broadcast.

    Exact, prop-provenance-dead: :math:`1-(1-D)^m`, D being `dead_mass`, the probability in reality
    of all such items. One is enough, and generated draws never have one: the test that calls a
    sample generated when none is in it has power 1 and level :math:`(1-D)^m`.
    """
    m = validation.nonnegative("size", size)
    dead = validation.share("dead_mass", dead_mass)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(m == 0, 0.0, -np.expm1(m * np.log1p(-dead)))


def error_bounds(size, affinity):
    r"""Lower and upper bound on the errors of the best test of `size` m draws, added up.

    Bound: :math:`1-\sqrt{1-\rho^{2m}}` and :math:`\rho^m` for the smallest sum of level and 1 -
    power, which is 1 minus the total variation distance; `affinity` is
    :math:`\rho=\sum_i\sqrt{p_iq_i}`, or the integral. Affinities of independent draws multiply;
    :math:`\sum\min(p,q)\le\sum\sqrt{pq}` gives the one, and Cauchy and Schwarz's inequality for
    :math:`\sum|\sqrt p-\sqrt q||\sqrt p+\sqrt q|` the other. For N(0, 1) and
    :math:`N(\mu,\sigma^2)`, :math:`\rho=\sqrt{2\sigma/(1+\sigma^2)}\,e^{-\mu^2/4(1+\sigma^2)}`.
    """
    m = validation.nonnegative("size", size)
    together = validation.share("affinity", affinity) ** m
    return 1 - np.sqrt((1 - together) * (1 + together)), together


def mixture_information(share, probability, generated, *, false_alarm=0.0, hit=0.0):
    r"""Fisher information on an item's real `probability` p in one datum of a mixture, broadcast.

    `share` alpha of the data is real, `generated` q is known, and a real or a generated datum
    carries the mark of a watermark or a detector with the probability `false_alarm` or `hit`: equal
    ones say nothing, 0 and 1 are labels. Exact, prop-provenance-information:
    :math:`\sum_wP(w)\,a_w^2/(m_w(1-m_w))` over marked and unmarked data, :math:`a_w` being the
    share of real data among them and :math:`m_w=a_wp+(1-a_w)q`: each group is a binomial experiment
    with :math:`\partial m_w/\partial p=a_w`. For q = p it is :math:`E[a_w^2]/(p(1-p))`, with
    :math:`E[a_w^2]=\alpha^2(1+\chi^2)` between :math:`\alpha^2`, without marks, and :math:`\alpha`,
    with labels; the chi-square divergence of the marks of real data from those of all is the
    watermark factor of Kanabar and Gastpar.
    """
    names = {"share": share, "probability": probability, "generated": generated}
    marks = {"false_alarm": false_alarm, "hit": hit}
    checked = {name: validation.share(name, value) for name, value in (names | marks).items()}
    share, p, q, alarm, hit = validation.broadcast(**checked)
    if ((p == 0) | (p == 1)).any():
        raise ValueError("probability must lie above 0 and below 1, got 0 or 1")
    information = np.zeros(share.shape)
    for real, model in ((alarm, hit), (1 - alarm, 1 - hit)):
        group = share * real + (1 - share) * model
        some = np.where(group > 0, group, 1.0)
        a = share * real / some
        m = a * p + (1 - a) * q
        spread = m * (1 - m)
        information += np.where(a > 0, group * a**2 / np.where(a > 0, spread, 1.0), 0.0)
    return information


def debiased_error(size, share, assumed, probability, generated):
    r"""Bias and variance of an estimator that subtracts an `assumed` share of generated data.

    Of :math:`(\bar X-(1-\hat\alpha)q)/\hat\alpha` from `size` N data, of which `share` alpha is
    real; `probability` p and `generated` q are the item's. Exact: :math:`\bar X` has mean
    :math:`m=\alpha p+(1-\alpha)q` and variance m(1 - m)/N. The bias
    :math:`(\alpha/\hat\alpha-1)(p-q)` does not depend on N; assuming 1 takes all for real.
    """
    n = validation.nonnegative("size", size)
    share, assumed = validation.share("share", share), validation.share("assumed", assumed)
    p, q = validation.share("probability", probability), validation.share("generated", generated)
    if (assumed == 0).any() or (n == 0).any():
        raise ValueError("assumed and size must be positive, got 0")
    m = share * p + (1 - share) * q
    return np.asarray((share / assumed - 1) * (p - q)), np.asarray(m * (1 - m) / (n * assumed**2))


def share_floor(observed, generated, lowest, highest):
    r"""Error that no amount of unlabelled data removes when the share of real data is not known.

    The smallest worst case over the shares from `lowest` to `highest`, in which it is known to lie,
    of any estimate of an item's real probability. Exact, prop-provenance-floor: every such share
    :math:`\alpha` explains the mixture, `observed` m, with :math:`p=q+(m-q)/\alpha`, `generated` q
    being known. These worlds have the same data, so that the best estimate is the middle of the
    values of p, and the error half their range.
    """
    m = validation.real("observed", observed, 0, 1)
    q = validation.real("generated", generated, 0, 1)
    highest = validation.real("highest", highest, 0, 1, open_below=True)
    lowest = validation.real("lowest", lowest, 0, highest, open_below=True)
    if not 0 <= q + (m - q) / lowest <= 1:
        raise ValueError(f"lowest must allow for the observed probability {m}, got {lowest}")
    return abs(m - q) * (1 / lowest - 1 / highest) / 2


def filtered_share(share, keep_real, keep_generated):
    """Share of real data behind a detector, :math:`ut/(ut+(1-u)f)`, broadcast.

    `share` u of the data is real in front of it; `keep_real` t and `keep_generated` f are the
    probabilities to pass. Exact, prop-provenance-filter, by Bayes' rule: the odds are multiplied by
    t/f. A kept datum is real with this probability, independently of the others, so that the laws
    of fresh real data hold with it in the place of u.
    """
    share, real = validation.share("share", share), validation.share("keep_real", keep_real)
    model = validation.share("keep_generated", keep_generated)
    kept = share * real + (1 - share) * model
    if (kept == 0).any():
        raise ValueError("keep_real and keep_generated must let something through, got 0")
    return share * real / kept


def filtered_law(probabilities, keep_real):
    r"""Mean of the recursion in the long run behind a detector that rejects unevenly, shape (K,).

    `keep_real` are the probabilities :math:`t_i` that a real datum of category i passes. Exact,
    prop-provenance-filter: :math:`p_it_i/\sum_jp_jt_j` for every share u > 0 of real data and every
    probability f > 0 for a generated datum to pass, if f does not depend on its category. The mean
    moves by :math:`x_i'=(up_it_i+(1-u)fx_i)/(u\sum_jp_jt_j+(1-u)f)`, which has this fixed point and
    contracts to it.
    """
    p = validation.probabilities("probabilities", probabilities)
    keep = validation.share("keep_real", keep_real)
    if keep.shape[-1:] != p.shape[-1:]:
        raise ValueError(f"keep_real must have the shape (K,) of probabilities, got {keep.shape}")
    kept = p * keep
    if (kept.sum(axis=-1) == 0).any():
        raise ValueError("keep_real must let something through, got 0 for every category")
    return kept / kept.sum(axis=-1, keepdims=True)


def _level(value):
    """Return the level of a test, inside (0, 1)."""
    level = validation.real("level", value, 0, 1, open_below=True)
    if level == 1:
        raise ValueError("level must be below 1, got 1.0")
    return level
