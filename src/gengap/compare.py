"""The whole flow of a study on one screen: load, audit, plan, train, analyse, refit, report."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gengap.analysis import analyse_study
from gengap.assemble import assemble_results
from gengap.audit import Subject, audit, refuse
from gengap.augmented import check_labels, look_at_augmented
from gengap.backend import ensure_backend, other_backend
from gengap.command import command_of
from gengap.design import design_study
from gengap.executors.process import compare_in_child
from gengap.export import origin_of
from gengap.finish import check_refit, finish, score_test_part
from gengap.interim import Interim
from gengap.pace import at_this_pace
from gengap.progress import Progress, SilentProgress, with_units
from gengap.reading import inputs_by_name, outputs_by_name, read, settle_copies
from gengap.recipe import Recipe
from gengap.resuming import store_layouts, with_stored_layouts
from gengap.run_folder import folder_of, open_store, write_run_folder
from gengap.settings import NUMBERS, WHOLE_NUMBERS, checked_settings
from gengap.study import Study
from gengap.training import train_plan
from gengap.trials import epochs_of, seconds_of

if TYPE_CHECKING:
    import keras

    from gengap.data.dataset import Task

__all__ = ["compare"]


def compare(
    x: Any,
    y: Any = None,
    model: str | Path | keras.Model | None = None,
    techniques: str | Iterable[str | Recipe] | None = None,
    *,
    target: str | None = None,
    task: Task | Mapping[str, Task] | None = None,
    folds: int = 10,
    repeats: int = 1,
    epochs: int = 100,
    batch_size: int = 32,
    learning_rate: float | None = None,
    metric: str | None = None,
    rope: float | None = None,
    class_weight: Literal["balanced"] | None = None,
    weight: str | None = None,
    sample_weight: Any = None,
    groups: Any = None,
    test: Any = None,
    duplicates: Literal["group", "keep", "drop"] | None = None,
    image_size: str | tuple[int, int] | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    budget: float | None = None,
    devices: int | None = None,
    allow: str | Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Compare regularization techniques on data, say how sure that is, and train the best.

    In every fold all candidates learn from the same training rows, strengths are chosen on the
    validation rows, and the test rows are read once, after the choice; candidates are compared with
    the baseline over the same folds by corrected tests.

    Parameters
    ----------
    x : str, path, DataFrame, or array-like (n, columns) or (n, ...)
        A .csv, .tsv (both also .gz), .parquet or .npz file, a folder of IDX files or of class
        folders with PNG and JPEG files, ``sklearn:NAME``, or the inputs: a table, images
        (n, height, width, channels) or sequences (n, steps, channels), whose rows may end in NaN
        or be a list of arrays of different lengths. For a network with several inputs a mapping
        from the name of each to such an array or table, or a list of them in the network's order.
    y : array-like (n,), or mapping of such, optional
        The targets, where `x` holds inputs only. For a network with several outputs a mapping from
        the name of each to its targets, or a list of them in the network's order; all are learned.
    model : keras.Model, str or path, optional
        ``"mlp:64,32"`` (the default for tables), ``"cnn:16,32"`` (for images), ``"lstm:32"`` (for
        sequences), ``"gru:32"``, ``"conv1d:32,64"``, ``"module:function"``, a ``.keras`` file, or a
        model, built or not, compiled or not. The baseline is this model as it is given.
    techniques : str or iterable, optional
        Candidates, such as ``"l2, dropout=0.3, l2+early_stopping"``. A strength that is left open
        is chosen on validation rows, fold by fold.
    target : str, optional
        The column to predict; needed for tables and never guessed. Names are text: 3 is ``"3"``.
        Of several outputs the one that decides: all that is measured, chosen and reported is of
        it. The first in `y` by default.
    task : {"classification", "regression"}, or mapping of such, optional
        Found from the target; of several outputs that of the one that decides, or by their names.
    folds, repeats : int
        Test parts of a partition; partitions.
    epochs, batch_size : int
        Most passes over the training rows; rows of a step.
    learning_rate : float, optional
        Replaces the optimizer's.
    metric : str, optional
        The one that decides; accuracy (balanced accuracy where one class has over 80 % of the
        rows), or rmse.
    rope : float, optional
        The largest change that is too small to matter, in the unit of the metric.
    class_weight : {"balanced"}, optional
        Weight classes in the loss by their rarity among the training rows.
    weight : str, optional
        A column with weights for the loss.
    sample_weight : array-like (n,), optional
        The same for arrays.
    groups : str or array-like (n,), optional
        Rows of one group stay on one side of every split.
    test : path, DataFrame or (x, y), optional
        Rows that stay out of the folds and are scored once at the end: a pair beside arrays, a
        table or a file beside a table or a file, a folder beside class folders. Folders of IDX
        files and archives bring their own.
    duplicates : {"group", "keep", "drop"}, optional
        What is done with equal rows; the table decides by default.
    image_size : str or pair of int, optional
        Height and width in pixels that the image files of a folder are resized to, such as
        ``"64x64"``; needed where they differ.
    seed : int
        Of folds, initial weights, batch orders and noise: the same seed, the same result.
    out : str or path, optional
        The run folder. By default one below ``gengap-runs`` for a file or a named set, and none
        for arrays and tables in memory. Trials that a study of the same data, network, seed,
        epochs and batch size left there are not trained again, whatever else it compared; its
        report and its results are replaced.
    budget : float, optional
        Seconds; grid points and then folds are given up to keep within it. It is held against
        seconds that do not hang on the clock: on a slow machine the study may take longer, which
        is announced.
    devices : int, optional
        How many processor cores, or GPUs where there are any, train; all by default.
    allow : str or sequence of str
        Codes of refusing findings to let pass.
    dry_run : bool
        Stop after planning, and leave the run folder as it is.
    progress : Progress, optional
        Told what happens; silent by default.

    Returns
    -------
    Study
        Its ``plan`` alone where `dry_run` is set.

    Raises
    ------
    UserError
        Where the input is wrong, with a hint how to mend it.
    UnfinishedError
        Where the run could not end, such as for want of disk space.
    KeyboardInterrupt
        When interrupted. While networks train, the first Ctrl-C waits until the epochs that are
        being computed are done, mostly for less than a second, and what has ended by then is stored
        in the run folder. A second one is raised at once; the process itself then ends with what is
        computed, or at a third. All this is so in the main thread, where Ctrl-C raises
        `KeyboardInterrupt`; a handler of your own for it stays and is called as ever.

    Examples
    --------
    >>> study = compare("sklearn:breast_cancer", techniques="l2", folds=3, epochs=5)
    >>> list(study.verdicts)
    ['baseline', 'l2']
    """
    x, test = inputs_by_name(x, test, model)
    y, target, test = outputs_by_name(y, target, test, model)
    given = checked_settings({k: v for k, v in locals().items() if k not in _NOT_SETTINGS})
    folds, repeats, epochs, batch_size, seed, devices = (given[name] for name in WHOLE_NUMBERS)
    learning_rate, rope, budget = (given[name] for name in NUMBERS)
    target, weight, groups, allow = (given[k] for k in ("target", "weight", "groups", "allow"))
    progress = with_units(progress or SilentProgress())
    if beside := other_backend():
        progress.announce(f"Keras runs on {beside} here: a process of its own trains, on JAX")
        return compare_in_child(x, y, given, progress)
    backend = ensure_backend(devices)

    dataset = read(
        x,
        y,
        target=target,
        task=task,
        test=test,
        groups=groups,
        weight=weight,
        sample_weight=sample_weight,
        image_size=image_size,
    )
    subject = Subject(dataset, folds, duplicates, metric, weighted=class_weight is not None)
    findings = audit(subject)
    refuse(findings, allow)
    dataset = settle_copies(dataset, duplicates, copies=subject.copies)
    del subject  # it holds the rows as they came, and which are equal: large, and of no use now
    design = design_study(
        dataset,
        model=model,
        techniques=techniques,
        metric=metric,
        folds=folds,
        repeats=repeats,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        class_weight=class_weight,
        seed=seed,
        budget=budget,
        devices=backend.devices,
    )
    for note in filter(None, (*dataset.notes, *design.notes, backend.note)):
        progress.announce(note)

    folder = folder_of(out, dataset.file, dataset.name, design.key)
    with open_store(folder, design.setting_key, dry_run=dry_run) as store:
        own = store.of_study(design.key)
        design = replace(design, plan=at_this_pace(with_stored_layouts(design.plan, own)))
        if dry_run:
            return Study(plan=design.plan)
        progress.announce(design.plan.describe(budget))
        store_layouts(design.plan, own)
        interim = Interim(design, rope, progress)
        trials = train_plan(design.plan, design.material, store, progress, interim)
        analysis = analyse_study(
            trials,
            design.plan.candidates,
            dataset=design.dataset,
            splits=design.splits,
            metric=design.metric,
            epochs=epochs,
            rope=rope,
        )
        augmented = look_at_augmented(
            design.plan, design.material, design.metric, design.settings, store
        )
        best = finish(
            analysis.best.refit_recipe,
            analysis.best.epochs,
            design,
            store,
            progress,
            origin_of(groups, weight, test, duplicates, folder),
        )
        results = assemble_results(
            design,
            analysis,
            (*findings, *check_labels(augmented, design.metric), *check_refit(best)),
            allowed=allow,
            holdout=score_test_part(best, design, store, progress),
            folder=folder,
            command=command_of(dataset.file, given, _DEFAULTS, targets_apart=bool(dataset.outputs)),
            seconds=seconds_of(trials),
            epochs_needed=epochs_of(trials),
            augmented=augmented,
        )
        study = Study(design.plan, results, best, folder, trials)
        if folder is not None:
            write_run_folder(study, folder)
    return study


_NOT_SETTINGS = ("x", "y", "progress")
_DEFAULTS = {
    name: parameter.default for name, parameter in inspect.signature(compare).parameters.items()
}
