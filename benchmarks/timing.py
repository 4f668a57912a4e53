"""Two callables timed in turns."""

import statistics
import time

SEED = 1
THREADS = "one thread on both sides, set by threadpoolctl"


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def row(name, ours, peer, low, high, note, *, repetitions=15, scale=1):
    """Time two callables in turns; `scale` multiplies the time of a peer that does less."""
    (label, other), faster = peer, high is None
    ours(), other()
    pairs = [(seconds(ours), seconds(other) * scale) for _ in range(repetitions)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = theirs / mine if faster else mine / theirs
    between = f"{low} to {high}" if low else f"at most {high}"
    result = {
        "name": name,
        "ours_seconds": float(f"{mine:.4g}"),
        "peer": label,
        "peer_seconds": float(f"{theirs:.4g}"),
        "ratio": float(f"{ratio:.4g}"),
        "target": f"at least {low}" if faster else between,
        "met": ratio >= low if faster else low <= ratio <= high,
        "note": f"ratio is {'peer / ours' if faster else 'ours / peer'}, medians of {repetitions} "
        f"repetitions in turns; {note}; {THREADS}",
    }
    show(name, f"{mine:.4f}", f"{theirs:.4f}", f"{ratio:.3f}", result["target"], result["met"])
    return result


def show(name, *values):
    print(f"{name:48}", *(f"{value!s:>13}" for value in values), flush=True)
