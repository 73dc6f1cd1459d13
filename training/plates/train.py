"""Trains the plate reader on drawn plates and the real ones that may be learnt from.

    python -m training.plates.train --work training/work --steps 16000

Writes WORK/plates/reader.pt every few minutes and goes on from it when started again. Runs on the CPU or on a GPU, in bfloat16
where that is faster.
"""

import argparse
import math
import time
from collections import deque
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from training.muon import Muon
from training.plates.camera import Crop, filmed, nothing
from training.plates.grounds import grounds, lookalikes
from training.plates.model import LANES, PLACE, STEPS, Reader, trained
from training.plates.real import real_plates, shuffled, struck
from training.plates.render import REGIONS, Drawn, draw
from training.precision import fastest

KEPT, TIMES_SEEN = 6000, 5
NOTHING_SHARE, REAL_SHARE = 0.07, 0.22
# Of the real ones so many come with their characters in another order, once there is a reader that knows where they stand.
SHUFFLED_SHARE = 0.6


class Crops(torch.utils.data.IterableDataset):
    """Batches without end: drawn plates, each filmed a few times, real ones, and a few that are none."""

    def __init__(self, work: Path, batch: int, seed: int) -> None:
        self._work, self._batch, self._seed = work, batch, seed

    def __iter__(self):
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        dice = np.random.default_rng([self._seed, worker.id if worker else 0])
        around, near = grounds(), lookalikes(self._work / "plates/lookalikes.jsonl")
        real = list(real_plates(self._work, held=False).values())
        checkpoint = self._work / "plates/reader.pt"
        if checkpoint.is_file():
            reader = trained(checkpoint)
            real = [struck(reader, alike) for alike in real]
        # A small set is seen more often than its size says (one of them knows one province), a large one than the others.
        share = np.sqrt([len(alike) for alike in real])
        kept: deque[Drawn] = deque(maxlen=KEPT)
        debt = 0.0
        while True:
            crops = []
            while len(crops) < self._batch:
                debt += 1 / TIMES_SEEN
                if debt >= 1 or len(kept) < 64:
                    kept.append(draw(dice))
                    debt -= 1
                kind = dice.random()
                if kind < NOTHING_SHARE:
                    crops.append(nothing(dice, around, near))
                elif kind < NOTHING_SHARE + REAL_SHARE and real:
                    alike = real[int(dice.choice(len(real), p=share / share.sum()))]
                    plate = alike[int(dice.integers(len(alike)))]
                    crops.append(filmed(shuffled(plate, dice) if dice.random() < SHUFFLED_SHARE else plate, dice, around))
                else:
                    crops.append(filmed(kept[int(dice.integers(len(kept)))], dice, around))
            yield collate(crops)


def collate(crops: list[Crop]) -> dict[str, torch.Tensor]:
    """Tensors of one batch. A crop without a text to learn has `lengths` -1; a region not known has -1."""
    texts, lengths = [], np.full((len(crops), LANES), -1, np.int64)
    for n, crop in enumerate(crops):
        if crop.lines is None:
            continue
        lanes = (crop.lines[0], "", "") if len(crop.lines) == 1 else ("", *crop.lines)
        lengths[n] = [len(lane) for lane in lanes]
        texts += [PLACE[c] for lane in lanes for c in lane]
    return {
        "pixels": torch.from_numpy(np.stack([crop.pixels for crop in crops])),
        "texts": torch.tensor(texts, dtype=torch.long),
        "lengths": torch.from_numpy(lengths),
        "regions": torch.tensor([REGIONS.index(crop.region) if crop.region else -1 for crop in crops]),
        "legible": torch.tensor([float(crop.legible) for crop in crops]),
    }


def losses(outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The three losses: characters, region, legibility."""
    characters, region, legible = (o.float() for o in outputs)
    told = batch["lengths"][:, 0] >= 0
    logs = functional.log_softmax(characters[told], dim=-1).flatten(0, 1).transpose(0, 1)
    lengths = batch["lengths"][told].flatten()
    steps = torch.full_like(lengths, STEPS)
    read = functional.ctc_loss(logs, batch["texts"], steps, lengths, reduction="sum", zero_infinity=True) / max(
        1, int(told.sum())
    )
    known = batch["regions"] >= 0
    where = functional.cross_entropy(region[known], batch["regions"][known], label_smoothing=0.05)
    whole = functional.binary_cross_entropy_with_logits(legible[:, 0], batch["legible"])
    return read, where, whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--steps", type=int, default=16000, help="of the whole training, also when it goes on")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20261125)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(given.seed)
    reader = Reader().to(device, memory_format=torch.channels_last)
    averaged = torch.optim.swa_utils.AveragedModel(
        reader, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999), use_buffers=True
    )
    decayed = [p for p in reader.parameters() if p.ndim > 1]
    plain = [p for p in reader.parameters() if p.ndim <= 1]
    optimiser = Muon(decayed, plain, given.rate)
    path, step, began_at = given.work / "plates/reader.pt", 0, 0
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        saved = torch.load(path, map_location=device)
        averaged.load_state_dict(saved["averaged"])
        step = saved["step"]
        if "optimiser" in saved:
            reader.load_state_dict(saved["reader"])
            optimiser.load_state_dict(saved["optimiser"])
            began_at = saved.get("began_at", 0)
        else:  # what is carried in training/start is the mean alone, to be small: from there the rate rises and falls anew
            reader.load_state_dict(averaged.module.state_dict())
            began_at = step
        print(f"goes on from step {step}", flush=True)
        if step >= given.steps:
            parser.error(f"{path} has {step} steps already, and --steps counts them too: give more")
    data = torch.utils.data.DataLoader(
        Crops(given.work, given.batch, given.seed + step), batch_size=None, num_workers=given.workers, prefetch_factor=4
    )
    numbers = fastest(device)
    print(f"learns in {numbers}", flush=True)
    began, since, sums = time.time(), step, np.zeros(3)
    saved_at = time.time()
    for gathered in data:
        batch = {name: tensor.to(device) for name, tensor in gathered.items()}
        share = (step - began_at) / (given.steps - began_at)
        rate = given.rate * min(1.0, (step - began_at + 1) / 300) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        pixels = batch["pixels"].permute(0, 3, 1, 2).float()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=numbers is torch.bfloat16):
            outputs = reader(pixels)
        read, where, whole = losses(outputs, batch)
        optimiser.zero_grad(set_to_none=True)
        (read / 4 + 0.2 * where + 0.5 * whole).backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimiser.step()
        averaged.update_parameters(reader)
        step += 1
        sums += [read.item(), where.item(), whole.item()]
        if step % 100 == 0:
            speed = (step - since) * given.batch / (time.time() - began)
            shown = " ".join(f"{name} {value / 100:.3f}" for name, value in zip(("read", "region", "legible"), sums, strict=True))
            print(f"step {step}/{given.steps} rate {rate:.5f} {shown} {speed:.0f} crops/s", flush=True)
            sums[:] = 0
        if time.time() - saved_at > 180 or step >= given.steps:
            parts = {
                "reader": reader.state_dict(),
                "averaged": averaged.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "began_at": began_at,
            }
            torch.save(parts, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)
            saved_at = time.time()
        if step >= given.steps:
            break


if __name__ == "__main__":
    main()
