"""Data of one's own: read, run, audited against simulation, and watched at a known level."""

import json

import numpy as np
import pandas as pd
import pytest
from harness import assert_agrees, assert_refutes

from collapse import __main__ as command
from collapse import data as own
from collapse.audit import audit
from collapse.measure import distances
from collapse.models.categorical import Categorical, FitCategorical
from collapse.policies import FreshReal, accumulate, replace
from collapse.recursion import recurse
from collapse.run import NAMES, standard
from collapse.seeds import seeded
from collapse.theory import drift, realdata
from collapse.theory.effective import effective_quantiles
from collapse.watch import generated_share, split, watch

COUNTS = [40, 25, 12, 9, 6, 4, 2, 1, 1]


def labelled(counts=COUNTS):
    return own.counts([f"kind {i}" for i in range(len(counts))], counts)


# --- reading ---------------------------------------------------------------------------------


def test_one_data_set_in_many_files(tmp_path):
    table = pd.DataFrame({"x": [1.5, 2.0, 2.0, 4.0], "kind": list("abba"), "n": [3, 1, 0, 2]})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "t.parquet")
    for suffix in ("csv", "tsv", "parquet"):
        path = tmp_path / f"t.{suffix}"
        np.testing.assert_array_equal(own.read(path, column="x").rows, table["x"])
        found = own.read(path, column="kind")
        assert (list(found.names), list(found.counts), found.size) == (["a", "b"], [2, 2], 4)
        found = own.read(path, column="x", as_labels=True)
        assert (list(found.names), list(found.counts)) == (["2.0", "1.5", "4.0"], [2, 1, 1])
    table.iloc[[0, 1, 3]][["x", "n"]].to_csv(tmp_path / "counts.csv", index=False)
    found = own.read(tmp_path / "counts.csv", count="n")
    assert (list(found.names), list(found.counts)) == (["1.5", "4.0", "2.0"], [3, 2, 1])
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
    assert own.read(tmp_path / "a.npy").reality.mean.tolist() == [2, 3]
    (tmp_path / "t.txt").write_text("città, la città è la città", "utf-8")
    found = own.read(tmp_path / "t.txt")
    assert list(found.names) == ["città", "la", "è"]
    assert list(found.names[found.tokens]) == ["città", "la", "città", "è", "la", "città"]
    assert own.read(tmp_path / "t.txt", tokenizer="characters").counts.sum() == 21
    assert own.text("a-b-a", lambda text: text.split("-")).position("a") == 0


