r"""Exact laws of a language model that learns from its own text, for words without context.

A unigram model is a categorical law: `collapse.theory.categorical` has its vocabulary and its
diversity. Here is its perplexity on real text, and what a pretrained model adds. For longer
n-grams each context is such a law, with a random number of draws; see prop-language-context.
Arrays run over the generations 0 (reality), 1, ..., N.
"""

import numpy as np

from collapse import validation
from collapse.theory import categorical


def expected_cross_entropy(probabilities, sample_size, generations, *, added):
    r"""Expected cross-entropy on real text of a unigram model that learns from its own text.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        Reality.
    sample_size : int
        The number M of words that each generation writes, at most 20,000.
    generations : int
        N.
    added : float
        a, positive: to score with, a is added to every count, so that no word is impossible. The
        model writes with its counts as they are.

    Returns
    -------
    ndarray, shape (N + 1,)
        In nats for each word; the exponential is the (geometric) mean perplexity. Generation 0 is
        the entropy of reality.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Exact: :math:`-\sum_ip_0(i)\,\E\ln\frac{k_i+a}{M+aK}`. The count k of one word, against all
    others together, is a chain with the rows Binomial(M, k/M), and the expectation of a function of
    it is pulled back through them, as in
    `collapse.theory.categorical.exact_survival_probability`.
    """
    p = categorical._reality(probabilities)
    size = categorical._constant(sample_size, categorical.LARGEST_BANDED)
    generations = validation.integer("generations", generations, 0)
    added = validation.real("added", added, 0, open_below=True)
    copies = np.arange(size + 1)
    scores = [-np.log((copies + added) / (size + added * len(p)))]
    step = categorical._banded(copies / size, size)
    for _ in range(generations - 1):
        scores.append(step @ scores[-1])
    values, repeats = np.unique(p[p > 0], return_counts=True)
    mass = values * repeats
    first = categorical._banded(values, size) @ np.array(scores).T
    entropy = -mass @ np.log(values)
    return np.concatenate([[entropy], mass @ first[:, :generations]])


def expected_words(counts, generations, *, share=0.0):
    r"""Return the expected vocabulary when a share of the real text is kept in every generation.

    Parameters
    ----------
    counts : array_like, shape (K,)
        How often each word occurs in the real text, which generation 1 learns from.
    generations : int
        N.
    share : float
        s, the share of each text that is real: each word of the real text, independently, is used
        again with this probability, another part in each generation.

    Returns
    -------
    ndarray, shape (N + 1,)
        The expected number of distinct words in the text that each generation learns from.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Asymptotic in M, at n well below M: exact for Poisson counts (prop-language-kept). A word with c
    copies in the real text has :math:`k_n=R_n+\mathrm{Pois}((1-s)k_{n-1})` copies, with
    :math:`R_n\sim\mathrm{Bin}(c,s)`. With :math:`a_0=\infty` and
    :math:`a_{j+1}=(1-s)(1-e^{-a_j})` it is missing from text n with probability

    .. math:: \Bigl(e^{-a_{n-1}}\prod_{j=0}^{n-2}\bigl(1-s+s\,e^{-a_j}\bigr)\Bigr)^c.

    For s = 0 this is `collapse.theory.categorical.expected_alive`, a generation later.
    """
    counts = validation.nonnegative("counts", counts)
    if counts.ndim != 1:
        raise ValueError(f"counts must have one axis, (K,), got shape {counts.shape}")
    generations = validation.integer("generations", generations, 0)
    share = validation.real("share", share, 0, 1)
    values, repeats = np.unique(counts[counts > 0], return_counts=True)
    words, kept, pulled = [repeats.sum()] * 2, 0.0, np.inf
    for _ in range(generations - 1):
        with np.errstate(divide="ignore"):
            kept += np.log(1 - share + share * np.exp(-pulled))
        pulled = (1 - share) * -np.expm1(-pulled)
        words.append(-np.expm1(values * (kept - pulled)) @ repeats)
    return np.array(words[: generations + 1], dtype=float)


def _tuned(probabilities, prior, weight):
    """Return reality, the prior's law and its weight, checked."""
    p, prior = (categorical._reality(array) for array in (probabilities, prior))
    if p.shape != prior.shape:
        raise ValueError(f"prior must be over {len(p)} categories, got {len(prior)}")
    return p, prior, validation.real("weight", weight, 0)


