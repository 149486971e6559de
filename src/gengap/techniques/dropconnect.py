"""DropConnect: single weights are left out at random in training."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class DropConnect(keras.Model):
    """A network that computes without some of its weights in training."""

    def __init__(self, network, rate):
        super().__init__()
        self.network = network
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs, training=False):
        kernels = [v for v in self.network.trainable_variables if v.name.endswith("kernel")]
        whole = [kernel.value for kernel in kernels]
        if training:
            for kernel in kernels:
                dropped = keras.random.dropout(kernel.value, self.rate, seed=self.seed_generator)
                kernel.assign(dropped)
        outputs = self.network(inputs, training=training)
        if training:
            for kernel, value in zip(kernels, whole, strict=True):
                kernel.assign(value)
        return outputs
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    from gengap.random_bits import drop

    def weights(values, key, kernel):
        return drop(key, values["rate"], kernel)

    return Hooks(weights=weights)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    return PlainKeras(
        definitions=DEFINITIONS, network=f"DropConnect({{network}}, {strengths['rate']!r})"
    )


TECHNIQUE = Technique(
    name="dropconnect",
    summary="Leaves single weights out at random in training, so that none relies on another.",
    formula="w * m / (1 - rate) in the forward pass, m ~ Bernoulli(1 - rate) a weight of the "
    "kernels and a step; w at inference, in penalties, and for the optimizer (in the paper m is "
    "drawn for every row, and inference takes a normal approximation of the mean)",
    source="Wan et al. (2013), Regularization of neural networks using DropConnect, ICML, eq. 2; "
    "of recurrent weights, one mask a sequence: Merity, Keskar and Socher (2018), ICLR, section 2",
    family="noise",
    strengths=(
        Strength(
            "rate", low=0.0, high=0.95, neutral=0.0, grid=(0.05, 0.1, 0.2, 0.35), prior="uniform"
        ),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    order=5,
    cost=0.25,
    convolution_cost=0.05,
    random=True,
)
