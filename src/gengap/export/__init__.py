"""A finished recipe as an ordinary Keras model, and as a plain Keras program that trains it."""

from gengap.export.main_source import Training
from gengap.export.models import plain_model, trained_model
from gengap.export.origin import Origin, origin_of
from gengap.export.program import plain_source, recipe_source

__all__ = [
    "Origin",
    "Training",
    "origin_of",
    "plain_model",
    "plain_source",
    "recipe_source",
    "trained_model",
]
