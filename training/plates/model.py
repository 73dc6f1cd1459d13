"""The plate reader: a crop in; three lanes of characters, a guess at the region and the legibility out.

A plate is read in three lanes at once: the whole plate as one line, its upper line, its lower line. Lanes that hold nothing say
"blank" all the way. Each lane looks at the height it needs, column by column (a softmax over the rows), so that no one has to
tell the reader how many lines there are. CTC (Graves et al. 2006) reads each lane.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from clearway import plates
from training.plates.camera import HEIGHT_PX, WIDTH_PX
from training.plates.render import REGIONS

# Persian and Arabic letters of plates; digits of every script are the Latin ones.
PERSIAN = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنهوی"
ALPHABET = plates.LATIN + plates.CHINESE + PERSIAN
LANES, STEPS, CLASSES = 3, WIDTH_PX // 4, 1 + len(ALPHABET)
PLACE = {character: 1 + n for n, character in enumerate(ALPHABET)}


def _conv(into: int, out: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    # Plain dense convolutions: on two cores they train six times as fast as depthwise ones of the same cost on paper.
    return nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    """Two convolutions around a short cut. One that is `added` starts as nothing, so that a reader that has learnt without it
    goes on from where it was."""

    def __init__(self, width: int, *, added: bool = False) -> None:
        super().__init__()
        self.first, self.second = (
            _conv(width, width),
            nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)),
        )
        if added:
            nn.init.zeros_(self.second[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


def _along(width: int, apart: int = 1) -> nn.Sequential:
    """A look along each lane: five steps, `apart` from each other."""
    look = nn.Conv2d(width, width, (1, 5), 1, (0, 2 * apart), dilation=(1, apart), bias=False)
    return nn.Sequential(look, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class _Further(nn.Module):
    """A look further along the line, laid over what is there: what stands elsewhere on a plate says whether a letter or a digit
    is due here. It starts as nothing, so that a reader that has learnt without it goes on from where it was."""

    def __init__(self, width: int, apart: int) -> None:
        super().__init__()
        self.look = nn.Sequential(*_along(width, apart), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))
        nn.init.zeros_(self.look[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.look(x))


class Reader(nn.Module):
    def __init__(self, narrow: int = 32, middle: int = 64, wide: int = 112) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(3, 16, 2), _conv(16, narrow), _conv(narrow, middle, 2), _conv(middle, middle), _Residual(middle, added=True),
            _conv(middle, wide, (2, 1)), _Residual(wide), _Residual(wide), _Residual(wide, added=True),
        )  # fmt: skip
        rows = HEIGHT_PX // 8
        self.heights = nn.Conv2d(wide, LANES, 1)
        self.rows = nn.Parameter(torch.zeros(LANES, rows, 1))
        self.lane = nn.Parameter(torch.zeros(LANES, wide, 1))
        with torch.no_grad():  # a start in the right place: all rows, the upper ones, the lower ones
            self.rows[1, : rows // 2] = 2.0
            self.rows[2, rows // 2 :] = 2.0
            self.lane.normal_(0, 0.1)
        self.context = nn.Linear(wide, wide)
        self.along = nn.Sequential(
            *_along(wide), *_along(wide), _Further(wide, 3), _Further(wide, 6), _Further(wide, 2),
        )  # fmt: skip
        self.characters = nn.Conv2d(wide, CLASSES, 1)
        self.region = nn.Linear(wide, len(REGIONS))
        self.legible = nn.Linear(wide, 1)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of (n, 3, 48, 160) RGB 0 to 255: logits of the characters (n, LANES, STEPS, CLASSES), of the region (n, regions), and
        of the legibility (n, 1)."""
        features = self.body(crops * (1 / 64) - 2)
        whole = features.mean(dim=(2, 3))
        context = functional.relu(self.context(whole))
        share = torch.softmax(self.heights(features) + self.rows, dim=2)  # (n, lanes, rows, steps)
        lanes = (features.permute(0, 3, 1, 2) @ share.permute(0, 3, 2, 1).to(features.dtype)).permute(0, 2, 3, 1)
        along = self.along(lanes + self.lane.permute(1, 0, 2) + context[:, :, None, None])  # (n, wide, lanes, steps)
        characters = self.characters(along).permute(0, 2, 3, 1)
        return characters, self.region(context), self.legible(context)


def trained(path: Path) -> Reader:
    """The averaged weights of a checkpoint, ready to read."""
    saved = torch.load(path, map_location="cpu")
    reader = Reader()
    averaged = {name.removeprefix("module."): tensor for name, tensor in saved["averaged"].items() if name.startswith("module.")}
    reader.load_state_dict(averaged)
    return reader.eval()
