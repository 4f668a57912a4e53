"""What happens to diversity when data of several generations are mixed."""

import numpy as np

from collapse import _validate


def diversity_kept(sample_size, generations):
    r"""Share of reality's diversity that is expected to be left when data accumulate.

    Diversity is the Gini-Simpson index of a categorical law, or the variance of a Gaussian fitted
    with ddof=0 (for d dimensions, every entry of the covariance).

    Parameters
    ----------
    sample_size : int, sequence of int, or callable
        M_n, the number of draws that generation n adds to the pool.
    generations : int
        N.

    Returns
    -------
    ndarray, shape (N + 1,)
        The expected diversity at each generation over that of reality.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Exact: M_n draws with probabilities p change the pool's frequencies by
    :math:`M_n/N_{n+1}` times a multinomial error, with :math:`N_{n+1}=M_0+\dots+M_n`, so that
    each generation keeps :math:`1-M_n/N_{n+1}^2`. At constant M the product :math:`\prod_{i\le
    n}(1-1/(Mi^2))` tends to :math:`\sin(\pi/\sqrt M)/(\pi/\sqrt M)`: accumulation bounds the
    loss, as in Kazdan et al. 2024 (arXiv:2410.16713) and Dey and Donoho 2024 (arXiv:2410.22812).
    """
    sizes = _validate.sample_sizes(sample_size, generations).astype(float)
    kept = 1 - sizes / np.cumsum(sizes) ** 2
    return np.concatenate([[1.0], np.cumprod(kept)])
