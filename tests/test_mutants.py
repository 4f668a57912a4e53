"""What mutants of the formulas survived everything else is checked here: see tools/mutate.py."""

import mpmath
import numpy as np
import pytest

from collapse.theory import gaussian, printed

SIZES = [4, 3, 6]


def test_printed_formulas_are_as_printed():
    inverse = [1 / 4, 1 / 3, 1 / 6]
    risk = [0, 3 / 8, 1 / 4 + 1 / 2, 1 / 4 + 1 / 3 + 1 / 4]
    np.testing.assert_allclose(printed.expected_risk_v2(SIZES, 3), risk, rtol=1e-14)
    variance = 2 / 16 + 2 / 9 + 3 / 36
    variance += sum(
        3 * a * b for i, a in enumerate(inverse) for j, b in enumerate(inverse) if i != j
    )
    assert printed.variance_of_risk_v2(SIZES, 3)[-1] == pytest.approx(variance, rel=1e-14)
    np.testing.assert_allclose(printed.variance_of_risk_v2(4, 1), [0, 3 / 16], rtol=1e-14)
    supplement = [0, 3 / 8, 7 / 8, 9 / 8]
    np.testing.assert_allclose(printed.expected_risk_supplement(SIZES, 3), supplement, rtol=1e-14)


@pytest.mark.parametrize("s", [0.5, 1.0, 1.5, 2.0, 3.0])
def test_series_of_the_gamma_function(s):
    with mpmath.workdps(40):
        for a in (0.5, 3.0, 201 * (1 + s * s), 1e3 * (1 + s * s), 1e6):
            exact = mpmath.loggamma(a + s) - mpmath.loggamma(a) - s * mpmath.log(a)
            found = gaussian._log_ratio(a, s)
            rounding = 1e-15 * max(1, float(mpmath.loggamma(a + s))) if a < 200 else 0
            assert found == pytest.approx(float(exact), rel=1e-14, abs=max(rounding, 1e-20))
