"""The command line: ``collapse run``, ``audit``, ``watch`` and ``sweep``."""

import argparse
import sys
from pathlib import Path

FAMILIES = (
    "numbers: gaussian, mixture, kde, histogram, ppca, or module:Name of scikit-learn",
    "labels: categorical",
    "text: categorical, ngram",
)


def _sweep(options):
    from collapse.sweep import read_spec, results, sweep

    settings, seed = read_spec(options.spec)
    failed = sweep(
        settings,
        options.out,
        seed=seed,
        jobs=options.jobs,
        backend=options.backend,
        scheduler=options.scheduler,
    )
    if failed:
        raise ValueError(f"{failed} tasks failed: see the files *.error.json in {options.out}")
    if options.csv:
        results(options.out).to_csv(options.csv, index=False)


def _read(options, path):
    from collapse.data import read

    names = ("column", "count", "as_labels", "tokenizer")
    return read(path, **{name: getattr(options, name) for name in names})


def _chosen(options, *names):
    """Return the options of these names that were given."""
    return {name: v for name in names if (v := getattr(options, name)) is not None}


def _run(options):
    from collapse.run import standard

    data = _read(options, options.file)
    read = _chosen(options, "column", "count", "as_labels", "tokenizer")
    names = ("family", "policy", "share", "sample_size", "generations", "chains", "seed")
    report = standard(data, **_chosen(options, *names), path=options.file, read=read)
    if options.out:
        report.save(options.out)
    print(report.table().to_string(float_format="%.4g"))


def _audit(options):
    from collapse.audit import audit

    data = _read(options, options.file)
    names = ("policy", "sample_size", "generations", "number", "chance", "kept", "category")
    report = audit(data, **_chosen(options, *names))
    if options.html:
        try:
            Path(options.html).write_text(report.html(), "utf-8")
        except OSError as error:
            raise ValueError(f"html must be a file to write, got {error}") from None
    print(report.json() if options.json else report.text())


def _watch(options):
    from collapse.watch import parts, watch

    paths = [options.old, options.new, *([options.double] if options.double else [])]
    old, new, *double = (_read(options, path) for path in paths)
    print(watch(old, new, rng=options.seed).text())
    if double:
        print(parts(old, new, *double))


def _data_options(add):
    """Add the options that say how a file is read."""
    add("--column", metavar="NAME", help="of a table: numbers, or labels to count")
    add("--count", metavar="NAME", help="of a table of counts: the column with the counts")
    add("--as-labels", action="store_true", help="count numbers as labels")
    add("--tokenizer", choices=("words", "characters"), default="words", help="of a text [words]")


def _parser():
    parser = argparse.ArgumentParser(prog="collapse", description="The mathematics of collapse.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, work, about in (
        ("run", _run, "run the standard experiment on a file of your own"),
        ("audit", _audit, "apply the exact laws to the counts of a file, without simulation"),
        ("watch", _watch, "test whether NEW lost more than finite samples of OLD"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=work)
        add = command.add_argument
        if name == "watch":
            add("old", metavar="OLD")
            add("new", metavar="NEW")
            add("--double", metavar="FILE", help="as NEW, from a model that saw twice the data")
            add("--seed", type=int, default=0, help="of the draws [0]")
        else:
            add("file", metavar="FILE", help="a table, a text, an array .npy, a folder of pictures")
            add("--policy", help="replace, accumulate, subsample, fresh or keep [replace]")
            add(
                "--sample-size", type=int, metavar="M", help="data of a generation [as in the file]"
            )
            add("--generations", type=int, help="[20 of a run, 10 of an audit]")
        if name == "run":
            add("--family", required=True, help="; ".join(FAMILIES))
            add("--share", type=float, help="of real data, for fresh and keep [0.1]")
            add("--chains", type=int, help="[100]")
            add("--seed", type=int, help="[0]")
            add("--out", metavar="FOLDER", help="for the results, a figure and the same in Python")
        if name == "audit":
            add("--number", type=int, help="of real data in each generation, for fresh and keep")
            add("--chance", type=float, help="below it a category is at risk [0.5]")
            add("--kept", type=float, help="what real data shall keep [0.9]")
            add("--category", help="to keep, the rarest unless given")
            add("--json", action="store_true", help="print for machines")
            add("--html", metavar="FILE", help="write one page with figures")
        _data_options(add)
    add = commands.add_parser("sweep", help="run many settings of the recursion").add_argument
    add("spec", metavar="SPEC.toml", help="the settings; see collapse.sweep")
    add("--out", required=True, metavar="FOLDER", help="results; what is there is not run again")
    add("--jobs", type=int, default=-1, help="number of workers, -1 for all cores [-1]")
    add("--backend", default="loky", help="a backend of joblib, such as dask or ray [loky]")
    add("--scheduler", metavar="ADDRESS", help="of --backend dask")
    add("--csv", metavar="FILE", help="also write all results as one table")
    commands.choices["sweep"].set_defaults(run=_sweep)
    return parser


def main(arguments=None):
    """Run the command line; what is wrong with its input is said in one sentence."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ValueError as error:
        sys.exit(f"collapse: {error}")
    except BrokenPipeError:  # who reads has seen enough
        sys.stderr.close()
    except KeyboardInterrupt:
        sys.exit("collapse: stopped; the same command goes on where this one ended")


if __name__ == "__main__":
    main()
