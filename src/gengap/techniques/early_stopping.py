"""Early stopping: the weights of the best epoch are kept, later ones are not trained."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, Option, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    monitor = options["monitor"]

    def start():
        return jnp.asarray(jnp.inf, jnp.float32), jnp.asarray(0, jnp.int32)

    def judgement(values, state, monitored):
        best, waited = state
        score = monitored.loss if monitor == "loss" else monitored.metric
        improved = score + values["min_delta"] < best
        waited = jnp.where(improved, 0, waited + 1).astype(jnp.int32)
        state = jnp.where(improved, score, best).astype(jnp.float32), waited
        return state, improved, waited >= values["patience"]

    return Hooks(judgement_start=start, judgement=judgement)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    quantity = "val_loss" if options["monitor"] == "loss" else "val_metric"
    # The metric that is monitored here is an error rate or an rmse: smaller is better.
    return PlainKeras(
        callbacks=(
            f'keras.callbacks.EarlyStopping(monitor="{quantity}", mode="min", '
            f"patience={int(strengths['patience'])}, min_delta={strengths['min_delta']!r}, "
            "restore_best_weights=True)",
        )
    )


TECHNIQUE = Technique(
    name="early_stopping",
    summary="Keeps the weights of the epoch that was best on validation rows.",
    formula="stop after `patience` epochs without a validation score better by `min_delta`; "
    "restore the best epoch's weights",
    source="Prechelt (1998), Early stopping - but when?, LNCS 1524, class UP",
    family="stopping",
    strengths=(
        Strength(
            "patience", low=1, high=10_000, neutral=None, grid=(10,), prior="log", integer=True
        ),
        Strength("min_delta", low=0.0, high=1e6, neutral=None, grid=(0.0,), prior="uniform"),
    ),
    options=(
        Option(
            "monitor",
            ("loss", "metric"),
            "loss is the compiled loss on validation rows; metric is the error rate there, or the "
            "rmse of a regression, whatever --metric decides",
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
)
