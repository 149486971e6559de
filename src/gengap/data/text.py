"""Texts in a column: the shares of their terms, which folds weigh by how rare a term is (TF-IDF).

Which terms a column has is schema, as the levels of a category are: the most frequent ones of the
whole table, so that all folds have the same width. Their weights come from a fold's training part,
and a term that it lacks is zero there. A row is brought to length 1 before terms are weighed, not
after as in scikit-learn's ``TfidfVectorizer``: so it does not hang on the fold, and the devices
hold the rows once for all folds. Equal to scikit-learn's pipeline of ``CountVectorizer`` with this
vocabulary, ``Normalizer`` and ``TfidfTransformer(norm=None)`` fitted on the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from gengap.data.cells import Words

__all__ = ["FEWEST_ROWS", "MOST_TERMS", "are_texts", "inverse_frequency", "term_shares", "terms_of"]

#: The most terms of a column, and the fewest rows that a term is in.
MOST_TERMS, FEWEST_ROWS = 1000, 2

# A column of texts has so many of them, of which so large a share is different, and most of which
# have so many words; names and codes have fewer words, categories are repeated.
_FEWEST_TEXTS = 20
_DIFFERENT = 0.8
_WORDS_OF_A_TEXT = 4


def are_texts(words: Words) -> bool:
    """Say whether the cells of a column are texts: long, and nearly all different.

    Parameters
    ----------
    words : Words

    Examples
    --------
    >>> texts = tuple(f"number {i} of many sentences" for i in range(30))
    >>> are_texts(Words(np.arange(30), texts)), are_texts(Words(np.arange(30) % 9, texts[:9]))
    (True, False)
    """
    known = words.codes[words.codes >= 0]
    if len(known) < _FEWEST_TEXTS or len(words.words) < _DIFFERENT * len(known):
        return False
    return bool(np.median([len(text.split()) for text in words.words]) >= _WORDS_OF_A_TEXT)


def terms_of(cells: np.ndarray) -> tuple[str, ...]:
    """Return the most frequent terms of texts, sorted: at most 1000, in two rows at least.

    A term is a run of two or more letters and digits, in lower case.

    Parameters
    ----------
    cells : ndarray (n,)
        str, or None for missing.

    Returns
    -------
    tuple of str
        Empty where no term is in two rows.

    Examples
    --------
    >>> terms_of(np.array(["Red wine", "white wine", None], dtype=object))
    ('wine',)
    """
    counter = CountVectorizer(max_features=MOST_TERMS, min_df=FEWEST_ROWS)
    try:
        counter.fit(_filled(cells))
    except ValueError:  # it knows no other way to say that nothing is left
        return ()
    return tuple(sorted(counter.vocabulary_))


def term_shares(terms: Sequence[str], cells: np.ndarray) -> np.ndarray:
    """Count the terms in texts, and bring every row to length 1.

    Parameters
    ----------
    terms : sequence of str
        Sorted.
    cells : ndarray (n,)
        str, or None for missing, which has no term.

    Returns
    -------
    ndarray of float32 (n, terms)

    Examples
    --------
    >>> term_shares(("red", "wine"), np.array(["Red wine!", "wine", None], dtype=object)).round(2)
    array([[0.71, 0.71],
           [0.  , 1.  ],
           [0.  , 0.  ]], dtype=float32)
    """
    counter = CountVectorizer(vocabulary=list(terms), dtype=np.float32)
    return np.asarray(normalize(counter.transform(_filled(cells))).toarray())


def inverse_frequency(shares: np.ndarray) -> np.ndarray:
    """Return the weight of each term: ln((1 + n) / (1 + rows that have it)) + 1.

    Parameters
    ----------
    shares : ndarray (n, terms)

    Returns
    -------
    ndarray of float64 (terms,)
        At least 1.
    """
    return np.log((1 + len(shares)) / (1 + np.count_nonzero(shares, axis=0))) + 1


def _filled(cells: np.ndarray) -> list[str]:
    return ["" if cell is None else cell for cell in pd.Series(cells, dtype=object)]