def tuned_probabilities(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected law of a pretrained unigram model that is tuned anew on the last one's text.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        The law that the text of the first tuning comes from.
    sample_size : int, sequence of int, or callable
        M_n, the number of words that generation n writes.
    generations : int
        N.
    prior : array_like, shape (K,)
        The law of the pretrained model, from which each generation starts again.
    weight : float
        The number of words W that the pretrained model counts for.

    Returns
    -------
    ndarray, shape (N + 1, K)
        The mean over chains of the tuned law.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Exact (prop-language-tuning): the tuned law is :math:`(k+W\pi)/(M+W)` with the counts k, so that
    :math:`\E p_{n+1}=(1-u)\E p_n+u\pi` with :math:`u=W/(M+W)`. What was tuned to is forgotten like
    :math:`(1-u)^n`, and what is left is the pretrained law. In population genetics: mutation, or
    migration from a mainland.
    """
    p, prior, weight = _tuned(probabilities, prior, weight)
    sizes = validation.sample_sizes(sample_size, generations)
    kept = np.cumprod(np.concatenate([[1.0], sizes / (sizes + weight)]))[:, None]
    return kept * p + (1 - kept) * prior


def tuned_gini_simpson(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected diversity of a pretrained unigram model that is tuned anew on the last one's text.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        The law that the text of the first tuning comes from.
    sample_size : int, sequence of int, or callable
        M_n, the number of words that generation n writes.
    generations : int
        N.
    prior : array_like, shape (K,)
        The law of the pretrained model, from which each generation starts again.
    weight : float
        The number of words W that the pretrained model counts for.

    Returns
    -------
    ndarray, shape (N + 1,)
        :math:`\E[1-\sum_ip_n(i)^2]`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Exact (prop-language-tuning): with :math:`S_n=\E\sum_ip_n(i)^2`,

    .. math:: S_{n+1}=(1-u)^2\Bigl[\tfrac1M+\bigl(1-\tfrac1M\bigr)S_n\Bigr]
              +2u(1-u)\,\pi\cdot\E p_n+u^2\,\pi\cdot\pi ,

    since two of the M draws are one with probability 1/M. It cannot go to a point as long as W > 0.
    """
    p, prior, weight = _tuned(probabilities, prior, weight)
    mean = tuned_probabilities(p, sample_size, generations, prior=prior, weight=weight)
    sizes = validation.sample_sizes(sample_size, generations)
    repeats = [p @ p]
    for size, law in zip(sizes, mean, strict=False):
        u = weight / (size + weight)
        drawn = 1 / size + (1 - 1 / size) * repeats[-1]
        repeats.append(
            (1 - u) ** 2 * drawn + 2 * u * (1 - u) * (prior @ law) + u**2 * (prior @ prior)
        )
    return 1 - np.array(repeats)


def carried_on_gini_simpson(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected diversity of a unigram model that each generation goes on tuning.

    Parameters
    ----------
    probabilities : array_like, shape (K,)
        The law that the text of the first tuning comes from.
    sample_size : int, sequence of int, or callable
        M_n, the number of words that generation n writes.
    generations : int
        N.
    prior : array_like, shape (K,)
        The law of the pretrained model, from which generation 1 starts.
    weight : float or sequence of float, shape (N,)
        The number of words :math:`W_n` that the model counts for when it is tuned for the n-th
        time, from n = 0: a number, or one for each generation.

    Returns
    -------
    ndarray, shape (N + 1,)
        :math:`\E[1-\sum_ip_n(i)^2]`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Exact (prop-language-tuning): from generation 1 on the law is :math:`(k+Wp_n)/(M+W)`, a
    martingale whose step has :math:`M^2/(M+W)^2` of the variance of an untuned one, so that
    :math:`\E H_{n+1}=\E H_n\bigl(1-\frac M{(M+W)^2}\bigr)`: the decay of a text of
    :math:`(M+W)^2/M` words. Slower, and without end, unless W grows as it does when all text is
    kept.
    """
    sizes = validation.sample_sizes(sample_size, generations)
    weights = validation.nonnegative("weight", weight)
    if weights.ndim > 1 or (weights.ndim and len(weights) < len(sizes)):
        raise ValueError(f"weight must be one number or {len(sizes)}, got shape {weights.shape}")
    weights = weights[: len(sizes)] if weights.ndim else np.full(len(sizes), weights)
    first = float(weights[0]) if len(sizes) else 0.0
    start = tuned_gini_simpson(probabilities, sizes[:1], len(sizes[:1]), prior=prior, weight=first)
    kept = np.cumprod(1 - sizes[1:] / (sizes[1:] + weights[1:]) ** 2)
    return np.concatenate([start, start[-1] * kept])
