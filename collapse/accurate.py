"""Special functions where the usual formula loses its digits to cancellation."""

import numpy as np
from scipy import special


def log_gamma_ratio(a, s):
    """Return log(gamma(a + s) / gamma(a)) - s log(a), accurate for large a."""
    a = np.asarray(a, dtype=float)
    # Bernoulli polynomials: sum over k of (-1)^(k+1) (B_{k+1}(s) - B_{k+1}) / (k (k+1) a^k)
    u = s * (s - 1)
    series = u / (2 * a) - u * (2 * s - 1) / (12 * a**2) + u**2 / (12 * a**3)
    b5, b6 = (
        np.polyval([1, -2.5, 5 / 3, 0, -1 / 6, 0], s),
        np.polyval([1, -3, 2.5, 0, -0.5, 0, 0], s),
    )
    series = series - b5 / (20 * a**4) + b6 / (30 * a**5)
    direct = special.gammaln(a + s) - special.gammaln(a) - s * np.log(a)
    return np.where(a > 200 * (1 + s * s), series, direct)


def digamma_minus_log(a):
    """Return psi(a) - ln(a), accurate for large a."""
    series = -1 / (2 * a) - 1 / (12 * a**2) + 1 / (120 * a**4)
    return np.where(a > 1e4, series, special.digamma(a) - np.log(a))
