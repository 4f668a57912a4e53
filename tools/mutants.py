"""Run a random sample of mutants of the mathematics against the tests: ``make mutants``, by mutmut.

    python tools/mutants.py [--each 15]

From each module of ``collapse/theory`` and ``collapse/models`` so many mutants are drawn, with a
fixed seed; mutmut runs each against the tests that execute the mutated function, until one fails.
What is settled is written to ``tools/mutants.json``. Started again, it goes on with those that are
left.
"""

import argparse
import datetime as dt
import json
import platform
import random
import subprocess
from pathlib import Path

SEED, FIRST = 11, "collapse.theory.drift*"
OUT = Path(__file__).with_name("mutants.json")
FATES = {0: "survived"} | dict.fromkeys((1, 3, 24, -24, 36, 152, 255), "killed")  # or too slow


def mutmut(*names):
    subprocess.run(["mutmut", "run", *names], check=False)


def fates():
    """Return what became of each mutant, by module; None of those that were not run."""
    found = {}
    for path in sorted(Path("mutants/collapse").rglob("*.py.meta")):
        module = path.relative_to("mutants").as_posix().removesuffix(".py.meta").replace("/", ".")
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        found[module] = {name: FATES.get(code, code and "no test") for name, code in codes.items()}
    return {module: names for module, names in found.items() if names}


def main():
    """Draw, run and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=15, help="mutants of each module [15]")
    each = parser.parse_args().each
    mutmut(FIRST)  # makes all mutants, and notes which tests execute which function
    draw = random.Random(SEED)
    sample = {m: draw.sample(list(names), min(each, len(names))) for m, names in fates().items()}
    mutmut(*(name for names in sample.values() for name in names))
    known, counts, survivors = fates(), {}, []
    for module, names in sample.items():
        ended = [known[module][name] for name in names]
        counts[module] = {fate: ended.count(fate) for fate in ("killed", "survived", "no test")}
        survivors += [name for name in names if known[module][name] == "survived"]
    settled = sum(sum(c.values()) for c in counts.values())
    killed = sum(c["killed"] for c in counts.values())
    about = {"command": f"python tools/mutants.py --each {each}", "seed": SEED}
    about |= {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
    }
    about |= {"settled": settled, "killed": killed, "modules": counts, "survivors": survivors}
    OUT.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    print(f"{killed} of {settled} mutants killed")


if __name__ == "__main__":
    main()
