"""Writes the trained detector as the ONNX file that the package carries.

    python -m training.street.export --work DIR [--to src/clearway/sight/weights/street.onnx]

Input `pixels` (1, 3, h, w), RGB 0..255, sides multiples of 32. Outputs, and no others: `boxes` (1, n, 4) left, top, right,
bottom, `scores` (1, n, 5) probabilities of vehicle, two_wheeler, person, face, plate, `corners` (1, n, 8) of a plate, clockwise
from its top left; all in pixels of the input. Boxes overlap: whoever reads them suppresses all but the best.

The convolutions of the body are written in 8-bit numbers, whose ranges are those met on pictures of the training half; the last
ones, which say places and probabilities, stay as they are, and so does the first: of three channels it took a third of a look's
time in 8-bit numbers. That more than halves the time of a look and makes the file a third as large.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from training.street import data
from training.street.label import session
from training.street.net import CLASSES, SCALE, Street

WEIGHTS = Path("src/clearway/sight/weights/street.onnx")
OUTPUTS = ("boxes", "scores", "corners")
# The parts of the network that are written in 8-bit numbers, and how many pictures tell their ranges.
IN_8_BITS = ("/stem/stem.1", "/eighth", "/sixteenth", "/last", "/sides", "/smooth", "/head/judge", "/head/measure")
RANGES_FROM, SEED = 64, 5


class Shipped(nn.Module):
    """The network with probabilities in the place of logits, and the scale of its input folded into its first weights."""

    def __init__(self, net: Street) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        with torch.no_grad():
            self.net.stem[0][0].weight *= SCALE

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        boxes, logits, corners = self.net.read(pixels)
        return boxes, logits.sigmoid(), corners


def trained(path: Path) -> tuple[Street, int]:
    """The moving average of the weights in a checkpoint, and how many steps made it."""
    kept = torch.load(path, weights_only=True)
    net = Street()
    net.load_state_dict(kept["mean"])
    return net.eval(), kept["step"]


class Seen(CalibrationDataReader):
    """Training pictures as the detector looks at them, 640 x 384."""

    def __init__(self, pictures: list[data.Picture]) -> None:
        self._left = self._all(random.Random(SEED).sample([p for p in pictures if not p.held_out], RANGES_FROM))

    def _all(self, pictures: list[data.Picture]) -> Iterator[dict[str, np.ndarray]]:
        for picture in pictures:
            pixels = cv2.imread(str(data.DATA / picture.path))[..., ::-1]
            scale = min(640 / pixels.shape[1], 384 / pixels.shape[0])
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:384, :640]
            whole = np.full((1, 3, 384, 640), 114, np.float32)
            whole[0, :, : small.shape[0], : small.shape[1]] = small.transpose(2, 0, 1)
            yield {"pixels": whole}

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)


def in_8_bits(exact: Path, to: Path, pictures: list[data.Picture]) -> None:
    """Writes the network at `exact` with the convolutions of its body in 8-bit numbers."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(exact), str(prepared), skip_symbolic_shape=True)
        names = [node.name for node in onnx.load(str(prepared)).graph.node]
        quantize_static(
            str(prepared),
            str(to),
            Seen(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,  # weights of 7 bits: processors without VNNI overflow with 8
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add", "Relu", "Resize", "Concat"],
            nodes_to_exclude=[name for name in names if not name.startswith(IN_8_BITS)],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where the checkpoint is (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=WEIGHTS, help="the file to write (default: %(default)s)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    net, step = trained(given.work / "street.pt")
    shipped = Shipped(net).eval()
    example = torch.rand(1, 3, 384, 640) * 255
    given.to.parent.mkdir(parents=True, exist_ok=True)
    exact = given.work / "street.onnx"
    free = {"pixels": {2: "height", 3: "width"}, **{name: {1: "cells"} for name in OUTPUTS}}
    torch.onnx.export(
        shipped,
        (example,),
        str(exact),
        input_names=["pixels"],
        output_names=list(OUTPUTS),
        dynamic_axes=free,
        opset_version=17,
        dynamo=False,
    )
    for side in ((384, 640), (256, 320)):  # the file must say what the network says, at another size too
        pixels = torch.rand(1, 3, *side) * 255
        with torch.no_grad():
            boxes, logits, corners = net(pixels)
            wanted = boxes, logits.sigmoid(), corners
        answer = session(exact).run(list(OUTPUTS), {"pixels": pixels.numpy()})
        apart = max(float(np.abs(a - w.numpy()).max()) for a, w in zip(answer, wanted, strict=True))
        assert apart < 0.05, f"the exported file differs by {apart}"
    in_8_bits(exact, given.to, data.load(given.work / "labels.jsonl"))
    graph = onnx.load(str(given.to))
    for key, value in {"classes": ",".join(CLASSES), "steps": str(step), "made_by": "training.street"}.items():
        graph.metadata_props.add(key=key, value=value)
    # the door that opens the weights wants every side stated but the number of cells
    for output, width in zip(graph.graph.output, (4, len(CLASSES), 8), strict=True):
        sides = output.type.tensor_type.shape.dim
        sides[0].dim_value, sides[1].dim_param, sides[2].dim_value = 1, "cells", width
    onnx.checker.check_model(graph)
    onnx.save(graph, str(given.to))
    body = given.to.read_bytes()
    print(f"{given.to}: step {step}, {len(body) / 1e6:.2f} MB, sha256 {hashlib.sha256(body).hexdigest()}")


if __name__ == "__main__":
    main()
