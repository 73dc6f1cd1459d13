"""Trains the street detector from nothing, on one CPU thread unless told otherwise; started again, it goes on where it stopped.

    python -m training.street.train --work DIR [--steps N]

Writes DIR/street.pt (network, its moving average, optimiser, step) every few minutes and prints what the losses are.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from training.muon import Muon
from training.precision import fastest
from training.street import data, panels
from training.street.cutouts import cutouts
from training.street.loss import Loss
from training.street.net import Street
from training.street.scenes import Scenes
from training.street.traffic import Traffic, backdrops

MOST = 60  # labels of one crop; a crowd's rest is left out
PEAK = 3e-3
WARM = 300  # steps


def batch_of(scenes: Scenes, size: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Crops (b, 3, side, side) 0..255, channels last, and their labels padded to the longest."""
    drawn = [scenes.draw() for _ in range(size)]
    pixels = torch.from_numpy(np.stack([p for p, _ in drawn])).permute(0, 3, 1, 2).float()
    most = max(1, min(MOST, max(len(labels) for _, labels in drawn)))
    kinds = torch.full((size, most), -1, dtype=torch.long)
    boxes, corners = torch.zeros(size, most, 4), torch.full((size, most, 8), float("nan"))
    ignored = torch.zeros(size, most, dtype=torch.bool)
    for row, (_, labels) in enumerate(drawn):
        n = min(len(labels), most)
        kinds[row, :n] = torch.from_numpy(labels.kinds[:n])
        boxes[row, :n] = torch.from_numpy(labels.boxes[:n])
        corners[row, :n] = torch.from_numpy(labels.corners[:n])
        ignored[row, :n] = torch.from_numpy(labels.ignored[:n])
    return pixels, {"kinds": kinds, "boxes": boxes, "corners": corners, "ignored": ignored}


def real_plates(pictures: list[data.Picture]) -> list[np.ndarray]:
    """Plates cut out of training pictures (and Chinese crops) that lie flat enough to be pasted elsewhere."""
    crops = sorted((data.DATA / "plates/train/crops/cn_crops_lprnet/images").glob("*.jpg"))
    found = [cv2.imread(str(path))[..., ::-1] for path in crops if int(path.stem) % 2 == 0][:150]
    for picture in pictures:
        pixels = None
        for thing in picture.things:
            if thing.kind != "plate" or thing.ignored or "cn_" in picture.path:
                continue
            pixels = cv2.imread(str(data.DATA / picture.path))[..., ::-1] if pixels is None else pixels
            left, top, right, bottom = (max(0, round(v)) for v in thing.box)
            if thing.corners:
                quad = np.float32(thing.corners).reshape(4, 2)
                wide, tall = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
                size = 200, max(20, int(200 * tall / wide))
                flat = cv2.getPerspectiveTransform(quad, np.float32([[0, 0], [size[0], 0], [*size], [0, size[1]]]))
                found.append(cv2.warpPerspective(pixels, flat, size))
            elif "ro_detect" in picture.path and right - left >= 70 and (right - left) / (bottom - top) > 3:
                found.append(pixels[top:bottom, left:right])
    return [np.ascontiguousarray(crop) for crop in found if min(crop.shape[:2]) >= 14]


def scenery(labels: Path, side: int, seed: int) -> Scenes:
    """Crops of the training pictures and drawn traffic, with plates drawn plainly, drawn truly, and cut out of other pictures."""
    dice = random.Random(seed)
    pictures = [p for p in data.load(labels) if not p.held_out]
    plain, true, real = [panels.plate(dice) for _ in range(1500)], panels.true(2500, seed), real_plates(pictures)
    print(f"{len(pictures)} pictures; plates: {len(plain)} plain, {len(true)} true, {len(real)} real", flush=True)
    drawn = plain + true
    plates = drawn + real * (1 + len(drawn) // (5 * len(real)))
    traffic = Traffic(backdrops(pictures, seed), plates, seed)
    return Scenes(pictures, plates, side, seed, traffic.draw, cutouts(pictures))


def average(mean: Street, net: Street, step: int) -> None:
    """Moves the mean of the weights a little towards the network's."""
    keep = min(0.998, (1 + step) / (20 + step))
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)


class Pupil:
    """The network in training: its moving average, its optimiser, and its checkpoint, which it goes on from."""

    def __init__(self, place: Path) -> None:
        self.place, self.step = place, 0
        self.net = Street().to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net).requires_grad_(requires_grad=False)
        weights = [p for p in self.net.parameters() if p.ndim >= 2]
        bare = [p for p in self.net.parameters() if p.ndim < 2]
        self.optimiser = Muon(weights, bare, PEAK)
        self.numbers = fastest(torch.device("cpu"))
        if place.exists():
            kept = torch.load(place, weights_only=True)
            for name in ("net", "mean", "optimiser"):
                if name in kept:  # what is carried in training/start has no optimiser, to be small
                    getattr(self, name).load_state_dict(kept[name])
            self.step = kept["step"]

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "mean", "optimiser")}
        torch.save({**state, "step": self.step}, self.place.with_suffix(".new"))
        self.place.with_suffix(".new").replace(self.place)

    def learn(self, loss_of: Loss, pixels: torch.Tensor, targets: dict[str, torch.Tensor], rate: float) -> dict[str, float]:
        """Takes one step; gives the parts of the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.numbers is torch.bfloat16):
            answer = self.net(pixels)
        loss = loss_of(answer, targets)
        self.optimiser.zero_grad(set_to_none=True)
        sum(loss.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimiser.step()
        self.step += 1
        average(self.mean, self.net, self.step)
        return {name: value.item() for name, value in loss.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say = " (default: %(default)s)"
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where caches are kept" + say)
    parser.add_argument("--steps", type=int, default=8000, help="in all; the rate falls over the second half" + say)
    parser.add_argument("--batch", type=int, default=16, help="crops a step" + say)
    parser.add_argument("--side", type=int, default=320, help="pixels of a crop's side" + say)
    parser.add_argument("--seed", type=int, default=3, help="of the weights and of the crops" + say)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads" + say)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(given.seed)
    pupil = Pupil(given.work / "street.pt")
    scenes = scenery(given.work / "labels.jsonl", given.side, given.seed + pupil.step)
    loss_of = Loss(given.side, given.side)
    sums: dict[str, float] = {}
    began = saved = time.monotonic()
    first = pupil.step
    while pupil.step < given.steps:
        rate = PEAK * min(1, (pupil.step + 1) / WARM) * min(1.0, max(0.02, (given.steps - pupil.step) / (0.5 * given.steps)))
        for name, value in pupil.learn(loss_of, *batch_of(scenes, given.batch), rate).items():
            sums[name] = sums.get(name, 0.0) + value
        if pupil.step % 50 == 0:
            pace = (pupil.step - first) * given.batch / (time.monotonic() - began)
            words = " ".join(f"{name} {value / 50:.3f}" for name, value in sums.items())
            print(f"step {pupil.step}/{given.steps} rate {rate:.5f} {words} ({pace:.0f} crops/s)", flush=True)
            sums = {}
        if time.monotonic() - saved > 120 or pupil.step == given.steps:
            saved = time.monotonic()
            pupil.save()


if __name__ == "__main__":
    main()
