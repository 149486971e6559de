"""What a compiled program is made of, and the record of a run that it trains."""

from __future__ import annotations

from dataclasses import dataclass

from gengap.recipe import Part, Recipe
from gengap.techniques.base import Hooks
from gengap.techniques.discovery import find_technique

__all__ = ["Asked", "Program", "Run"]

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """A technique with its options: what distinguishes one traced form from another."""

    technique: str
    options: Options = ()

    @property
    def hooks(self) -> Hooks:
        """Its pure functions."""
        return find_technique(self.technique).hooks(dict(self.options))

    @classmethod
    def of(cls, part: Part) -> Asked:
        """Take a recipe's part, with the defaults of the options filled in."""
        declared = find_technique(part.technique).options
        given = dict(part.options)
        return cls(
            part.technique, tuple((o.name, given.get(o.name, o.choices[0])) for o in declared)
        )


@dataclass(frozen=True)
class Program:
    """All that is compiled in: lanes that differ in none of this share a program.

    Attributes
    ----------
    techniques : tuple of Asked
        Whose hooks are in the step, in the order of the step.
    judges : tuple of Asked
        A slot for the best weights each.
    rows : int
        Training rows of an epoch.
    epochs, batch_size : int
    task : str
    watched : bool
        Whether every epoch is measured on the fold's parts.
    planned_epochs : int, optional
        That training is laid out for, where it is cut short: a schedule of the learning rate goes
        by these. By default `epochs`.
    """

    techniques: tuple[Asked, ...]
    judges: tuple[Asked, ...]
    rows: int
    epochs: int
    batch_size: int
    task: str
    watched: bool = True
    planned_epochs: int | None = None

    @property
    def laid_out_for(self) -> int:
        """Epochs by which schedules go."""
        return self.planned_epochs or self.epochs

    @property
    def full_steps(self) -> int:
        """Steps of an epoch with a full batch."""
        return self.rows // self.batch_size

    @property
    def remainder(self) -> int:
        """Rows of the last, smaller batch."""
        return self.rows % self.batch_size

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.full_steps + (self.remainder > 0)


@dataclass(frozen=True)
class Run:
    """One training of one network.

    Attributes
    ----------
    recipe : Recipe
        What it trains with, every strength given, nothing that only judges.
    split : int
        Which fold, an index into the study's splits.
    seed : int
        Of its initial weights, batch order and masks; shared by all runs of a fold.
    judgements : tuple of Part or None
        What its weights are judged by; None is the last epoch.
    """

    recipe: Recipe
    split: int
    seed: int
    judgements: tuple[Part | None, ...]

    @property
    def may_end_early(self) -> bool:
        """Whether none of its judgements needs the last epoch."""
        return not any(
            part is None or find_technique(part.technique).keeps for part in self.judgements
        )
