"""The card that goes with the detector's weights: what they are, what they learnt from, how they were made, how good they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx

from clearway.sight.street import P_MIN

CARD = """# The street detector, `street.onnx`

Finds five things in one picture: {classes}.
A plate comes with its four corners. Faces are found only to be hidden: there is no
output, here or inside, by which a face or a person could be told from another one.

- **In**: `pixels` (1, 3, h, w), float32, RGB, 0 to 255, sides multiples of 32. A 720p frame is looked at as 640 x 384
  (640 x 360 and a grey rest) and once more, for what nearly fills it, as 224 x 128.
- **Out**: `boxes` (1, n, 4) left, top, right, bottom; `scores` (1, n, {count}) probabilities in the order above; `corners`
  (1, n, 8) of a plate, clockwise from its top left; all in pixels of the input. Boxes overlap; of those of one class that
  share more than half (IoU 0.5) the best is meant.
- **Network**: {parameters:.2f} M parameters, dense 3 x 3 convolutions, strides 8, 16 and 32.
  The body is in 8-bit numbers, whose ranges come from 64 training pictures. {megabytes:.2f} MB.
- **sha256** `{digest}`
- **Thresholds** that we chose on the held-out pictures: {thresholds}. A
  face's box is grown by {margin:.0%} of its width and height on each side before it is hidden.

## Made by

Trained from nothing, {steps} steps of 16 crops of 320 x 320 pixels, seed 3, on one CPU thread. The recipe was mended on the
way, so it took several starts, each from where the last one stopped:

```sh
{commands}
```

## Learnt from

| source | what | licence |
|---|---|---|
| RobertLucian/license-plate-dataset @f00f309e | 126 dashcam pictures, Romania, plates | MIT |
| chirag-agrawal24/ANPR @66862c58 | 350 pictures, mostly US, plates | MIT |
| claudiojung/iwpod-net @8cb667e5 | 36 pictures, plates with corners | MIT |
| liuruoze/EasyPR @a0a9f3c3 | 65 pictures, China, plates (even numbers) | Apache-2.0 |
| sirius-ai/LPRNet_Pytorch @7c976664 | 150 cut-out plates, pasted into scenes | Apache-2.0 |
| Face Mask Detection | 320 pictures of people, faces | CC0-1.0 |
| drawn by us (`training/street/panels.py`, `training/plates`) | plates of every shape, and panels that are none | ours |
| drawn by us (`training/street/traffic.py`) | traffic from poles and dashboards: vehicles, two-wheelers, persons, plates | ours |

Labels that did not come with the pictures were made by NanoDet-Plus-m (Apache-2.0; vehicles, two-wheelers, persons), YuNet
(Apache-2.0; faces) and the detector of fast-alpr (MIT; plates) looking at these same pictures; none of their weights are in here.

## How good

On pictures of the same sources that were kept out of training (`training/split.py`), never on the sets that Clearway publishes
figures of:

{figures}

## Limits

- Some nine hundred pictures of few countries: what no source showed (snow, lorries from above, tuk-tuks) is found by luck.
- Two-wheelers are the weakest class: nine sure examples in all, and hardly any is found.
- What is wider than about 300 pixels of the input is missed: that is what the look at the small copy is for.
- Text in a frame (signs, name badges, captions) is taken for a plate too often; the reader has to refuse it.
- Vehicles, two-wheelers and persons are as good as the teacher that labelled them at best.
- A thing under about 10 pixels of the input (20 of a 720p frame) is not reliably seen; look closer where that matters.
"""


def card(weights: Path, figures: str, margin: float, commands: str) -> str:
    """The card, in Markdown."""
    graph = onnx.load(str(weights))
    about = {entry.key: entry.value for entry in graph.metadata_props}
    body = weights.read_bytes()
    sizes = [tensor.dims for tensor in graph.graph.initializer if len(tensor.dims) == 4]  # also those in 8-bit numbers
    parameters = sum(a * b * c * d for a, b, c, d in sizes)
    classes = about["classes"].split(",")
    return CARD.format(
        classes=", ".join(classes),
        count=len(classes),
        parameters=parameters / 1e6,
        megabytes=len(body) / 1e6,
        thresholds=", ".join(f"{kind.value} {p}" for kind, p in P_MIN.items()),
        digest=hashlib.sha256(body).hexdigest(),
        margin=margin,
        steps=about["steps"],
        commands=commands,
        figures=figures,
    )
