"""The pictures that the street detector may learn from, and which of them it never sees while it learns.

Which ones is written down in `training.split`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.split import HELD_OUT
from training.street.net import CLASSES

DATA = Path("../shared/data")
TEACHERS = Path("../shared/teachers")
PEER = Path("../shared/peers/fast_alpr/weights")

# A teacher's detection at or above the first score is a label; at or above the second it is left alone; below, it is nothing.
SURE = {"vehicle": (0.5, 0.25), "two_wheeler": (0.5, 0.25), "person": (0.5, 0.25), "face": (0.8, 0.35), "plate": (0.7, 0.2)}


@dataclass(frozen=True)
class Thing:
    """Something seen in a picture: its class, left-top-right-bottom in pixels, and four corners (8 numbers) where they are known.

    `score` is a teacher's; it is 1 for a label that came with the picture.
    """

    kind: str
    box: tuple[float, float, float, float]
    corners: tuple[float, ...] | None = None
    score: float = 1.0

    def __post_init__(self) -> None:
        assert self.kind in CLASSES

    @property
    def ignored(self) -> bool:
        """Whether nobody knows for sure, so that nothing is taught there."""
        return self.score < SURE[self.kind][0]


@dataclass(frozen=True)
class Picture:
    """One labelled picture: its path under DATA, and what is in it."""

    path: str
    things: tuple[Thing, ...]

    @property
    def held_out(self) -> bool:
        folder, _, name = self.path.rpartition("/images/")
        return HELD_OUT[folder](int(Path(name).stem))


def given() -> Iterator[Picture]:
    """Every street picture with the labels that came with it, and no others."""
    for folder in HELD_OUT:
        if "/crops/" in folder:
            continue
        kind = "face" if folder == "faces" else "plate"
        for line in (DATA / folder / "labels.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            things = []
            for label in row.get("plates", row.get("faces", [])):
                if label.get("box"):
                    left, top, width, height = label["box"]
                    corners = tuple(value for point in label["corners"] for value in point) if "corners" in label else None
                    things.append(Thing(kind, (left, top, left + width, top + height), corners))
            yield Picture(f"{folder}/{row['image']}", tuple(things))


def save(pictures: list[Picture], path: Path) -> None:
    """Writes one line a picture."""
    rows = ({"path": p.path, "things": [vars(t) for t in p.things]} for p in pictures)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def load(path: Path) -> list[Picture]:
    """What `save` wrote."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    thing = lambda t: Thing(t["kind"], tuple(t["box"]), t["corners"] and tuple(t["corners"]), t["score"])  # noqa: E731
    return [Picture(row["path"], tuple(map(thing, row["things"]))) for row in rows]
