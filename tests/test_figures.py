"""What all figures share: numbers that can be read again, colours that can be told apart."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from collapse import figures

# Machado, Oliveira and Fernandes (2009), full strength, for linear RGB
SIMULATED = {
    "nobody": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TOGETHER = [
    ("reality", "ddof=1", "ddof=0", "printed"),
    ("replace", "accumulate", "subsample"),
    ("fresh", "means", "draws"),
]


def lab(colour, simulated):
    """Return a colour in CIELAB, as somebody sees it."""
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(simulated) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.asarray(to_xyz) @ seen / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", SIMULATED)
@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_colours_that_stand_together_can_be_told_apart(names, kind):
    seen = {name: lab(figures.COLOURS[name], SIMULATED[kind]) for name in names}
    for one, other in itertools.combinations(names, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)  # 2.3 is just noticeable
    red, green = (lab(c, SIMULATED["deuteranopia"]) for c in ("#c05030", "#787820"))
    assert np.linalg.norm(red - green) < 10  # the control: a red and a green that fall together


def test_a_figure_gives_its_numbers_back():
    fig, (left, right) = figures.panels(1, 2)
    values = np.arange(6.0).reshape(2, 3)
    figures.band(left, [0, 1], values, "replace", "median", share=0.5)
    right.bar([1, 2], [3, 4])
    right.scatter([5], [6], label="a point")
    right.errorbar([1], [2], [0.5])
    right.imshow(values)
    right.pcolormesh(values)
    found = figures.data(fig)
    plt.close(fig)
    assert list(found) == ["panel", "kind", "label", "x", "y", "value"]
    line = found[found["label"] == "median"]
    np.testing.assert_array_equal(line[["x", "y"]], [[0, 1], [1, 4]])
    assert set(found[found["kind"] == "band"]["y"]) == {0.5, 1.5, 3.5, 4.5}
    np.testing.assert_array_equal(found[found["kind"] == "bar"][["x", "y"]], [[1, 3], [2, 4]])
    np.testing.assert_array_equal(found[found["kind"] == "points"][["x", "y"]], [[5, 6]])
    assert set(found[found["kind"] == "segments"]["y"]) == {1.5, 2.5}
    np.testing.assert_array_equal(found[found["kind"] == "picture"]["value"], [*range(6)] * 2)
    assert figures.data(plt.figure()).empty
    plt.close()
