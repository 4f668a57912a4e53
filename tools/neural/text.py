"""Blocks of text as token numbers, shape (blocks, length): read, chosen, measured and stored."""

import hashlib
import json
import lzma
import os
from dataclasses import dataclass

import numpy as np

SPLIT_SEED, SHARES = 0, (0.8, 0.1, 0.1)  # of the texts, for training, validation and test


# The three policies: what the next generation is fine-tuned on.


def replace(_real, written, _rng, _share):
    """Only what the last model wrote."""
    return written[-1]


def fresh(real, written, rng, share):
    """What the last model wrote; a share of the blocks, drawn anew, stays real."""
    kept = rng.permutation(len(real))[: round(share * len(real))]
    mixed = written[-1].copy()
    mixed[kept] = real[kept]
    return mixed


def accumulate(real, written, _rng, _share):
    """All real blocks and everything that was ever written."""
    return np.concatenate([real, *written])


POLICIES = {policy.__name__: policy for policy in (replace, fresh, accumulate)}


@dataclass(frozen=True)
class Blocks:
    """Real text for each purpose, and the hash of all of it."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    sha256: str


def documents(path):
    """The texts of a .jsonl or .jsonl.xz file (field "text"), or 50 equal parts of a plain file."""
    try:
        raw = path.read_bytes()
        raw = lzma.decompress(raw) if path.suffix == ".xz" else raw
        content = raw.decode()
        if ".jsonl" in path.suffixes:
            return [json.loads(line)["text"] for line in content.split("\n") if line], raw
    except FileNotFoundError:
        raise SystemExit(f"--text {path.name}: there is no such file.") from None
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(
            f"--text {path.name}: must be plain text in UTF-8, or JSON lines with a field 'text' "
            f"({error})."
        ) from error
    size = -(-len(content) // 50) or 1
    return [content[i : i + size] for i in range(0, len(content), size)], raw


def read_blocks(path, tokenizer, length, sizes):
    """Blocks for training, validation and test, from different texts, the same for every seed."""
    texts, raw = documents(path)
    rng = np.random.default_rng(SPLIT_SEED)
    ends = np.round(np.cumsum(SHARES) * len(texts)).astype(int)
    parts = []
    purposes = zip(
        np.split(rng.permutation(len(texts)), ends[:-1]),
        sizes,
        ("training", "validation", "test"),
        strict=True,
    )
    for part, size, purpose in purposes:
        ids = [tokenizer(texts[i], add_special_tokens=False)["input_ids"] for i in part]
        blocks = [d[i : i + length] for d in ids for i in range(0, len(d) - length + 1, length)]
        if len(blocks) < size:
            raise SystemExit(
                f"--text {path.name} is too short: it has {len(blocks)} blocks of {length} tokens "
                f"for {purpose}, and {size} are asked for."
            )
        chosen = rng.permutation(len(blocks))[:size]
        parts.append(np.array([blocks[i] for i in chosen], dtype=np.int64))
    return Blocks(*parts, hashlib.sha256(raw).hexdigest())


def spread(blocks):
    """How many different tokens and n-grams there are, and how much a block repeats itself."""
    found = {"distinct tokens": len(np.unique(blocks))}
    for n in (2, 3, 4):
        grams = np.lib.stride_tricks.sliding_window_view(blocks, n, axis=1)
        found[f"distinct {n}-grams"] = len(np.unique(grams.reshape(-1, n), axis=0))
    again = [1 - len(np.unique(block, axis=0)) / len(block) for block in grams]
    found["repetition"] = round(float(np.mean(again)), 5)  # share of 4-grams seen in their block
    return found


def fitness(losses):
    """Perplexity over blocks, with what is needed for its standard error and for differences."""
    return {
        "perplexity": round(float(np.exp(losses.mean())), 3),
        "standard error of the log": round(float(losses.std(ddof=1) / len(losses) ** 0.5), 5),
        "log losses": [round(float(loss), 4) for loss in losses],
    }


def written_about(blocks, losses, texts):
    """What is stored of the blocks that a model wrote; `losses` are those of generation 0."""
    judged = np.exp(losses)
    return {
        "perplexity under generation 0": [round(float(p), 2) for p in judged],
        "median": round(float(np.median(judged)), 2),
        "lower 5 %": round(float(np.quantile(judged, 0.05)), 2),
        "upper 95 %": round(float(np.quantile(judged, 0.95)), 2),
        **spread(blocks),
        "continuations": texts,
    }


def store(path, write):
    """Write a file so that it is there completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def store_blocks(path, blocks, texts):
    """One JSON line a block, compressed; returns the SHA-256 of the file."""
    lines = [
        json.dumps({"text": text, "ids": block.tolist()}, ensure_ascii=False) + "\n"
        for text, block in zip(texts, blocks, strict=True)
    ]
    packed = lzma.compress("".join(lines).encode())
    store(path, lambda draft: draft.write_bytes(packed))
    return hashlib.sha256(packed).hexdigest()


def store_sums(folder):
    """The checksums of all files of all runs, which `companion.neural` compares."""
    paths = sorted(path for path in folder.glob("*/*") if not path.name.startswith("."))
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n"
        for p in paths
    ]
    store(folder / "SHA256SUMS", lambda draft: draft.write_text("".join(lines), "utf-8"))


def load_blocks(path, sha256):
    """Blocks of token numbers, as they were stored."""
    packed = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(packed).hexdigest() != sha256:
        raise SystemExit(f"{path.parent.name}/{path.name} is missing or not as it was stored.")
    lines = lzma.decompress(packed).decode().rstrip("\n").split("\n")
    return np.array([json.loads(line)["ids"] for line in lines], dtype=np.int64)
