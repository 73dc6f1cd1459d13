"""Writes the trained detector as the ONNX file that the package carries.

    python -m training.street.export --work DIR [--to src/clearway/sight/weights/street.onnx]

Input `pixels` (1, 3, h, w), RGB 0..255, sides multiples of 32. Outputs, and no others: `boxes` (1, n, 4) left, top, right,
bottom, `scores` (1, n, 5) probabilities of vehicle, two_wheeler, person, face, plate, `corners` (1, n, 8) of a plate, clockwise
from its top left; all in pixels of the input. Boxes overlap: whoever reads them suppresses all but the best.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from training.street.label import session
from training.street.net import CLASSES, SCALE, Street

WEIGHTS = Path("src/clearway/sight/weights/street.onnx")
OUTPUTS = ("boxes", "scores", "corners")


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
    free = {"pixels": {2: "height", 3: "width"}, **{name: {1: "cells"} for name in OUTPUTS}}
    torch.onnx.export(
        shipped,
        (example,),
        str(given.to),
        input_names=["pixels"],
        output_names=list(OUTPUTS),
        dynamic_axes=free,
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(str(given.to))
    for key, value in {"classes": ",".join(CLASSES), "steps": str(step), "made_by": "training.street"}.items():
        graph.metadata_props.add(key=key, value=value)
    # the door that opens the weights wants every side stated but the number of cells
    for output, width in zip(graph.graph.output, (4, len(CLASSES), 8), strict=True):
        sides = output.type.tensor_type.shape.dim
        sides[0].dim_value, sides[1].dim_param, sides[2].dim_value = 1, "cells", width
    onnx.checker.check_model(graph)
    onnx.save(graph, str(given.to))
    # the file must say what the network says, at another size too
    for side in ((384, 640), (256, 320)):
        pixels = torch.rand(1, 3, *side) * 255
        with torch.no_grad():
            boxes, logits, corners = net(pixels)
            wanted = boxes, logits.sigmoid(), corners
        answer = session(given.to).run(list(OUTPUTS), {"pixels": pixels.numpy()})
        apart = max(float(np.abs(a - w.numpy()).max()) for a, w in zip(answer, wanted, strict=True))
        assert apart < 0.05, f"the exported file differs by {apart}"
    body = given.to.read_bytes()
    print(f"{given.to}: step {step}, {len(body) / 1e6:.2f} MB, sha256 {hashlib.sha256(body).hexdigest()}")


if __name__ == "__main__":
    main()
