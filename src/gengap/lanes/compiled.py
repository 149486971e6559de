"""The two compiled functions of a program: one that trains its lanes, one that reads them out.

Arrays of lanes have the axes (devices x groups, lanes of a group, ...), of which the first is laid
over the devices. A device goes through its groups one by one, as far as they are filled.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gengap.lanes.compiling import compile_in_background
from gengap.lanes.data import BLOCK, StudyData
from gengap.lanes.filling import empty_record
from gengap.lanes.fusion import compiler_options
from gengap.lanes.layout import Layout
from gengap.lanes.loop import epochs, start_state
from gengap.lanes.network import LaneNetwork
from gengap.lanes.program import Program
from gengap.lanes.readout import readout
from gengap.lanes.statistics import measured, measures
from gengap.random_bits import key as seed_key

__all__ = ["Compiled", "compile_program", "on_devices"]

Array = Any
Tree = Any


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program on the devices; its functions are compiled in the background.

    Attributes
    ----------
    network : LaneNetwork
    program : Program
    layout : Layout
    starts : int
        How many runs' initial values the devices hold at once.
    """

    network: LaneNetwork
    program: Program
    layout: Layout
    starts: int
    _functions: Mapping[str, Future[Any]]
    _by_lane: NamedSharding
    _everywhere: NamedSharding

    @cached_property
    def advance(self) -> Callable[..., tuple[Tree, Array]]:
        """``(state, lane, restart, live, orders, starts, shared, count) -> state, signals``.

        It trains `count` epochs of every lane in the first ``live[device]`` groups of a device;
        lanes with ``restart`` begin anew, at the values that ``lane["start"]`` names. The signals
        of a lane are its epoch, the one in which it diverged, and whether each judgement is done.
        """
        return self._functions["advance"].result()

    @cached_property
    def read(self) -> Callable[..., dict[str, Array]]:
        """``(weights, others, lane, shared) -> record``, see `gengap.lanes.readout.readout`."""
        return self._functions["read"].result()

    @cached_property
    def read_ensembles(self) -> Callable[..., dict[str, Array]]:
        """The same of several members, as many as `most_members` tells."""
        return self._functions["read_ensembles"].result()

    @property
    def most_members(self) -> int:
        """Most networks whose outputs a judgement averages."""
        return _most_members(self.program)

    @cached_property
    def measure(self) -> Callable[..., Tree] | None:
        """``(weights, others, lane, rows, shared) -> others``, see `gengap.lanes.statistics`.

        None where no judgement asks for it, or the network has no moving statistics.
        """
        return self._functions["measure"].result() if "measure" in self._functions else None

    def wait(self) -> None:
        """Wait until the lanes can train; an interrupt ends that at once."""
        self._functions["advance"].result()

    def can_read(self) -> bool:
        """Tell whether lanes that have ended can be measured and read out by now."""
        return all(made.done() for name, made in self._functions.items() if name != "advance")

    def by_lane(self, tree: Tree) -> Tree:
        """Lay arrays of lanes over the devices."""
        return jax.device_put(tree, self._by_lane)

    def everywhere(self, tree: Tree) -> Tree:
        """Put arrays on every device."""
        return jax.device_put(tree, self._everywhere)

    def empty_state(self) -> Tree:
        """Return the state of lanes that have not begun."""
        shape = self.layout.shape
        return self.by_lane(
            jax.tree.map(lambda leaf: np.zeros((*shape, *leaf.shape), leaf.dtype), _start_of(self))
        )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Let no collection interrupt: a quarter of the time of tracing, for hardly any garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_no_garbage_collection()
def compile_program(
    network: LaneNetwork,
    program: Program,
    data: StudyData,
    layout: Layout,
    *,
    starts: int,
    seed: int = 0,
    reads: bool = True,
) -> Compiled:
    """Trace a program and let it compile in the background.

    Parameters
    ----------
    network : LaneNetwork
    program : Program
    data : StudyData
    layout : Layout
    starts : int
        How many different initial values the program's runs have.
    seed : int
        Of the noise that robustness is measured with.
    reads : bool
        Whether the runs will be read out.

    Returns
    -------
    Compiled
    """
    mesh = _mesh(layout)
    by_lane = NamedSharding(mesh, PartitionSpec("lanes"))
    everywhere = NamedSharding(mesh, PartitionSpec())
    starts = min(starts, layout.lanes)
    tables = _abstract(data.tables(), everywhere)
    weights, others, slots = _values_of(network)

    trained = layout.shape
    start = jax.eval_shape(partial(start_state, network, program), weights, others, slots)
    lane = empty_record(program)
    advance = jax.jit(
        _over_devices(_advance(network, program), mesh, by_lane=5, alike=3),
        donate_argnums=0,
        compiler_options=_options(network, program, layout.width, data),
    ).lower(
        _abstract(start, by_lane, trained),
        _abstract(lane, by_lane, trained),
        jax.ShapeDtypeStruct(trained, bool, sharding=by_lane),
        jax.ShapeDtypeStruct((mesh.size,), np.int32, sharding=by_lane),
        jax.ShapeDtypeStruct((*trained, layout.chunk, program.rows), np.int32, sharding=by_lane),
        _abstract({"weights": weights, "others": others}, everywhere, (starts,))
        | {"slots": _abstract(slots, everywhere)},
        tables,
        jax.ShapeDtypeStruct((), np.int32, sharding=everywhere),
    )

    lowered = {"advance": advance}
    together = (mesh.size * layout.readers,)
    if reads:

        def reading(members: int) -> Any:
            read = readout(network, program, noise_key=jnp.asarray(seed_key(seed)), members=members)
            several = (members,) if members > 1 else ()
            own: dict[str, Any] = {"split": np.zeros((), np.int32)}
            if several:
                own["shares"] = np.zeros(several, np.float32)
            return jax.jit(
                _over_devices(_each(read, network), mesh, by_lane=3, alike=1),
                compiler_options=_options(network, program, layout.readers, data),
            ).lower(
                _abstract(weights, by_lane, (*together, *several)),
                _abstract(others, by_lane, (*together, *several)),
                _abstract(own, by_lane, together),
                tables,
            )

        lowered["read"] = reading(1)
        if _most_members(program) > 1:
            lowered["read_ensembles"] = reading(_most_members(program))
    if measures(network, program):
        lowered["measure"] = jax.jit(
            _over_devices(_each(measured(network, program), network), mesh, by_lane=4, alike=1),
            compiler_options=_options(network, program, layout.readers, data),
        ).lower(
            _abstract(weights, by_lane, together),
            _abstract(others, by_lane, together),
            _abstract(lane, by_lane, together),
            jax.ShapeDtypeStruct((*together, program.rows), np.int32, sharding=by_lane),
            tables,
        )
    compiled = compile_in_background(lowered)
    return Compiled(network, program, layout, starts, compiled, by_lane, everywhere)


