"""Texts among the columns of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from gengap.audit import Subject, audit, copies_policy
from gengap.data.encoding import encode
from gengap.data.load import load
from gengap.data.prediction import parse_like
from gengap.data.preprocessing import Preprocessing, fit_preprocessing, fold_arrays
from gengap.data.text import MOST_TERMS, terms_of

ROWS = 60
WORDS = [
    "good",
    "bad",
    "wine",
    "food",
    "place",
    "taste",
    "never",
    "again",
    "would",
    "come",
    "back",
    "nice",
]


def sentences(rows: int = ROWS, *, seed: int = 0, words: int = 6) -> list[str]:
    random = np.random.default_rng(seed)
    return [f"{' '.join(random.choice(WORDS, words))}, no. {row}!" for row in range(rows)]


def table(rows: int = ROWS) -> pd.DataFrame:
    random = np.random.default_rng(1)
    said = pd.Series(sentences(rows), dtype=object)
    said[::10] = None
    return pd.DataFrame(
        {"stars": random.normal(size=rows), "said": said, "site": random.choice(["a", "b"], rows)}
    ).assign(liked=random.choice(["yes", "no", "perhaps"], rows))


def kind_of(cells: list[str]) -> str:
    return (
        load(pd.DataFrame({"x": cells, "y": np.arange(len(cells)) % 2}), target="y").columns[0].kind
    )


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (sentences(), "text"),
        (sentences(19), "categorical"),
        (sentences(12) * 5, "categorical"),
        ([f"Ann Example {number}" for number in range(ROWS)], "categorical"),
        ([f"id-{number}" for number in range(ROWS)], "categorical"),
        ([f"x{4 * n} x{4 * n + 1} x{4 * n + 2} x{4 * n + 3}" for n in range(ROWS)], "categorical"),
        ([f"2024-01-01 10:00:{number:02}" for number in range(ROWS)], "date"),
    ],
    ids=["sentences", "few", "repeated", "names", "codes", "nothing in common", "dates"],
)
def test_texts_are_long_and_nearly_all_different(cells, kind):
    assert kind_of(cells) == kind


def test_terms_are_in_two_rows_and_not_too_many():
    assert terms_of(np.array(["The wine", "wine: THE best", None], dtype=object)) == ("the", "wine")
    many = [f"word{i % 1500} word{(i + 1) % 1500} word{(i + 2) % 1500} said" for i in range(3000)]
    assert len(terms_of(np.array(many, dtype=object))) == MOST_TERMS
    dataset = load(pd.DataFrame({"x": [f"{text} {i}" for i, text in enumerate(many)],
                                 "y": np.arange(3000) % 2}), target="y")  # fmt: skip
    assert "the 1,000 most frequent of their terms" in dataset.notes[-1]


def fitted(training: np.ndarray):
    dataset = load(table(), target="liked")
    encoded = encode(dataset.columns, dataset.rows.features)
    return dataset, encoded, fit_preprocessing(dataset, encoded, training)


def test_a_fold_is_a_pipeline_of_scikit_learn_fitted_on_its_training_rows():
    training = np.arange(3, 6)
    dataset, encoded, preprocessing = fitted(training)
    (column,) = [column for column in dataset.columns if column.kind == "text"]
    texts = table()["said"].fillna("")
    pipeline = make_pipeline(
        CountVectorizer(vocabulary=column.levels), Normalizer(), TfidfTransformer(norm=None)
    ).fit(texts[training])
    expected = pipeline.transform(texts).toarray()
    seen = pipeline[:1].transform(texts[training]).toarray().any(axis=0)
    assert not seen.all()
    prepared = preprocessing.transform(table())
    at = encoded.source == 1
    np.testing.assert_allclose(prepared[:, at], expected * seen, atol=1e-6)
    assert (prepared[::10, at] == 0).all()
    fold = fold_arrays(preprocessing, encoded)
    values = np.where(np.isnan(encoded.values), fold["fill"], encoded.values)
    on_device = (values - fold["shift"]) / fold["scale"] * fold["keep"]
    np.testing.assert_allclose(on_device, prepared, atol=1e-5)


def test_the_file_prepares_new_texts():
    _, _, preprocessing = fitted(np.arange(40))
    again = Preprocessing.from_json(preprocessing.to_json())
    new = table(30).assign(said=sentences(30, seed=5), extra=1)
    features, notes = parse_like(again.columns, new.drop(columns="liked"))
    assert notes == ("column ignored: extra",)  # words that training lacks are no news in a text
    np.testing.assert_allclose(
        again.transform_features(features), preprocessing.transform(new), atol=1e-6
    )
    assert [column.levels for column in again.columns][1] == preprocessing.columns[1].levels


def test_equal_texts_are_copies():
    texts = sentences()
    frame = pd.DataFrame({"said": [*texts, *texts[:5]], "y": np.arange(65) % 2})
    dataset = load(frame, target="y")
    assert copies_policy(dataset) == "group"
    codes = [finding.code for finding in audit(Subject(dataset, folds=3))]
    assert "copies" in codes
    assert "id-like-columns" not in codes
    assert "many-levels" not in codes
    missing = audit(Subject(load(table(), target="liked"), folds=3))
    assert any(finding.code == "missing-values" for finding in missing)
