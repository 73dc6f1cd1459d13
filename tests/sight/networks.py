"""Small networks with the interfaces of our weights, made here: the real ones are measured, these are understood.

`street` finds what is painted: every pure block of 8 x 8 pixels of its input is one thing, blue a vehicle that reaches 20 px
further to each side, green a person, red a plate. `plate` says what it was made to say, whatever it sees. A `sin` makes either
break its family's promise.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from clearway import plates
from clearway.sight.network import Weights

STEPS = 40
# Old enough for the oldest ONNX Runtime that pyproject.toml allows.
OPSET, FORMAT = 17, 9


def weights(path: Path) -> Weights:
    """The file as it is now."""
    return Weights(path, hashlib.sha256(path.read_bytes()).hexdigest())


class _Graph:
    """A network under construction: each call adds an operation and names what it gives."""

    def __init__(self, **inputs: tuple[Sequence[int | str], int]) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs = [helper.make_tensor_value_info(name, kind, shape) for name, (shape, kind) in inputs.items()]

    def constant(self, value: NDArray[np.generic] | Sequence[int] | float) -> str:
        name = f"constant{len(self._constants)}"
        made = np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
        self._constants.append(numpy_helper.from_array(made, name))
        return name

    def __call__(self, operation: str, *takes: str, gives: str = "", **options: Any) -> str:
        name = gives or f"{operation}{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, takes, [name], **options))
        return name

    def save(self, path: Path, says: Mapping[str, str], **outputs: Sequence[int | str]) -> Weights:
        gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        graph = helper.make_graph(self._nodes, "small", self._inputs, gives, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
        helper.set_model_props(model, dict(says))
        onnx.save(model, str(path))
        return weights(path)


def street(path: Path, sin: str = "") -> Weights:
    """Weights of the family clearway-street that see colours."""
    channels = 4 if sin == "four channels" else 3
    do = _Graph(pixels=((1, channels, "height", "width"), TensorProto.FLOAT))
    colours = np.zeros((5, channels, 1, 1), np.float32)
    colours[[0, 2, 4], :3, 0, 0] = ((-1, -1, 1), (-1, 1, -1), (1, -1, -1))
    cells = do("AveragePool", "pixels", kernel_shape=[8, 8], strides=[8, 8])
    stands_out = do("Clip", do("Conv", cells, do.constant(colours)), do.constant(0.0), do.constant(255.0))
    p = do("Div", stands_out, do.constant(255.0))
    blue = do("Slice", p, do.constant([0]), do.constant([1]), do.constant([1]))
    ones = do("Add", do("Mul", blue, do.constant(0.0)), do.constant(1.0))
    reach = do("Mul", blue, do.constant(20.0))
    low, high = [], []
    for axis in (3, 2):
        end = do("Mul", do("CumSum", ones, do.constant(np.array(axis))), do.constant(8.0))
        low.append(do("Sub", do("Sub", end, do.constant(8.0)), reach))
        high.append(do("Add", end, reach))
    (left, top), (right, bottom) = low, high
    maps = {
        "boxes": (do("Concat", left, top, right, bottom, axis=1), 4),
        "scores": (p, 512 if sin == "an embedding called scores" else 5),
        "corners": (do("Concat", left, top, right, top, right, bottom, left, bottom, axis=1), 8),
    }
    outputs: dict[str, Sequence[int | str]] = {}
    for name, (made, width) in maps.items():
        by_cell = do("Transpose", made, perm=[0, 2, 3, 1])
        wider = sin in ("wider than announced", "a side left open") and name == "scores"
        rows = do("Reshape", by_cell, do.constant([1, -1, width]), gives="" if wider else name)
        if wider:
            channel_count = do("Gather", do("Shape", "pixels"), do.constant([1]))
            do("Tile", rows, do("Concat", do.constant([1, 1]), channel_count, axis=0), gives=name)
        outputs[name] = (1, "n", "m" if sin == "a side left open" and name == "scores" else width)
    if sin == "an embedding":
        do("GlobalAveragePool", cells, gives="embedding")
        outputs["embedding"] = (1, 3, 1, 1)
    if sin == "no corners":
        del outputs["corners"]
    return do.save(path, {}, **outputs)


def plate(
    path: Path,
    lanes: tuple[str, str, str] = ("AB12CDE", "", ""),
    *,
    p: float = 0.99,
    p_whole: float = 0.95,
    p_region: tuple[float, ...] = (0.1, 0.9),
    says: Mapping[str, str] = MappingProxyType({}),
) -> Weights:
    """Weights of the family clearway-plate that read these lanes in every plate; `says` replaces what the file says of itself."""
    do = _Graph(plates=(("n", 3, 48, 160), TensorProto.FLOAT))
    nothing = do("Mul", do("ReduceMean", "plates", axes=[1, 2, 3], keepdims=1), do.constant(0.0))
    row_of_nothing = do("Reshape", nothing, do.constant([-1, 1]))
    do("Add", nothing, do.constant(np.log(spikes(lanes, p)).astype(np.float32)[None]), gives="characters")
    do("Add", row_of_nothing, do.constant(np.array([p_region], np.float32)), gives="region")
    do("Add", row_of_nothing, do.constant(np.array([[p_whole]], np.float32)), gives="legibility")
    said = {"alphabet": plates.ALPHABET, "regions": "unknown GB", "temperature": "1.0"} | dict(says)
    outputs = {"characters": ("n", 3, STEPS, 1 + len(plates.ALPHABET)), "region": ("n", len(p_region)), "legibility": ("n", 1)}
    return do.save(path, {name: value for name, value in said.items() if value}, **outputs)


def spikes(lanes: Sequence[str], p: float = 0.99) -> NDArray[np.float64]:
    """Probabilities (lanes, 40, 110) that spell these texts: every third step a character with p, blanks between."""
    made = np.full((len(lanes), STEPS, 1 + len(plates.ALPHABET)), 1e-6)
    made[:, :, 0] = 1.0
    for lane, text in zip(made, lanes, strict=True):
        for place, character in enumerate(text):
            lane[2 + 3 * place, 0], lane[2 + 3 * place, 1 + plates.PLACE[character]] = 1.0 - p, p
    return np.asarray(made / made.sum(axis=2, keepdims=True))
