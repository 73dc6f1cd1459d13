"""The street detector's network: dense 3x3 convolutions, a small top-down pyramid, one light head for three strides.

Dense convolutions, because depthwise ones train six times slower on a CPU and gain nothing at run time there. ReLU throughout,
because it is the cheapest and survives 8-bit numbers. Nothing leaves the network but boxes, scores and plate corners: there is no
embedding of a person or a face that anybody could keep.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = ("vehicle", "two_wheeler", "person", "face", "plate")
STRIDES = (8, 16, 32)
SCALE = 1 / 64  # brings pixels to the size that weights are born for; batch norm sees to their mean


class Conv(nn.Sequential):
    """A convolution, its batch norm (folded at export) and a ReLU."""

    def __init__(self, into: int, out: int, kernel: int = 3, stride: int = 1, *, relu: bool = True) -> None:
        layers: list[nn.Module] = [nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Residual(nn.Module):
    """Two 3x3 convolutions around a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = Conv(width, width), Conv(width, width, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.b(self.a(x)))


class Head(nn.Module):
    """Logits (5), box (4) and corners (8) for every cell of one map.

    The weights are shared by all strides, the batch norms are not: maps differ in their statistics, and a mean of them fits none.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.judge = nn.Conv2d(width, inner, 3, padding=1, bias=False)
        self.measure = nn.Conv2d(width, inner, 3, padding=1, bias=False)
        self.judge_norms = nn.ModuleList(nn.BatchNorm2d(inner) for _ in STRIDES)
        self.measure_norms = nn.ModuleList(nn.BatchNorm2d(inner) for _ in STRIDES)
        self.classes = nn.Conv2d(inner, len(CLASSES), 1)
        self.box = nn.Conv2d(inner, 4, 1)
        self.corners = nn.Conv2d(inner, 8, 1)
        for layer in (self.classes, self.box, self.corners):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.classes.bias, -4.6)  # p = 0.01 at first: nearly every cell is empty

    def forward(self, x: Tensor, level: int) -> tuple[Tensor, Tensor, Tensor]:
        judged = torch.relu(self.judge_norms[level](self.judge(x)))
        measured = torch.relu(self.measure_norms[level](self.measure(x)))
        return self.classes(judged), self.box(measured), self.corners(measured)


class Street(nn.Module):
    """`pixels` (b, 3, h, w), RGB 0..255, sides multiples of 32 → boxes (b, n, 4), logits (b, n, 5), corners (b, n, 8), in pixels.

    n counts the cells of strides 8, 16 and 32, row by row. A box is a shift of its centre from the cell's and two sizes, in
    strides; a corner is told from the box's own in shares of its width and height, so that an upright plate is all zeros.
    """

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 48, 80, 96), neck: int = 48, inner: int = 32) -> None:
        super().__init__()
        stem, quarter, eighth, sixteenth, last = widths
        self.stem = nn.Sequential(Conv(3, stem, stride=2), Conv(stem, quarter, stride=2))
        self.eighth = nn.Sequential(Conv(quarter, eighth, stride=2), Residual(eighth))
        self.sixteenth = nn.Sequential(Conv(eighth, sixteenth, stride=2), Residual(sixteenth))
        self.last = nn.Sequential(Conv(sixteenth, last, stride=2), Residual(last), Residual(last))
        self.sides = nn.ModuleList([Conv(width, neck, 1) for width in (eighth, sixteenth, last)])
        self.smooth_sixteenth, self.smooth_last = Conv(neck, neck), Conv(neck, neck)
        self.head = Head(neck, inner)
        self.scales = nn.Parameter(torch.zeros(len(STRIDES)))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.read(pixels * SCALE)

    def read(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same for pixels that are scaled already."""
        eighth = self.eighth(self.stem(x))
        sixteenth = self.sixteenth(eighth)
        top = self.smooth_last(self.sides[2](self.last(sixteenth)))
        middle = self.smooth_sixteenth(self.sides[1](sixteenth) + twice(top))
        low = self.sides[0](eighth) + twice(middle)
        parts = [self._read(level, x) for level, x in enumerate((low, middle, top))]
        boxes, logits, corners = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        return boxes, logits, corners

    def _read(self, level: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, box, offsets = (part.flatten(2).transpose(1, 2).float() for part in self.head(x, level))
        stride = float(STRIDES[level])
        centre = cells(x.shape[2], x.shape[3], stride, x.device) + box[..., :2] * stride
        size = torch.exp(torch.clamp(box[..., 2:] + self.scales[level], -3.0, 4.0)) * (stride * 3)
        boxes = torch.cat([centre - size / 2, centre + size / 2], -1)
        # the corners are told relative to the box and must not pull at it
        centre, size = centre.detach()[:, :, None], size.detach()[:, :, None]
        upright = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], device=x.device)
        corners = centre + (upright + offsets.unflatten(2, (4, 2))) * size
        return boxes, logits, corners.flatten(2)


def twice(x: Tensor) -> Tensor:
    """A map of twice the size."""
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def cells(rows: int, columns: int, stride: float, device: torch.device) -> Tensor:
    """The centres (rows x columns, 2) of a map's cells as x, y in pixels, row by row."""
    y, x = torch.meshgrid(torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2).float() + 0.5) * stride