def test_pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng, folder = seeded(1), tmp_path / "raw.pictures"
    folder.mkdir()
    grey = rng.integers(0, 256, (3, 4, 5), dtype=np.uint8)
    for i, picture in enumerate(grey):
        image.fromarray(picture).save(folder / f"{i}.png")
    np.testing.assert_allclose(own.read(folder).rows, grey.reshape(3, 20) / 255)
    np.testing.assert_allclose(own.pictures(grey).rows, grey.reshape(3, 20))
    image.fromarray(grey[0, :2]).save(folder / "x.png")
    with pytest.raises(ValueError, match="one size"):
        own.read(folder)


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "x\n1\n2\n", {"column": "y"}, "column must be one of x, got 'y'"),
        ("t.csv", "x,y\n1,2\n2,3\n", {}, "column must be one of x, y, got None"),
        ("t.csv", "x\n1\n\n", {}, "at least 2 data"),
        ("t.csv", "x\n1\n1\n", {}, "values must differ"),
        ("t.csv", "x,y\n1,2\n,3\n", {"column": "x"}, "finite"),
        ("t.csv", "x,y\na,2\n,3\n", {"column": "x"}, "labels must not be missing, got 1 of 2"),
        ("t.csv", "", {}, "path must be a table"),
        ("t.csv", "x,y\na,2.5\nb,3\n", {"column": "x", "count": "y"}, "must be counts, got 2.5"),
        ("t.csv", "x,y\na,2\na,3\n", {"column": "x", "count": "y"}, "names must be distinct"),
        ("t.parquet", "no", {"column": "x"}, "path must be a table"),
        ("t.npy", "no", {}, "path must be an array of numbers"),
        ("t.txt", "one one", {}, "at least 2 kinds, got 1"),
        ("t.txt", "", {}, "at least one word"),
        ("t.txt", b"\xff\xfa\x00", {}, "UTF-8"),
        ("t.txt", "a b", {"tokenizer": "syllables"}, "tokenizer must be words"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, name, content, options, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as failure:
        own.read(path, **options)
    assert type(failure.value) is ValueError


# --- the standard experiment -----------------------------------------------------------------


@pytest.mark.parametrize("family", [*NAMES, "sklearn.mixture:GaussianMixture"])
@pytest.mark.filterwarnings("ignore:.*is estimated from")
def test_every_family_runs_and_its_code_does_the_same(family, tmp_path, monkeypatch, capsys):
    rng, path, options = seeded(2), tmp_path / "d.csv", ["--generations", "2", "--chains", "3"]
    if family in ("categorical", "ngram"):
        path = tmp_path / "d.txt"
        path.write_text(" ".join(rng.choice(list("abcdef"), 400)), "utf-8")
    elif family == "ppca":
        path = tmp_path / "d.npy"
        np.save(path, rng.normal(size=(50, 3)))
    else:
        pd.DataFrame({"x": rng.normal(size=50)}).to_csv(path, index=False)
    command.main(["run", str(path), "--family", family, "--out", str(tmp_path / "out"), *options])
    assert "median" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "out" / "results.csv")
    assert len(frame) == 9
    assert (tmp_path / "out" / "figure.png").stat().st_size > 5000
    space = {}
    exec((tmp_path / "out" / "again.py").read_text("utf-8"), space)
    pd.testing.assert_frame_equal(space["report"].frame(), frame, rtol=1e-12)


