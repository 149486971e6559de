"""The words of the report, a sentence each."""

from __future__ import annotations

__all__ = ["GLOSSARY", "LIMITS"]

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("technique", "One way to regularize a network, such as l2 or dropout."),
    ("strength", "The number that says how strongly a technique acts, such as dropout's rate."),
    ("recipe", "A set of techniques with their strengths."),
    (
        "baseline",
        "The model as it was given, with no technique added; everything is compared to it.",
    ),
    (
        "none",
        "The given model with all the regularization it brought along switched off.",
    ),
    (
        "candidate",
        "A recipe that is compared; strengths that it leaves open are chosen on validation rows, "
        "fold by fold.",
    ),
    (
        "fold",
        "One division of the rows into test, validation and training rows; every candidate sees "
        "the same folds.",
    ),
    ("trial", "One training of one network in one fold, with its scores."),
    (
        "validation rows",
        "Rows that choose strengths, epochs and recipes, and are used for nothing else.",
    ),
    ("test rows", "Rows that are read once, after every choice is made."),
    (
        "generalization gap",
        "How much worse the metric is on test rows than on training rows, for the same weights; "
        "positive means overfitting.",
    ),
    (
        "change",
        "The candidate's test score minus the baseline's in the same fold, averaged over folds.",
    ),
    (
        "95 % interval",
        "The range of values that fit the folds, widened for the rows that folds share (Nadeau and "
        "Bengio).",
    ),
    (
        "50 % interval",
        "The same range at even odds: the value is as likely inside it as outside.",
    ),
    (
        "too small to matter (r)",
        "A change within plus or minus r counts as no practical difference; --rope sets r.",
    ),
    (
        "P(better / same / worse)",
        "The probabilities that the change lies above r, within r, or below minus r.",
    ),
    (
        "helps, hurts",
        "The change exceeds r with a probability of at least 95 %, and Holm's test over all "
        "candidates agrees; from 80 % on the word is 'probably'.",
    ),
    (
        "no practical difference",
        "The change lies within r with a probability of at least 95 %; from 80 % on the word is "
        "'probably'.",
    ),
    ("cannot tell yet", "Neither is likely enough: these folds do not say which way it goes."),
    (
        "p (Holm)",
        "How often a technique that does nothing would show such a change, corrected for the "
        "number of candidates.",
    ),
    (
        "best",
        "The procedure that picks, in each fold, the candidate with the best validation score; its "
        "test score is the honest score of choosing.",
    ),
    (
        "refit",
        "The final training of the chosen recipe on all rows; it has no score of its own, since no "
        "row is left to score it.",
    ),
    ("diverged", "A training whose loss ceased to be a finite number; it counts as a result."),
    (
        "robustness",
        "The metric on test rows with Gaussian noise of 0.5 standard deviations on numeric inputs.",
    ),
    ("zero weights", "The share of kernel weights that are exactly zero."),
    (
        "calibration error",
        "How far stated probabilities are from observed frequencies (15 equal bins, top class).",
    ),
)

LIMITS: tuple[str, ...] = (
    "Whether the same holds on other data: every verdict is about these rows and rows drawn like "
    "them.",
    "What strengths outside the grid, other networks, other optimizers or more epochs would do.",
    "How the refitted model will score: no row is left that could tell; the honest score describes "
    "the procedure that made it.",
    "Whether the data are free of leaks and errors that the audit does not look for.",
)
