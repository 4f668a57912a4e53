"""What selection does: curation against chance, and a verifier that is not quite right."""

import numpy as np
from scipy import stats

from collapse import validation
from collapse.theory import decoding


def selection_matrix(sample_size, advantage):
    r"""Transition probabilities of the number of copies of a category that is preferred.

    Parameters
    ----------
    sample_size : int
        M, at most 5000.
    advantage : float
        s, above -1: a draw of the category is accepted with odds 1 + s against any other.

    Returns
    -------
    ndarray, shape (M + 1, M + 1)
        Entry [i, j] is the probability of j copies after i copies; rows sum to 1.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*: accepted draws are Bernoulli with probability :math:`x(1+s)/(1+sx)`, x = i/M, by Bayes'
    rule: the haploid Wright-Fisher model with selection. Curation as such a choice is Ferbach et
    al. 2024 (arXiv:2407.09499), without the chance that a finite sample brings.
    """
    return decoding.transition_matrix(sample_size, _preferring(advantage))


def fixation_with_selection(probability, sample_size, advantage):
    r"""Probability that a preferred category ends up as the only one.

    Parameters
    ----------
    probability : float
        p, the category's probability in reality, in [0, 1].
    sample_size : int
        M, at most 5000.
    advantage : float
        s, above -1: a synthetic draw of the category is accepted with odds 1 + s against others.

    Returns
    -------
    float
        The probability; generation 1 learns from M real data, which nobody selects.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*, prop-realdata-selection: first-step analysis, :math:`f=Pf` with f = 0 and 1 at the ends
    and P of `selection_matrix`, then averaged over Binomial(M, p). At s = 0 it is p.
    """
    p = validation.real("probability", probability, 0, 1)
    return decoding.ending_probability(p, sample_size, _preferring(advantage))


def kimura_fixation(probability, sample_size, advantage):
    r"""Kimura's approximation to the fixation probability of a preferred category.

    Parameters
    ----------
    probability : float
        p, the category's probability in reality, in [0, 1].
    sample_size : int
        M, of any size.
    advantage : float
        s, above -1.

    Returns
    -------
    float
        :math:`\frac{1-e^{-2Msp}}{1-e^{-2Ms}}`, and p at s = 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Asymptotic* in M at constant M s, prop-realdata-selection: the diffusion with drift s x(1 - x)
    and variance x(1 - x)/M has the scale function :math:`e^{-2Msx}`. Kimura 1962, for haploids.
    Curation beats chance if and only if 2 M s is above one or so.
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
    r"""Mean of the data that a verifier accepts.

    Parameters
    ----------
    shift : float
        The mean of the model's standard normal data, less the verifier's centre, in standard
        deviations.
    half_width : float
        a, positive: data within a standard deviations of the centre are accepted.

    Returns
    -------
    float
        The mean of the accepted data, less the centre.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Exact*: with :math:`\delta` the shift, the truncated normal law has the mean
    :math:`\delta+\frac{\varphi(a+\delta)-\varphi(a-\delta)}{\Phi(a-\delta)-\Phi(-a-\delta)}`.
    Setting of Yi et al. 2026 (arXiv:2510.16657), in one dimension.
    """
    shift = validation.real("shift", shift)
    half = validation.real("half_width", half_width, 0, open_below=True)
    normal = stats.norm
    accepted = normal.cdf(half - shift) - normal.cdf(-half - shift)
    return float(shift + (normal.pdf(half + shift) - normal.pdf(half - shift)) / accepted)


def verifier_contraction(half_width):
    r"""Factor by which a verifier's choice pulls a mean towards its own centre.

    Parameters
    ----------
    half_width : float
        a, positive: data within a standard deviations of the verifier's centre are accepted.

    Returns
    -------
    float
        rho, between 0 and 1; also the variance of the accepted data, at the centre.

    Raises
    ------
    ValueError
        If `half_width` is not a positive number.

    Notes
    -----
    *Exact* for a mean close to the centre, prop-realdata-verifier:
    :math:`\rho=1-\frac{2a\varphi(a)}{2\Phi(a)-1}` is the derivative of `verified_mean` at the
    centre, and as in every exponential family this derivative is the variance of the accepted data.
    The contraction to the verifier's centre, which need not be the truth, is Theorem 4.1 of Yi et
    al. 2025 (arXiv:2510.16657); the closed form in one dimension was derived here.
    """
    half = validation.real("half_width", half_width, 0, open_below=True)
    if half < 0.01:  # the quotient loses its digits; its series does not
        return half**2 / 3 - 2 * half**4 / 45
    return float(1 - 2 * half * stats.norm.pdf(half) / (2 * stats.norm.cdf(half) - 1))


def verified_error(half_width, sample_size, generations, *, offset=0.0):
    r"""Expected squared distance of a mean from the verifier's centre, by generation.

    Parameters
    ----------
    half_width : float
        a, positive: synthetic data within a standard deviations of the centre are accepted.
    sample_size : int, sequence of int, or callable
        M_n, the number of real data for generation 1 and of accepted data later.
    generations : int
        N.
    offset : float
        The truth, less the verifier's centre, in standard deviations.

    Returns
    -------
    ndarray, shape (N + 1,)
        The expected square in units of the variance, which is taken as known.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    *Asymptotic* in the sample sizes and for small offsets, prop-realdata-verifier:
    :math:`e_1=e_0+1/M_0` and :math:`e_{n+1}=\rho^2e_n+\rho/M_n`. Without limit growth of the sample
    it stays at :math:`\frac{\rho}{(1-\rho^2)M}`, and the truth is forgotten. It is the bound of
    Theorem 4.1 of Yi et al. 2026 (arXiv:2510.16657) with equality, in one dimension.
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