def test_what_does_not_fit_together_is_refused_before_anything_is_written(tmp_path, capsys):
    words, line = labelled(), own.numbers([1.0, 2.0, 4.0])
    for bad, message in (
        (lambda: standard(words, family="gaussian"), "family must be categorical"),
        (lambda: standard(line, family="ppca"), "needs vectors"),
        (lambda: standard(line, family="categorical"), "family must be gaussian"),
        (lambda: standard(line, family="numpy:array"), "family must be an estimator"),
        (lambda: standard(line, family="gaussian", policy="hope"), "policy must be one of"),
        (lambda: standard(line, family="gaussian", share=2), "share"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match="collapse: path must be a file"):
        command.main(["run", str(tmp_path / "no"), "--family", "kde", "--out", str(out)])
    assert not out.exists()
    capsys.readouterr()


# --- the audit -------------------------------------------------------------------------------

POLICIES = {"replace": replace, "accumulate": accumulate, "fresh": FreshReal(number=20)}


def covered(values, band):
    """Say whether half lie below the middle, and at most 5 % outside of each end, up to chance."""
    low, middle, high = band
    outside = np.array([np.mean(values < low - 1e-9), np.mean(values > high + 1e-9)])
    off = abs(np.mean(values < middle) - 0.5)
    return (outside < 0.05 + 5 * np.sqrt(0.05 * 0.95 / len(values))).all() and (
        off < 5 * 0.5 / np.sqrt(len(values))
    )


@pytest.mark.parametrize(
    ("order", "weights"),
    [
        (1, [1] * 10),
        (2, [1] * 10),
        (1, [90, 5, 3, 2]),
        (2, [90, 5, 3, 2]),
        (2, 1 / np.arange(1, 51) ** 2),
    ],
)
def test_bands_of_few_and_of_equal_categories(order, weights):
    p = np.array(weights) / np.sum(weights)
    run = {"sample_size": 500, "generations": 5, "chains": 1000, "keep": (), "rng": seeded(13)}
    newest = recurse(Categorical(p), FitCategorical(len(p)), **run).newest
    c = realdata.fresh_survival_constant(500, 5, 0)[-1]
    found = distances.effective_number(newest, order)
    for generations, right in ((5, True), (2, False)):
        kept = drift.diversity_kept(500, generations)[-1]
        band = effective_quantiles(p, order, [0.05, 0.5, 0.95], diversity=kept, constant=c)
        assert covered(found, band) == right


@pytest.mark.parametrize("policy", POLICIES)
def test_the_audit_is_what_simulation_gives(policy):
    weights = np.sort(seeded(11).pareto(1.2, 60))[::-1] + 0.05
    found = labelled((1000 * weights).astype(int))
    number = 20 if policy == "fresh" else 0
    report = audit(found, policy=policy, sample_size=2000, generations=8, number=number)
    run = {"sample_size": 2000, "policy": POLICIES[policy], "chains": 1000, "keep": ()}
    fit = FitCategorical(len(found.names))
    newest = recurse(found.reality, fit, generations=8, rng=seeded(12), **run).newest
    last, alive = report.facts["by generation"][-1], distances.alive(newest)
    assert last["generation"] == 8
    assert_agrees(alive, last["categories"])
    dead = (newest.probabilities == 0) @ found.probabilities
    assert_agrees(dead, last["gone"])
    before = report.facts["by generation"][1]["categories"]
    if policy != "accumulate":  # which keeps what it has seen
        assert_refutes(alive, before)
    inside = ((alive >= last["low"] - 0.5) & (alive <= last["high"] + 0.5)).mean()
    assert inside > 0.9 - 5 * np.sqrt(0.09 / 1000)
    assert_agrees(1 - (newest.probabilities**2).sum(axis=1), 1 - 1 / last["order 2"])
    assert distances.effective_number(newest, 2).mean() >= last["order 2"]
    held = newest.probabilities[:, np.cumsum(found.probabilities[::-1])[::-1] <= 0.05]
    seen = {str(q): distances.effective_number(newest, q) for q in (1, 2)} | {"tail": held.sum(1)}
    for name, band in last["quantiles"].items():
        assert covered(seen[name], band), name
    if policy == "replace":
        assert not covered(seen["1"], report.facts["by generation"][1]["quantiles"]["1"])
    risk = report.facts["at risk"][0]
    rare = newest.probabilities[:, found.counts == risk["count"]] > 0
    assert_agrees(rare.mean(axis=1), risk["alive"])


def test_bounds_and_remedies():
    found = labelled()
    for policy, number in (("subsample", 0), ("keep", 5)):
        report = audit(found, policy=policy, sample_size=50, generations=4, number=number)
        assert "bound from above" in report.text()
        assert report.facts["by generation"][1]["low"] is None
    report = audit(found, sample_size=100, generations=30, kept=0.8, category="kind 3")
    needed = report.facts["needed"]
    for name, values in needed["kept"].items():
        assert (np.diff(values) >= 0).all(), name
    said = report.facts["remedies"][0]
    number = int(said.split(": ")[1].split()[0])
    values = dict(zip(needed["numbers"], next(iter(needed["kept"].values())), strict=True))
    assert min(k for k, v in values.items() if v >= 0.8) >= number
    assert max((k for k, v in values.items() if v < 0.8), default=0) < number
    assert "kind 3" in report.text()
    assert json.loads(report.json())["categories"] == 9
    page = report.html()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "").replace("https://matplotlib.org", "")
    for options, message in (
        ({"policy": "hope"}, "policy"),
        ({"policy": "fresh"}, "number"),
        ({"policy": "fresh", "number": 108}, "number"),
        ({"sample_size": 1}, "sample_size"),
        ({"category": "kind 99"}, "category must be one of the 9"),
    ):
        with pytest.raises(ValueError, match=message):
            audit(found, **options)


