"""What selection does: curation against chance, and a verifier that is not quite right."""

import numpy as np
from scipy import stats

from collapse import validation
from collapse.theory import categorical, decoding


def selection_matrix(sample_size, advantage):
    """Transition probabilities of the copies of a category that is preferred, shape (M + 1, M + 1).

    Entry [i, j] is the probability of j copies after i; M is at most 5000. A draw of the category
    is accepted with odds 1 + s against any other, s the `advantage`, above -1. Exact: accepted
    draws are Bernoulli with probability :math:`x(1+s)/(1+sx)`, x = i/M, by Bayes' rule: the haploid
    Wright-Fisher model with selection. Curation as such a choice is Ferbach et al. 2024
    (arXiv:2407.09499), without the chance that a finite sample brings.
    """
    return categorical.transition_matrix(sample_size, _preferring(advantage))


def fixation_with_selection(probability, sample_size, advantage):
    """Probability that a preferred category ends up as the only one.

    Its `probability` in reality is p. M and the `advantage` s are those of `selection_matrix`;
    generation 1 learns from M real data, which nobody selects. Exact, prop-realdata-selection:
    first-step analysis, :math:`f=Pf` with f = 0 and 1 at the ends and P the matrix, then averaged
    over Binomial(M, p). At s = 0 it is p.
    """
    p = validation.real("probability", probability, 0, 1)
    return decoding.ending_probability(p, sample_size, _preferring(advantage))


def kimura_fixation(probability, sample_size, advantage):
    r"""Kimura's approximation to `fixation_with_selection`, for M of any size.

    Asymptotic in M at constant M s, prop-realdata-selection, with p the `probability` and s the
    `advantage`: :math:`\frac{1-e^{-2Msp}}{1-e^{-2Ms}}`, and p at s = 0. The diffusion with drift s
    x(1 - x) and variance x(1 - x)/M has the scale function :math:`e^{-2Msx}`. Kimura 1962, for
    haploids. Curation beats chance if and only if 2 M s is above one or so.
    """
    p = validation.real("probability", probability, 0, 1)
    size = validation.integer("sample_size", sample_size, 1)
    strength = 2.0 * size * validation.real("advantage", advantage, -1, open_below=True)
    if strength == 0:
        return p
    if strength < 0:  # the same ratio without overflow
        return float(np.exp(strength * (1 - p)) * np.expm1(strength * p) / np.expm1(strength))
    return float(np.expm1(-strength * p) / np.expm1(-strength))


def verified_mean(shift, half_width):
    r"""Mean, less a verifier's centre, of the data that it accepts.

    They lie within `half_width` a of it. The data are normal with variance 1 and the mean `shift`,
    :math:`\delta`, less the centre. Exact, the mean of a truncated normal law:
    :math:`\delta+\frac{\varphi(a+\delta)-\varphi(a-\delta)}{\Phi(a-\delta)-\Phi(-a-\delta)}`.
    Setting of Yi et al. 2026 (arXiv:2510.16657), in one dimension.
    """
    shift = validation.real("shift", shift)
    half = validation.real("half_width", half_width, 0, open_below=True)
    normal = stats.norm
    accepted = normal.cdf(half - shift) - normal.cdf(-half - shift)
    return float(shift + (normal.pdf(half + shift) - normal.pdf(half - shift)) / accepted)


def verifier_contraction(half_width):
    r"""Factor, from 0 to 1, by which a verifier of `half_width` a pulls a mean to its centre.

    Exact for a mean close to the centre, prop-realdata-verifier:
    :math:`\rho=1-\frac{2a\varphi(a)}{2\Phi(a)-1}` is the derivative of `verified_mean` at the
    centre, and as in every exponential family the variance of the accepted data. The contraction to
    the verifier's centre, which need not be the truth, is Theorem 4.1 of Yi et al. 2026
    (arXiv:2510.16657); the closed form in one dimension was derived here.
    """
    half = validation.real("half_width", half_width, 0, open_below=True)
    if half < 0.01:  # the quotient loses its digits; its series does not
        return half**2 / 3 - 2 * half**4 / 45
    return float(1 - 2 * half * stats.norm.pdf(half) / (2 * stats.norm.cdf(half) - 1))


def verified_error(half_width, sample_size, generations, *, offset=0.0):
    r"""Expected squared distance of a mean from a verifier's centre, shape (N + 1,).

    In units of the variance, which is known; `half_width` a as for `verified_mean`, and `offset`
    the truth less the centre in standard deviations; M_n counts real data for generation 1 and
    accepted ones later. Asymptotic in the sample sizes and for small offsets,
    prop-realdata-verifier: :math:`e_1=e_0+1/M_0` and :math:`e_{n+1}=\rho^2e_n+\rho/M_n`. Without
    limit growth of the sample it stays at :math:`\frac{\rho}{(1-\rho^2)M}`, and the truth is
    forgotten. It is the bound of Theorem 4.1 of Yi et al. 2026 (arXiv:2510.16657) with equality, in
    one dimension.
    """
    rho = verifier_contraction(half_width)
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    errors = [validation.real("offset", offset) ** 2]
    for n, size in enumerate(sizes):
        errors.append(rho**2 * errors[-1] + rho / size if n else errors[0] + 1 / size)
    return np.array(errors)


def _preferring(advantage):
    """Return the rule of decoding that prefers the first of two categories."""
    odds = 1 + validation.real("advantage", advantage, -1, open_below=True)

    def choose(laws):
        chosen = laws * [odds, 1]
        return chosen / chosen.sum(axis=-1, keepdims=True)

    return choose
