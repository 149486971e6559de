"""Recipes read back as they are written, and whatever cannot be one is refused with a hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gengap.errors import UserError
from gengap.recipe import Part, Recipe, format_number, parse_candidates
from gengap.techniques.base import Hooks, Option, PlainKeras, Strength, Technique


def _technique(name: str, *strengths: Strength, judges: bool = False, **extra: object) -> Technique:
    hooks = Hooks(judgement=lambda v, state, monitored: (state, True, False)) if judges else Hooks()
    return Technique(
        name=name,
        summary=f"what {name} does",
        formula="",
        source="",
        family="penalty",
        strengths=strengths,
        plain_keras=lambda strengths, options: PlainKeras(),
        hooks=lambda options: hooks,
        **extra,  # type: ignore[arg-type]
    )


_FACTOR = Strength("strength", 0.0, 10.0, 0.0, (1e-5, 1e-4, 1e-3, 1e-2))
_CATALOGUE = {
    technique.name: technique
    for technique in (
        _technique("l2", _FACTOR),
        _technique("l1", _FACTOR, options=(Option("form", ("proximal", "subgradient")),)),
        _technique("dropout", Strength("rate", 0.0, 0.9, 0.0, (0.1, 0.2, 0.3, 0.4, 0.5))),
        _technique(
            "elastic_net",
            Strength("l1", 0.0, 10.0, 0.0, (1e-5, 1e-4, 1e-3)),
            Strength("l2", 0.0, 10.0, 0.0, (1e-5, 1e-4, 1e-3)),
            excludes=("l2",),
        ),
        _technique("batch_norm"),
        _technique(
            "early_stopping",
            Strength("patience", 1, 1000, None, (10,), integer=True),
            Strength("min_delta", 0.0, 1e9, None, (0.0,)),
            options=(Option("monitor", ("loss", "metric")),),
            judges=True,
        ),
        _technique("ema", Strength("decay", 0.0, 1.0, 0.0, (0.9, 0.99)), judges=True),
        _technique("smoothing", Strength("share", 0, 1, 0, (0.1,)), tasks=("classification",)),
    )
}


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Technique:
        if name not in _CATALOGUE:
            raise UserError("unknown-technique", f"unknown technique {name!r}")
        return _CATALOGUE[name]

    for module in ("parts", "recipes"):
        monkeypatch.setattr(f"gengap.recipe.{module}.find_technique", find)


@st.composite
def _parts(draw: st.DrawFn, name: str) -> Part:
    technique = _CATALOGUE[name]
    strengths = []
    for strength in technique.strengths:
        if draw(st.booleans()):
            low, high = strength.low, strength.high
            number = st.integers(int(low), int(high)) if strength.integer else st.floats(low, high)
            strengths.append((strength.name, float(draw(number))))
    options = [(o.name, draw(st.sampled_from(o.choices))) for o in technique.options]
    return Part(name, tuple(strengths), tuple(options))


@st.composite
def _recipes(draw: st.DrawFn) -> Recipe:
    if draw(st.integers(0, 9)) == 0:
        return Recipe(everything_off=True)
    names = draw(st.lists(st.sampled_from(sorted(_CATALOGUE)), unique=True))
    if "elastic_net" in names and "l2" in names:
        names.remove("l2")
    if "ema" in names and "early_stopping" in names:
        names.remove("ema")
    return Recipe(tuple(draw(_parts(name)) for name in names))


class TestRoundTrip:
    @given(_recipes())
    def test_what_is_printed_parses_to_the_same_recipe(self, recipe: Recipe) -> None:
        again = Recipe.parse(str(recipe))
        assert again == recipe
        assert again.parts == recipe.parts
        assert str(again) == str(recipe)
        assert Recipe.parse(str(recipe).replace(" ", "")) == recipe

    @given(st.lists(_recipes(), unique=True, min_size=1, max_size=4))
    def test_a_list_of_candidates_too(self, recipes: list[Recipe]) -> None:
        assert parse_candidates(",".join(map(str, recipes))) == tuple(recipes)

    @given(_recipes(), st.randoms(use_true_random=False))
    def test_the_order_of_parts_makes_no_difference_to_the_key(self, recipe, random) -> None:
        shuffled = Recipe(tuple(random.sample(recipe.parts, len(recipe.parts))))
        if not recipe.everything_off:
            assert shuffled == recipe
            assert hash(shuffled) == hash(recipe)
            assert shuffled.key_text == recipe.key_text

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_numbers_come_back_exactly(self, value: float) -> None:
        assert float(format_number(value)) == value

    @pytest.mark.parametrize(
        ("value", "text"),
        [(1e-4, "1e-4"), (0.3, "0.3"), (0.01, "0.01"), (1e-3, "1e-3"), (10, "10"), (0, "0")],
    )
    def test_numbers_read_as_people_write_them(self, value: float, text: str) -> None:
        assert format_number(value) == text


class TestGrammar:
    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("", "baseline"),
            (" baseline ", "baseline"),
            ("none", "none"),
            ("l2=0.0001+dropout = .3", "l2=1e-4 + dropout=0.3"),
            ("dropout+l2", "dropout + l2"),
            ("l2(strength=1E-4)", "l2=1e-4"),
            ("l2=1e+0 + dropout", "l2=1 + dropout"),
            ("l2=1E+0+dropout", "l2=1 + dropout"),
            ("l2=1e0+dropout", "l2=1 + dropout"),
            ("batch_norm()", "batch_norm"),
            ("l1(form=proximal)", "l1"),
            ("l1(form=subgradient, strength=0.1)", "l1(strength=0.1, form=subgradient)"),
            ("elastic_net(l2=1e-3,l1=1e-2)", "elastic_net(l1=0.01, l2=1e-3)"),
            ("elastic_net(l2=1e-3)", "elastic_net(l2=1e-3)"),
            (
                "early_stopping(patience=5, monitor=metric)",
                "early_stopping(patience=5, monitor=metric)",
            ),
        ],
    )
    def test_canonical_text(self, written: str, canonical: str) -> None:
        assert Recipe.parse(written).text == canonical

    def test_commas_in_parentheses_do_not_separate_candidates(self) -> None:
        recipes = parse_candidates("l1, l2+dropout ,elastic_net(l1=1e-4,l2=1e-3),dropout=0.3")
        assert [str(recipe) for recipe in recipes] == [
            "l1",
            "l2 + dropout",
            "elastic_net(l1=1e-4, l2=1e-3)",
            "dropout=0.3",
        ]

    def test_candidates_one_by_one(self) -> None:
        assert parse_candidates(["l2", Recipe.parse("l1")]) == parse_candidates("l2,l1")

    @pytest.mark.parametrize(
        ("written", "code"),
        [
            ("l3", "unknown-technique"),
            ("l2=", "bad-strength"),
            ("l2=much", "bad-strength"),
            ("l2=1_0", "bad-strength"),
            ("l2=nan", "bad-strength"),
            ("l2=11", "strength-out-of-bounds"),
            ("dropout=-0.1", "strength-out-of-bounds"),
            ("early_stopping(patience=1.5)", "strength-not-whole"),
            ("batch_norm=1", "unknown-strength"),
            ("l2(rate=0.1)", "unknown-strength"),
            ("l1(form=strong)", "unknown-option"),
            ("l2(strength=1,strength=2)", "duplicate-strength"),
            ("l2(strength)", "bad-recipe"),
            ("l2(strength=1", "bad-recipe"),
            ("l2)strength=1(", "bad-recipe"),
            ("l2 ++ dropout", "bad-recipe"),
            ("l2 +", "bad-recipe"),
            ("(l2)", "bad-recipe"),
            ("baseline + l2", "bad-recipe"),
            ("none + l2", "bad-recipe"),
            ("l2 + l2=1e-4", "duplicate-technique"),
            ("l2 + elastic_net", "excluded-combination"),
            ("elastic_net + l2", "excluded-combination"),
            ("early_stopping + ema", "two-judgements"),
        ],
    )
    def test_refusals(self, written: str, code: str) -> None:
        with pytest.raises(UserError) as caught:
            Recipe.parse(written)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("written", "code"),
        [
            ("l2,", "bad-recipe"),
            ("", "bad-recipe"),
            ("l2,dropout+l1,l1+dropout", "duplicate-candidate"),
        ],
    )
    def test_refused_lists(self, written: str, code: str) -> None:
        with pytest.raises(UserError) as caught:
            parse_candidates(written)
        assert caught.value.code == code

    def test_bounds_are_named(self) -> None:
        with pytest.raises(UserError, match=r"dropout: rate must be between 0 and 0\.9, got 2"):
            Recipe.parse("dropout=2")

    def test_a_misspelled_strength_is_suggested(self) -> None:
        with pytest.raises(UserError, match="did you mean 'strength'"):
            Recipe.parse("l2(strenght=1)")

    def test_none_has_no_parts(self) -> None:
        with pytest.raises(UserError):
            Recipe((Part("l2"),), everything_off=True)

    @given(st.text(alphabet="l2dropout=+().,e-1 ", max_size=20))
    def test_any_text_is_a_recipe_or_a_user_error(self, text: str) -> None:
        try:
            recipes = parse_candidates(text)
        except UserError as error:
            assert error.hint is not None or error.code == "unknown-technique"
        else:
            assert parse_candidates(list(map(str, recipes))) == recipes


class TestTask:
    def test_the_wrong_task_is_refused(self) -> None:
        Recipe.parse("smoothing").check("classification")
        with pytest.raises(UserError, match="smoothing is not defined for regression"):
            Recipe.parse("smoothing").check("regression")


class TestGrid:
    def test_one_open_strength_runs_through_its_grid(self) -> None:
        grid = Recipe.parse("dropout").grid()
        assert [str(recipe) for recipe in grid] == [f"dropout=0.{i}" for i in range(1, 6)]

    def test_without_open_strengths_the_recipe_is_its_grid(self) -> None:
        for text in ("baseline", "none", "batch_norm", "l2=1e-4"):
            assert Recipe.parse(text).grid() == (Recipe.parse(text),)

    def test_given_strengths_stay(self) -> None:
        grid = Recipe.parse("l2=0.5 + dropout + early_stopping").grid()
        assert len(grid) == 5
        assert all(recipe.values()["l2"] == {"strength": 0.5} for recipe in grid)
        assert all(recipe.open_strengths == () for recipe in grid)

    def test_a_product_runs_from_weak_to_strong(self) -> None:
        recipe = Recipe.parse("elastic_net")
        assert recipe.open_strengths == (("elastic_net", "l1"), ("elastic_net", "l2"))
        grid = recipe.grid()
        assert recipe.grid_size == len(grid) == len(set(grid)) == 9
        assert str(grid[0]) == "elastic_net(l1=1e-5, l2=1e-5)"
        assert str(grid[-1]) == "elastic_net(l1=1e-3, l2=1e-3)"

    @given(seed=st.integers(0, 2**31), limit=st.integers(1, 19))
    def test_a_large_product_is_sampled(self, seed: int, limit: int) -> None:
        recipe = Recipe.parse("l2 + dropout")
        assert recipe.grid_size == 20
        grid = recipe.grid(limit=limit, seed=seed)
        assert len(grid) == len(set(grid)) == limit
        assert set(grid) <= set(recipe.grid(limit=20))
        assert grid == recipe.grid(limit=limit, seed=seed)

    @pytest.mark.parametrize(
        ("limit", "rates"), [(3, (0.1, 0.3, 0.5)), (1, (0.3,)), (2, (0.1, 0.5))]
    )
    def test_one_strength_is_thinned_evenly(self, limit: int, rates: tuple[float, ...]) -> None:
        grid = Recipe.parse("dropout").grid(limit=limit)
        assert tuple(recipe.values()["dropout"]["rate"] for recipe in grid) == rates


class TestParts:
    def test_judgement_and_training(self) -> None:
        recipe = Recipe.parse("l2=1e-4 + early_stopping(patience=5)")
        assert recipe.training == Recipe.parse("l2=1e-4")
        assert recipe.judgement == Part("early_stopping", (("patience", 5.0),))
        assert Recipe.parse("early_stopping").training.is_baseline
        assert Recipe.parse("l2").judgement is None

    def test_options_have_their_defaults(self) -> None:
        assert Recipe.parse("l1 + dropout").options() == {"l1": {"form": "proximal"}, "dropout": {}}

    def test_record_of_strengths(self) -> None:
        recipe = Recipe.parse("l1=0.1 + batch_norm + early_stopping(patience=5, min_delta=0)")
        assert recipe.strengths_record() == {
            "l1": 0.1,
            "early_stopping": {"patience": 5.0, "min_delta": 0.0},
        }