# --- watching --------------------------------------------------------------------------------


def p_values(kind, change=lambda rng, sample: sample, repetitions=300):
    """Return the p values of repeated comparisons, a column for each statistic."""
    rng, rows = seeded(21 + (kind == "words")), []
    law = np.array(COUNTS) / sum(COUNTS)
    for _ in range(repetitions):
        if kind == "words":
            old = labelled(rng.multinomial(300, law) + 1)
            drawn = change(rng, rng.choice(old.names, 200, p=old.probabilities))
            new = own.labels(drawn)
        else:
            old = own.numbers(rng.normal(size=300))
            new = own.numbers(change(rng, rng.choice(old.rows, 200)))
        rows.append([row["p"] for row in watch(old, new, draws=99, rng=rng).rows.values()])
    return np.array(rows)


@pytest.mark.parametrize("kind", ["words", "numbers"])
def test_the_level_is_kept_and_losses_are_seen(kind):
    null = p_values(kind) <= 0.1
    assert (null.mean(axis=0) < 0.1 + 5 * np.sqrt(0.09 / len(null))).all()
    changes = {
        "words": lambda rng, x: np.where(rng.random(len(x)) < 0.35, "kind 0", x),
        "numbers": lambda rng, x: 0.8 * x,
    }
    power = (p_values(kind, changes[kind], 100) <= 0.1).mean(axis=0)
    assert power.max() > 0.9


def test_a_report_of_what_was_watched(capsys, tmp_path):
    old = seeded(31).normal(size=300)
    for name, scale in (("old", 1.0), ("new", 0.5)):
        pd.DataFrame({"x": scale * old}).to_csv(tmp_path / f"{name}.csv", index=False)
    command.main(["watch", str(tmp_path / "old.csv"), str(tmp_path / "new.csv")])
    said = capsys.readouterr().out
    assert "NEW lost more than one sample takes: variance" in said
    generations = np.log(0.25) / np.log1p(-1 / 300)
    assert f"As if {generations:.1f} generations of pure drift" in said
    pd.DataFrame({"x": np.sqrt(0.5) * old}).to_csv(tmp_path / "double.csv", index=False)
    command.main(
        [
            "watch",
            *(str(tmp_path / f"{n}.csv") for n in ("old", "new")),
            "--double",
            str(tmp_path / "double.csv"),
        ]
    )
    assert "finite samples take 50.00%, the rest is 25.00%" in capsys.readouterr().out
    with pytest.raises(ValueError, match="one kind"):
        watch(labelled(), own.numbers([1.0, 2.0]))
    with pytest.raises(ValueError, match="on the line"):
        watch(own.numbers(np.eye(3)), own.numbers(np.eye(3)))


def test_sampling_error_and_the_rest():
    sampled, rest = split(3 / 100 + 0.2, 3 / 200 + 0.2)
    assert (sampled, rest) == (pytest.approx(0.03), pytest.approx(0.2))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_share_of_generated_data(share):
    rng, names = seeded(41), [f"kind {i}" for i in range(9)]
    real, generated = (
        labelled(10**6 * np.array(COUNTS)),
        labelled(10**6 * np.array([60, 20, 10, 5, 3, 2])),
    )
    p = real.probabilities
    q = np.zeros(9)
    q[:6] = generated.probabilities
    found = []
    for _ in range(300):
        mixed = own.counts(names, rng.multinomial(2000, (1 - share) * p + share * q))
        found.append(generated_share(mixed, real, generated))
    estimate, error = np.array(found).T
    if share:  # at 0 half of the estimates lie at the border
        assert_agrees(estimate, share)
        assert estimate.std() == pytest.approx(error.mean(), abs=5 * error.mean() / np.sqrt(600))
    else:
        assert (np.abs(estimate) < 5 * error).all()
    assert_refutes(estimate, share + 0.1)
    with pytest.raises(ValueError, match="laws that differ"):
        generated_share(mixed, real, real)
