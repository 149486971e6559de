"""The commands: each parses its arguments, makes one call, and prints what came back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gengap import __version__
from gengap.cli.options import (
    Budget,
    DataName,
    Finite,
    Words,
    data_argument,
    flag,
    option,
    output_options,
)
from gengap.cli.settings import check_environment, read_settings
from gengap.errors import UserError, suggest
from gengap.wording import of_budget

__all__ = ["cli"]

#: The exit code where a gate that the user asked for failed.
_GATE_FAILED = 1

_TARGET = option("--target", metavar="COL", help="Column to predict; needed for tables.")
_TASK = option(
    "--task",
    type=Words(["classification", "regression"]),
    help="Found from the target if left out.",
)
_FOLDS = option("--folds", type=int, default=10, metavar="N", help="Folds of cross-validation.")
_GROUPS = option("--groups", metavar="COL", help="Column whose equal values stay on one side.")
_WEIGHT = option("--weight", metavar="COL", help="Column with a weight a row, for the loss.")
_TEST = option(
    "--test",
    metavar="DATA",
    type=DataName(),
    help="Rows that stay out of the folds, scored once.",
)
_METRIC = option("--metric", metavar="M", help="The metric that decides.")
_IMAGE_SIZE = option(
    "--image-size",
    metavar="HxW",
    help="Resize the image files of a folder to so many pixels; needed where their sizes differ.",
)
_DUPLICATES = option(
    "--duplicates",
    type=Words(["group", "keep", "drop"]),
    help="Equal rows: keep them on one side, leave them, or drop all but one.",
)


class _Commands(click.Group):
    """Answers a command that there is not with the closest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise UserError(
                "unknown-command",
                f"gengap has no command {args[0]!r}",
                suggest(args[0], self.list_commands(ctx), noun="commands"),
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="gengap %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find out which regularization closes the generalization gap of your Keras network.

    DATA is a .csv, .tsv (also .gz), .parquet or .npz file (of images and sequences, too), a folder
    of IDX files (as MNIST's) or of class folders with PNG or JPEG files, or sklearn:NAME.

    Options can also stand in [tool.gengap] of pyproject.toml, in gengap.toml, or in the
    environment, such as GENGAP_FOLDS=5; the command line goes first, the environment second.
    """
    settable = {name: _settable(command) for name, command in cli.commands.items()}
    options = frozenset().union(*settable.values())
    check_environment(os.environ, options)
    ctx.obj = read_settings(Path.cwd(), options)
    # A command has its own settings only: the FILE of `predict --out` is no run folder.
    ctx.default_map = {
        name: {key: value for key, value in ctx.obj.values.items() if key in own}
        for name, own in settable.items()
    }


def _settable(command: click.Command) -> frozenset[str]:
    """Name the options of a command that are settings too."""
    return frozenset(
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.envvar and parameter.name
    )


@cli.command()
@data_argument
@_TARGET
@_TASK
@option(
    "--model",
    metavar="M",
    help="mlp:64,32 (layer sizes); cnn:16,32 for images; lstm:32, gru:32 or conv1d:32,64 for "
    "sequences; a .keras file, or module:function that returns a Keras model.",
)
@option(
    "--techniques",
    metavar="A,B+C,D=0.3",
    help="Candidates, such as 'l2, dropout=0.3, l2+early_stopping'; `gengap techniques` lists "
    "what there is.",
)
@_METRIC
@option("--rope", type=float, metavar="R", help="Largest change that is too small to matter.")
@_FOLDS
@option("--repeats", type=click.IntRange(min=1), default=1, metavar="N", help="New partitions.")
@option("--epochs", type=click.IntRange(min=1), default=100, metavar="N", help="At most.")
@option("--batch-size", type=click.IntRange(min=1), default=32, metavar="N", help="Rows a step.")
@option("--learning-rate", type=float, metavar="LR", help="The optimizer's own if left out.")
@option("--class-weight", type=Words(["balanced"]), help="Weight classes by their rarity.")
@_WEIGHT
@_GROUPS
@_TEST
@_DUPLICATES
@_IMAGE_SIZE
@option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Of all randomness.")
@option("--out", metavar="DIR", help="Run folder; gengap-runs/... if left out.")
@option("--budget", type=Budget(), metavar="60s", help="Do less to end in about this time.")
@option("--devices", type=click.IntRange(min=1), metavar="N", help="Cores, or GPUs, that train.")
@option("--allow", multiple=True, metavar="CODE", help="Let a refusing finding pass; repeatable.")
@option(
    "--require-gain",
    type=Finite(),
    metavar="X",
    help="Exit with 1 where choosing by validation gains less on test rows over the baseline.",
)
@option(
    "--fail-if-gap-above",
    type=Finite(),
    metavar="X",
    help="Exit with 1 where the gap of what is handed back is larger.",
)
@flag("--dry-run", text="Stop after saying how many trials, and what they need.")
@flag("--explain-plan", text="Stop after saying what is trained in which lanes, and why.")
@output_options
def compare(
    data: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    dry_run: bool,
    explain_plan: bool,
    require_gain: float | None,
    fail_if_gap_above: float | None,
    **settings: Any,
) -> None:
    """Compare regularization techniques on DATA and train the best.

    Prints a table under one headline sentence; writes report.html, results.json, trials.csv,
    model.keras, recipe.py and more into the run folder. The same command again trains nothing
    twice, and one that was stopped goes on. While networks train, Ctrl-C stops when the epochs that
    are being computed are done, and loses nothing; pressed again, it stops at once.

    Gates are in the metric's unit (0.01 is one point of accuracy): --require-gain 0.01 holds the
    mean gain on test rows of choosing by validation in each fold to it, --fail-if-gap-above 0.1
    the mean gap of the candidate that is handed back. A gate that fails ends the command with 1,
    after everything is written.
    """
    started = time.perf_counter()  # what is imported from here on takes its time too
    _put_keras_on_jax(quiet=quiet)
    with _standard_output_is_for_results():
        from gengap.compare import compare
        from gengap.progress import choose_progress
        from gengap.report.gates import check_gates

        progress = choose_progress(quiet=quiet)
        try:
            only_plan = dry_run or explain_plan
            study = compare(data, dry_run=only_plan, progress=progress, **settings)
        finally:
            progress.finish()
    if only_plan:
        say = study.plan.explain if explain_plan else study.plan.describe
        in_words = say(settings["budget"])
        click.echo(study.plan.to_json() if as_json else in_words)
        return
    asked = {"require_gain": require_gain, "fail_if_gap_above": fail_if_gap_above}
    gates = check_gates(study.results, **asked)
    if as_json and gates:
        document = json.loads(study.results.to_json())
        document["gates"] = [dataclasses.asdict(gate) for gate in gates]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif as_json:
        click.echo(study.results.to_json(), nl=False)
    elif quiet:
        click.echo(study.results.headline)
        if study.results.holdout is not None:
            from gengap.report.words import holdout

            click.echo(holdout(study.results))
    else:
        from gengap.report.terminal import print_results

        print_results(study.results)
    if settings["budget"] is not None:
        progress.announce(of_budget(time.perf_counter() - started, settings["budget"]))
    failed = [gate for gate in gates if not gate.passed]
    for gate in failed:
        click.echo(f"gate failed: {gate.message}", err=True)
    if failed:
        click.get_current_context().exit(_GATE_FAILED)


@cli.command()
@data_argument
@_TARGET
@_TASK
@_METRIC
@_FOLDS
@_WEIGHT
@_GROUPS
@_TEST
@_DUPLICATES
@_IMAGE_SIZE
@output_options
def audit(
    data: str,
    target: str | None,
    task: Any,
    metric: str | None,
    folds: int,
    weight: str | None,
    groups: str | None,
    test: str | None,
    duplicates: Any,
    image_size: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Say whether DATA is fit to learn from.

    Ends with 2 where `gengap compare` would refuse to start.
    """
    from gengap.audit import Subject
    from gengap.audit import audit as find
    from gengap.data.load import load
    from gengap.report.findings import findings_json, render_findings
    from gengap.settings import check_folds
    from gengap.statistics.metrics import find_metric

    check_folds(folds)
    dataset = load(
        data,
        target=target,
        task=task,
        test=test,
        groups=groups,
        weight=weight,
        image_size=image_size,
    )
    if metric is not None:
        find_metric(metric, dataset.task)
    findings = find(Subject(dataset, folds, duplicates, metric))
    refused = any(finding.severity == "refuse" for finding in findings)
    if as_json:
        click.echo(findings_json(findings, dataset), nl=False)
    elif refused or not quiet:
        from rich.console import Console

        shown = [finding for finding in findings if not quiet or finding.severity == "refuse"]
        render_findings(shown, Console(highlight=False), dataset=dataset)
    if refused:
        click.get_current_context().exit(UserError.exit_code)


@cli.command()
@click.argument("run_folder", metavar="RUN_FOLDER", type=click.Path(path_type=Path))
@data_argument
@click.option("--out", metavar="FILE", help="Where to write the CSV; standard output if left out.")
@flag("-q", "--quiet", text="Print no notes.")
@flag("-v", "--verbose", text="Show the warnings of libraries, and tracebacks of faults.")
def predict(
    run_folder: Path,
    data: str,
    out: str | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Predict DATA with the model of a run folder.

    Prints CSV: a header, then a line a row with prediction and, for classes, probability_CLASS;
    for image files the file goes before them.
    """
    _put_keras_on_jax(quiet=quiet)
    with _standard_output_is_for_results():
        from gengap.predict import predict

        predictions = predict(run_folder, data)
    if not quiet:
        for note in predictions.notes:
            click.echo(f"note: {note}", err=True)
    text = predictions.table.to_csv(index=False, lineterminator="\n")
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(
            "cannot-write",
            f"cannot write {out}: {error.strerror or error}",
            "give a file in a folder that you may write to",
        ) from error


def _complete_technique(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from gengap.techniques.discovery import techniques

    return [name for name in techniques() if name.startswith(incomplete)]


@cli.command()
@click.argument("name", metavar="[NAME]", required=False, shell_complete=_complete_technique)
@flag("--json", "as_json", text="Print exactly one JSON document, on errors too.")
def techniques(name: str | None, as_json: bool) -> None:
    """List the techniques, or say everything about one."""
    from gengap.cli import catalogue
    from gengap.techniques.discovery import find_technique
    from gengap.techniques.discovery import techniques as all_techniques

    chosen = tuple(all_techniques().values()) if name is None else (find_technique(name),)
    if as_json:
        records = [catalogue.record(technique) for technique in chosen]
        document: Any = records if name is None else records[0]
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif name is None:
        click.echo(catalogue.listing(chosen))
    else:
        click.echo(catalogue.description(chosen[0]))


@cli.command()
@click.argument("shell", type=Words(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and options in a SHELL.

    For bash, add to ~/.bashrc: eval "$(gengap completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "gengap", "_GENGAP_COMPLETE").source())


def _put_keras_on_jax(*, quiet: bool) -> None:
    chosen = os.environ.get("KERAS_BACKEND", "jax")
    os.environ["KERAS_BACKEND"] = "jax"
    if chosen != "jax" and not quiet:
        click.echo(
            f"note: KERAS_BACKEND is {chosen!r}; gengap trains on JAX in this process", err=True
        )


@contextlib.contextmanager
def _standard_output_is_for_results() -> Iterator[None]:
    """Send what a user's own model prints to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