def on_devices(data: StudyData, layout: Layout) -> Tree:
    """Put the rows and the tables of the folds on every device, once for all programs."""
    return jax.device_put(data.tables(), NamedSharding(_mesh(layout), PartitionSpec()))


def _mesh(layout: Layout) -> Mesh:
    return Mesh(np.array(jax.devices()[: layout.devices]), ("lanes",))


def _most_members(program: Program) -> int:
    keeps = [asked.hooks.keep for asked in program.judges]
    return max((keep.most for keep in keeps if keep), default=1)


def _values_of(network: LaneNetwork) -> tuple[list[Any], list[Any], list[Any]]:
    model = network.model
    kinds = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    weights, others, slots = (
        [jax.ShapeDtypeStruct(v.value.shape, v.value.dtype) for v in variables]
        for variables in kinds
    )
    return weights, others, slots


def _start_of(compiled: Compiled) -> Tree:
    return jax.eval_shape(
        partial(start_state, compiled.network, compiled.program), *_values_of(compiled.network)
    )


def _abstract(tree: Tree, sharding: NamedSharding, axes: Sequence[int] = ()) -> Tree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((*axes, *np.shape(leaf)), leaf.dtype, sharding=sharding),
        tree,
    )


def _options(network: LaneNetwork, program: Program, width: int, data: StudyData) -> dict[str, str]:
    classes = max(1, network.head.targets.classes)
    block = min(BLOCK, len(data.targets))
    return compiler_options(width * max(block, program.batch_size * classes))


def _each(function: Callable[..., Any], network: LaneNetwork) -> Callable[..., Any]:
    """Make what one device does with some lanes, and with what they all read."""

    def lanes(*arguments: Tree) -> Tree:
        *own, shared = arguments
        return _each_lane(lambda *one: function(*one, shared), network)(*own)

    return lanes


def _each_lane(function: Callable[..., Any], network: LaneNetwork) -> Callable[..., Any]:
    """Apply a function of one lane to the lanes of a group, together or one after the other."""
    if not network.one_by_one:
        return jax.vmap(function)
    return lambda *lanes: jax.lax.map(lambda lane: function(*lane), lanes)


def _over_devices(
    function: Callable[..., Any], mesh: Mesh, *, by_lane: int, alike: int
) -> Callable[..., Any]:
    lanes, same = PartitionSpec("lanes"), PartitionSpec()
    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=(lanes,) * by_lane + (same,) * alike,
        out_specs=lanes,
        check_vma=False,
    )


def _advance(network: LaneNetwork, program: Program) -> Callable[..., tuple[Tree, Array]]:
    """Make what one device does: some epochs of its filled groups."""
    train = epochs(network, program)

    def lane_epochs(
        state: Tree, lane: Tree, restart: Array, orders: Array, *, starts: Tree, rest: Any
    ) -> tuple[Tree, Array]:
        first = lane["start"]
        fresh = start_state(
            network,
            program,
            [table[first] for table in starts["weights"]],
            [table[first] for table in starts["others"]],
            starts["slots"],
        )
        state = jax.tree.map(lambda new, old: jnp.where(restart, new, old), fresh, state)
        state = train(state, lane, orders, *rest)
        done = [judged["done"].astype(jnp.int32) for judged in state["judged"]]
        return state, jnp.stack([state["epoch"], state["diverged_in"], *done])

    def device(
        state: Tree,
        lane: Tree,
        restart: Array,
        live: Array,
        orders: Array,
        starts: Tree,
        shared: Mapping[str, Any],
        count: Array,
    ) -> tuple[Tree, Array]:
        groups, width = restart.shape
        of_group = _each_lane(partial(lane_epochs, starts=starts, rest=(shared, count)), network)
        signals = jnp.zeros((groups, width, 2 + len(program.judges)), jnp.int32)

        def group(number: Array, carry: tuple[Tree, Array]) -> tuple[Tree, Array]:
            all_groups = (carry[0], lane, restart, orders)
            own = jax.tree.map(lambda leaf: leaf[number], all_groups)
            trained = of_group(*own)
            return jax.tree.map(lambda whole, part: whole.at[number].set(part), carry, trained)

        return jax.lax.fori_loop(0, live[0], group, (state, signals))

    return device
