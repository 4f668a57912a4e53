"""Draw the figure of the README: python tools/readme_figure.py"""

from pathlib import Path

from collapse import figures
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.recursion import recurse
from collapse.theory import gaussian as theory

figures.use_style()
run = recurse(
    Gaussian(mean=0, variance=1),
    FitGaussian(ddof=1),
    sample_size=100,
    generations=1000,
    chains=1000,
    rng=1,
)
n = run.generations
fig, ax = figures.panels(height=3)
figures.band(ax, n, run.measure(lambda model: model.std), "ddof=1", "1000 chains, M = 100")
quantiles = theory.std_quantile([0.05, 0.5, 0.95], 100, 1000, ddof=1)
figures.exact(ax, n, quantiles, ["exact quantiles", None, None])
ax.set(xlabel="generation", ylabel="standard deviation", yscale="log")
ax.legend()
fig.savefig(Path(__file__).parents[1] / "_static" / "readme.png", dpi=120)
