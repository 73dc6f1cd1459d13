"""How well the reader does on what it was not trained on, by kind; finds its temperature; tells it nothing of the measuring sets.

    python -m training.plates.measure --work training/work          the last checkpoint

Drawn plates come from another seed; real ones are the held-out parts (training/README.md). One line a kind: plates, share wholly
right, share of characters right, legibility. The temperature is the one that makes the real and drawn characters likeliest.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from clearway.testing.score import edits
from training.plates.camera import filmed
from training.plates.grounds import grounds
from training.plates.model import ALPHABET, LANES, Reader, trained
from training.plates.real import as_seen, real_plates
from training.plates.render import REGIONS, Pixels, draw

DRAWN, SEED = 2000, 7


def spelled(lanes: np.ndarray) -> str:
    """CTC's best path over (lanes, steps, classes)."""
    text = ""
    for lane in lanes:
        best = lane.argmax(axis=1)
        text += "".join(ALPHABET[c - 1] for c, before in zip(best, [0, *best[:-1]], strict=True) if c and c != before)
    return text


def read_all(reader: Reader, crops: list[Pixels]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-probabilities (n, lanes, steps, classes), region logits and legibility."""
    outputs: list[list[np.ndarray]] = [[], [], []]
    with torch.inference_mode():
        for start in range(0, len(crops), 100):
            pixels = torch.from_numpy(np.stack(crops[start : start + 100])).permute(0, 3, 1, 2).float()
            characters, region, legible = reader(pixels)
            for kept, now in zip(outputs, (characters.log_softmax(-1), region, legible.sigmoid()), strict=True):
                kept.append(now.numpy())
    characters, region, legible = (np.concatenate(kept) for kept in outputs)
    return characters, region, legible


def temperature(characters: np.ndarray, texts: list[tuple[str, ...]]) -> float:
    """The temperature at which the right texts are likeliest: CTC's own likelihood, searched on a grid."""
    logs = torch.from_numpy(characters).flatten(0, 1).transpose(0, 1)
    lanes = [((t[0], "", "") if len(t) == 1 else ("", *t)) for t in texts]
    lengths = torch.tensor([len(lane) for lane3 in lanes for lane in lane3])
    targets = torch.tensor([1 + ALPHABET.index(c) for lane3 in lanes for lane in lane3 for c in lane])
    steps = torch.full_like(lengths, logs.shape[0])
    losses = {}
    for t in np.arange(0.6, 3.01, 0.1):
        losses[float(t)] = float(
            torch.nn.functional.ctc_loss((logs / t).log_softmax(-1), targets, steps, lengths, reduction="sum", zero_infinity=True)
        )
    return round(min(losses, key=lambda t: losses[t]), 2)


def measured(reader: Reader, work: Path) -> tuple[list[dict], float]:
    """One line of figures a kind, and the temperature."""
    cv2.setNumThreads(1)
    dice, around = np.random.default_rng(SEED), grounds()
    kinds: dict[str, list[tuple[Pixels, tuple[str, ...]]]] = {}
    for _ in range(DRAWN):
        drawn = draw(dice)
        crop = filmed(drawn, dice, around, width_px=float(np.exp(dice.uniform(np.log(70), np.log(240)))))
        if crop.legible and crop.lines:
            kinds.setdefault(f"drawn {drawn.region}", []).append((crop.pixels, crop.lines))
    for name, alike in real_plates(work, held=True).items():
        kinds[f"real {name}"] = [(as_seen(real), real.lines) for real in alike]
    lines, everything, texts = [], [], []
    for kind, cases in sorted(kinds.items()):
        characters, region, legible = read_all(reader, [pixels for pixels, _ in cases])
        said = [spelled(lanes) for lanes in characters]
        truths = ["".join(t) for _, t in cases]
        wrong = sum(edits(a, b) for a, b in zip(said, truths, strict=True))
        lines.append({
            "kind": kind, "plates": len(cases),
            "whole": round(sum(a == b for a, b in zip(said, truths, strict=True)) / len(cases), 4),
            "characters": round(1 - wrong / sum(map(len, truths)), 4), "legible": round(float((legible > 0.5).mean()), 3),
            "region": REGIONS[int(np.bincount(region.argmax(1)).argmax())],
            "errors": [f"{b}>{a}" for a, b in zip(said, truths, strict=True) if a != b][:12],
        })  # fmt: skip
        everything.append(characters)
        texts += [t for _, t in cases]
    assert all(characters.shape[1] == LANES for characters in everything)
    return lines, temperature(np.concatenate(everything), texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines, best = measured(trained(given.work / "plates/reader.pt"), given.work)
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
    print(json.dumps({"temperature": best}))


if __name__ == "__main__":
    main()
