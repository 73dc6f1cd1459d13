"""Writes the reader as ONNX with its card: WEIGHTS/plate.onnx and WEIGHTS/plate.md.

    python -m training.plates.export --work training/work --to src/clearway/sight/weights

The card says what the weights were trained on, with the licences, how, and how well they do on the held-out parts.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.plates.camera import HEIGHT_PX, WIDTH_PX
from training.plates.measure import measured
from training.plates.model import ALPHABET, Reader, trained
from training.plates.render import REGIONS


class _Shipped(nn.Module):
    """The reader with probabilities where it had logits. What comes out is all that may: characters, region, legibility."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, plates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        characters, region, legible = self.reader(plates)
        return characters.log_softmax(-1), region.softmax(-1), legible.sigmoid()


def write(reader: Reader, path: Path, says: dict[str, str]) -> None:
    """One ONNX file, checked against the network that it came from."""
    shipped = _Shipped(reader).eval()
    sample = torch.rand(2, 3, HEIGHT_PX, WIDTH_PX) * 255
    names = ["characters", "region", "legibility"]
    torch.onnx.export(
        shipped, (sample,), str(path), input_names=["plates"], output_names=names, opset_version=17, dynamo=False,
        dynamic_axes={name: {0: "n"} for name in ("plates", *names)},
    )  # fmt: skip
    network = onnx.load(path)
    for key, value in says.items():
        network.metadata_props.add(key=key, value=value)
    onnx.save(network, path)
    with torch.inference_mode():
        wanted = [t.numpy() for t in shipped(sample)]
    given = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"plates": sample.numpy()})
    for one, other in zip(wanted, given, strict=True):
        assert np.abs(one - other).max() < 2e-2, "the exported network reads as the trained one does"


CARD = """\
# plate.onnx: the plate reader

Reads one rectified plate of one or two lines: Latin letters and digits, the Chinese characters of plates, Persian and Arabic
letters and digits. Three outputs and no other: log-probabilities of characters (n, 3 lanes, 40 steps, 110 classes),
probabilities of {regions} regions, the first of them "unknown", and the probability that the plate is whole and legible.

sha256: {sha256}

- {size} bytes, {parameters} parameters
- trained for {steps} steps with `{command}`
- exported with `python -m training.plates.export`; temperature {temperature}, found on the held-out parts

## Trained on

| source | what | licence |
|---|---|---|
| `training/plates/render.py` | plates drawn afresh, about seven in ten | ours, Apache-2.0 |
| Debian's `wamerican` (SCOWL) | English words, for what Americans wish for | SCOWL's own, free for any use |
| typefaces of `@fontsource/*`, fonts-opendin, -routed-gothic, -liberation, -noto-cjk | glyphs | OFL-1.1 |
| `shabnam-`, `sahel-`, `samim-`, `parastoo-`, `gandom-font`; `tanha-`, `nahid-font` | glyphs | OFL-1.1; public domain |
| fonts-roadgeek; fonts-droid-fallback; fonts-dejavu | glyphs | MIT; Apache-2.0; Bitstream Vera |
| `train/crops/cn_crops_lprnet` | Chinese plates with texts | Apache-2.0 |
| `train/scenes/cn_easypr` | Chinese plates with texts | Apache-2.0 |
| `train/boxes/ro_detect`, `roboflow_mixed_detect`, `corners_iwpod` | plates read alike by two of three readers, or by eye | MIT |

Less the pictures that `training/split.py` holds out. Nothing from `plates/measure` or the clips took part in training,
in choosing fonts or in finding the temperature.

## On what was held out

| kind | plates | wholly right | characters right |
|---|---|---|---|
{figures}

Real kinds are few and were labelled by two machines that agree, so they are easier than the road. The figures that count are in
`docs/performance.md`.

## Limits

Arabic plates were never seen but drawn. A plate covered by something of its own colour may be taken for whole. No person or
face is in what comes out of this file.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--to", type=Path, default=Path("src/clearway/sight/weights"))
    parser.add_argument("--command", required=True, help="the command that trained the weights, for the card")
    given = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = given.work / "plates/reader.pt"
    reader, steps = trained(checkpoint), torch.load(checkpoint, map_location="cpu")["step"]
    lines, best = measured(reader, given.work)
    given.to.mkdir(parents=True, exist_ok=True)
    path = given.to / "plate.onnx"
    write(reader, path, {"alphabet": ALPHABET, "regions": " ".join(REGIONS), "temperature": str(best), "card": "plate.md"})
    data = path.read_bytes()
    card = CARD.format(
        regions=len(REGIONS), sha256=hashlib.sha256(data).hexdigest(), size=f"{len(data):,}", steps=f"{steps:,}",
        command=given.command,
        parameters=f"{sum(p.numel() for p in reader.parameters()):,}", temperature=best,
        figures="\n".join(f"| {r['kind']} | {r['plates']} | {r['whole']:.1%} | {r['characters']:.1%} |" for r in lines),
    )  # fmt: skip
    (given.to / "plate.md").write_text(card, encoding="utf-8")
    print(json.dumps({"file": str(path), "bytes": len(data), "temperature": best}))


if __name__ == "__main__":
    main()
