"""The experiment with digits: what is handed on in each setting, and what is measured."""

import numpy as np
import pytest

from collapse.models.empirical import Empirical
from collapse.models.vae import FitVAE, Stream
from collapse.recursion import Step, draw_decoded
from collapse.seeds import seeded
from companion.datasets import digits
from companion.experiments import digits as experiment

KNOWN, HELD_OUT = digits().split(1000)
FIT = FitVAE(2, hidden=(16,), epochs=1, batch=50)
each_setting = pytest.mark.parametrize("setting", experiment.SETTINGS)


def small(setting, seed=801, generations=2):
    return experiment.run(
        setting, KNOWN.images[:200], FIT, generations=generations, chains=2, rng=seeded(seed)
    )


@each_setting
def test_generation_one_is_the_same_in_every_setting(setting):
    first, other = small(setting), small("means")
    np.testing.assert_array_equal(first[1].parameters, other[1].parameters)
    assert first[1].parameters.shape == (2, FIT._network(784).size)
    assert not np.array_equal(first[1].parameters[0], first[1].parameters[1])
    assert np.array_equal(first[2].parameters, other[2].parameters) == (setting == "means")


def handed(setting, generation):
    """Return what the policy of a setting gives the next fit."""
    model = small("means")[1]
    reality = Empirical(KNOWN.images[:200]).broadcast(2)
    policy, draw = experiment.SETTINGS[setting]
    newest = model if generation else reality
    return policy(Step(generation, 200, 2, reality, newest, draw), None, seeded(804))[0]


@each_setting
def test_what_is_handed_on(setting):
    real = {image.tobytes() for image in KNOWN.images[:200]}
    first = handed(setting, 0)
    assert {image.tobytes() for image in first[0]} == real
    later = handed(setting, 1)
    if setting == "fresh":
        assert isinstance(later, Stream)
        assert later.size == 200
        later = later.draw(200, seeded(805))
    assert later.shape == (2, 200, 784)
    kept = [sum(image.tobytes() in real for image in chain) for chain in later]
    assert kept == ([20, 20] if setting == "real" else [0, 0])
    assert np.isin(later, (0, 1)).all() == (setting == "draws")


def test_a_sample_is_seen_again_and_a_stream_is_not():
    sample, stream = handed("means", 1), handed("fresh", 1)
    assert isinstance(sample, np.ndarray)
    rng = seeded(806)
    assert not np.array_equal(stream.draw(5, rng), stream.draw(5, rng))


def test_unknown_setting():
    with pytest.raises(ValueError, match=r"\bsetting\b"):
        experiment.run("magic", KNOWN.images, FIT, generations=1, chains=1, rng=1)


@pytest.fixture(scope="module")
def judge():
    """Return the judge of the chapter."""
    return experiment.Judge(KNOWN)


def test_the_judge_reads_digits(judge):
    right = judge(HELD_OUT.images) == HELD_OUT.labels
    assert judge.accuracy(HELD_OUT) == right.mean()
    # far better than chance and than a nearest mean, which is right on about 80 %
    assert right.mean() - 5 * np.sqrt(right.mean() * (1 - right.mean()) / len(right)) > 0.85
    shuffled = seeded(808).permutation(HELD_OUT.labels)
    assert abs((judge(HELD_OUT.images) == shuffled).mean() - 0.1) < 5 * np.sqrt(0.09 / 1000)
    pairs = HELD_OUT.images[:6].reshape(3, 2, 784)
    np.testing.assert_array_equal(judge(pairs).ravel(), judge(HELD_OUT.images[:6]))


def test_class_entropy():
    labels = np.array([np.arange(10).repeat(3), np.full(30, 4), np.arange(30) % 2])
    np.testing.assert_allclose(
        experiment.class_entropy(labels), [np.log(10), 0, np.log(2)], atol=1e-12
    )


def test_spread_is_over_pictures_and_codes_together():
    codes = seeded(809).normal([0.0, 3.0], [1.0, 2.0], (4, 1000, 2))
    by_hand = [np.std([number for row in chain for number in row]) for chain in codes]
    np.testing.assert_allclose(experiment.spread(codes), by_hand, rtol=1e-12)


@each_setting
def test_measure(setting, judge):
    lineage = small(setting)
    found = experiment.measure(lineage, setting, HELD_OUT, judge, seeded(810), size=100)
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        "spread": (3, 2),
        "within": (3, 2),
        "codes": (3, 2, len(experiment.BINS) - 1),
        "elbo": (3, 2),
        "classes": (3, 2, 10),
        "entropy": (3, 2),
    }
    assert np.isnan(found["elbo"][0]).all()
    np.testing.assert_allclose(found["classes"].sum(axis=-1), 1, rtol=1e-12)
    codes = lineage[1].encode(HELD_OUT.images)[0]
    np.testing.assert_allclose(found["spread"][0], experiment.spread(codes), rtol=1e-6)
    assert (found["within"] <= found["spread"]).all()
    within = [codes[..., i].var(axis=-1) for i in range(codes.shape[-1])]
    np.testing.assert_allclose(found["within"][0] ** 2, np.mean(within, axis=0), rtol=1e-5)
    handed = experiment.handed_on(lineage[2], setting, 50, seeded(811))
    means = draw_decoded(lineage[2], 50, seeded(811))
    assert np.array_equal(handed, means) == (setting != "draws")


def test_the_stored_runs():
    stored = experiment.stored()
    how = stored.how
    assert {"command", "seed", "versions", "date", "epochs", "generations"} <= how.keys()
    assert how["command"].startswith("python tools/run_digits.py")
    assert set(stored.measured) == set(stored.pictures) == set(experiment.SETTINGS)
    for setting, found in stored.measured.items():
        assert found["spread"].shape == (how["generations"] + 1, how["chains"])
        assert stored.pictures[setting].shape == (len(how["shown"]), 10, 784)
        # the same seed: generation 1 does not know what it will hand on
        np.testing.assert_allclose(found["spread"][0], stored.measured["means"]["spread"][0])
