"""Where in a checkpoint the weights lie, and what it says about its network. No torch.

People save a state dict, a mapping that holds one among other things, a whole module, or a script module; the
pickle of each is data here (see `unpickle`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vqanim.models.pickled import MAX_NAME, ArrayRef, StandIn, TensorRef, Unreadable
from vqanim.models.unpickle import as_mapping

CONTAINERS = """state_dict model_state_dict model_state params_ema params model generator net net_g weights
    module network ema vqgan vqmodel autoencoder first_stage_model G_ema G""".split()
"""Keys under which programs for training keep the weights, the likeliest first."""
SETTINGS = ("hyper_parameters", "hparams", "config", "cfg", "opt", "args")
"""Keys under which they keep the settings of the network."""

MAX_VISITS = 200_000
"""Things that are looked at; the largest official TorchScript archive has some ten thousand."""
MAX_ITEMS = 8
"""Of a list that is the whole checkpoint."""
MAX_DEPTH = 32
"""Of settings."""


def find_state_dicts(top: Any) -> Iterator[dict[str, TensorRef]]:
    """Tensors by name, from each place where the weights may be, the likeliest first; none is empty.

    Last comes all that can be reached, each tensor named by the whole way to it.
    Raises Unreadable for a structure without end.
    """
    if isinstance(top, list | tuple):  # such as weights and the state of an optimizer
        for item in top[:MAX_ITEMS]:
            if not isinstance(item, list | tuple):
                yield from find_state_dicts(item)
        return
    inside = entries(top)
    for key in CONTAINERS if isinstance(top, dict) else ():
        if key in inside and (found := _tensors(inside[key])):
            yield found
    if found := _tensors(top):
        yield found


def find_settings(top: Any) -> Iterator[Any]:
    """What a checkpoint says about its network, as plain data."""
    inside = entries(top)
    for key in SETTINGS:
        if isinstance(value := plain(inside.get(key)), Mapping):
            yield value


def find_attributes(top: Any) -> Iterator[dict[str, Any]]:
    """Plain attributes of whole modules, by the way to each, such as `synthesis.b4.conv1.conv_clamp`; in the
    order of `find_state_dicts`.

    What a network was made with stands under `_init_kwargs`, where NVIDIA's persistence wrote it.
    """
    inside = entries(top)
    for module in (*(inside.get(key) for key in CONTAINERS), top):
        if found := _attributes(module):
            yield found


def _attributes(module: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting, met = [("", module)], set[int]()
    while waiting:
        prefix, here = waiting.pop()
        state = here.state if isinstance(here, StandIn) and isinstance(here.state, dict) else {}
        if "_modules" not in state or id(here) in met or len(prefix) > MAX_NAME:
            continue
        met.add(id(here))
        if len(met) > MAX_VISITS:
            raise Unreadable(f"its modules are too many, more than {MAX_VISITS:,}")
        for name, value in state.items():
            if isinstance(name, str) and (value is None or isinstance(value, str | int | float)):
                found[f"{prefix}{name}"] = value
        if not prefix and "_init_kwargs" in state:
            found["_init_kwargs"] = plain(state["_init_kwargs"])
        waiting += [(f"{prefix}{name}.", part) for name, part in as_mapping(state["_modules"]).items()]
    return found


def entries(thing: Any) -> Mapping[Any, Any]:
    """What can be reached by name from a mapping, a module (of which only weights count) or an object."""
    if isinstance(thing, dict):
        return thing
    if not isinstance(thing, StandIn):
        return {}
    state = thing.state if isinstance(thing.state, dict) else {}
    parts = [state.get(key) for key in ("_parameters", "_buffers", "_modules")]
    if any(isinstance(part, dict) for part in parts):
        passing = _members(state.get("_non_persistent_buffers_set"))
        inside = {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}
        return {name: value for name, value in inside.items() if name not in passing}
    return {**state, **(thing.items or {})}


def _members(found: Any) -> frozenset[str]:
    items = found.state if isinstance(found, StandIn) else ()
    return (
        frozenset(item for item in items if isinstance(item, str)) if isinstance(items, list) else frozenset()
    )


def _tensors(top: Any) -> dict[str, TensorRef]:
    found: dict[str, TensorRef] = {}
    waiting: list[tuple[str, Any, frozenset[int]]] = [("", top, frozenset())]
    visited = 0
    while waiting:
        prefix, here, above = waiting.pop()
        for name, value in entries(here).items():
            visited += 1
            if visited > MAX_VISITS:
                raise Unreadable(f"its modules are too many, more than {MAX_VISITS:,}")
            if not isinstance(name, str) or id(value) in above:
                continue
            if len(prefix) + len(name) > MAX_NAME:
                raise Unreadable("its modules are nested too deep")
            if isinstance(value, ArrayRef):
                value = value.tensor
            if isinstance(value, TensorRef):
                found[f"{prefix}{name}"] = value
            elif isinstance(value, StandIn | dict):
                waiting.append((f"{prefix}{name}.", value, above | {id(here)}))
    return found


def plain(value: Any) -> Any:
    """Settings as mappings, lists and values: namespaces and containers of omegaconf are opened.

    What is none of these becomes None. Raises Unreadable for settings that are nested too deep.
    """
    return _plain(value, {}, 0)


def _plain(value: Any, known: dict[int, Any], depth: int) -> Any:
    """known: what things became that were met before, so that shared ones are opened once."""
    if not isinstance(value, StandIn | dict | list | tuple):
        return value if isinstance(value, str | int | float) else None
    if depth > MAX_DEPTH:
        raise Unreadable(f"its settings are nested more than {MAX_DEPTH} deep")
    if id(value) not in known:
        known[id(value)] = None  # for settings that hold themselves
        known[id(value)] = _opened(value, known, depth + 1)
    return known[id(value)]


def _opened(value: Any, known: dict[int, Any], depth: int) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, known, depth) for item in value]
    if isinstance(value, StandIn):
        state = value.state if isinstance(value.state, dict) else {}
        for key in ("_content", "_val"):  # of omegaconf's containers and values
            if key in state:
                return _plain(state[key], known, depth)
    return {key: _plain(item, known, depth) for key, item in entries(value).items() if isinstance(key, str)}
