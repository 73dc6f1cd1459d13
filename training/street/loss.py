"""What a network's answer costs: task-aligned assignment, quality scores, boxes, and corners where somebody knows them."""

from __future__ import annotations

import torch
from torch import Tensor

from training.street.net import CLASSES, STRIDES, cells

PLATE = CLASSES.index("plate")


def iou(a: Tensor, b: Tensor, *, generalised: bool = False) -> Tensor:
    """Intersection over union of boxes that lie against each other (..., 4); the generalised one is below 0 for boxes apart."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = lambda x: (x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1)  # noqa: E731
    union = area(a) + area(b) - shared + 1e-6
    if not generalised:
        return shared / union
    around = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1) + 1e-6
    return shared / union - (around - union) / around


class Loss:
    """The loss of a batch for crops of one size.

    Targets are padded: kinds (b, m), -1 for none; boxes (b, m, 4); corners (b, m, 8), nan where unknown; ignored (b, m).
    """

    def __init__(self, height: int, width: int, top: int = 9) -> None:
        parts = [cells(height // s, width // s, s, torch.device("cpu")) for s in STRIDES]
        self.centres = torch.cat(parts)
        self.strides = torch.cat([torch.full((len(p),), float(s)) for p, s in zip(parts, STRIDES, strict=True)])
        self.top = top

    @torch.no_grad()
    def assign(self, boxes: Tensor, logits: Tensor, kinds: Tensor, truth: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """For every cell the number of its label, -1 for none (b, n), and how good its score may be (b, n)."""
        scores = logits.sigmoid()
        m = kinds.shape[1]
        given = scores.gather(2, kinds.clamp(min=0)[:, None].expand(-1, scores.shape[1], -1)).transpose(1, 2)  # b, m, n
        overlap = iou(boxes[:, None], truth[:, :, None]).clamp(min=0)  # b, m, n
        x, y = self.centres[:, 0], self.centres[:, 1]
        inside = (x > truth[..., :1]) & (x < truth[..., 2:3]) & (y > truth[..., 1:2]) & (y < truth[..., 3:4])
        # a thing that slips between the centres of the finest map belongs to the cells next to its middle
        middle = (truth[..., :2] + truth[..., 2:]) / 2
        far = torch.maximum((x - middle[..., :1]).abs(), (y - middle[..., 1:]).abs())
        inside |= (far < 0.8 * self.strides) & (self.strides == STRIDES[0])
        inside &= real[..., None]
        metric = torch.where(inside, given.sqrt() * overlap**4 + 1e-9, torch.zeros(()))
        best = metric.topk(self.top, dim=2)
        chosen = torch.zeros_like(metric).scatter_(2, best.indices, (best.values > 0).float()).bool()
        # a cell serves one label: the one it fits best
        fit = torch.where(chosen, overlap + 1e-6, torch.zeros(()))
        most, owner = fit.max(1)
        owner = torch.where(most > 0, owner, -1)
        mine = torch.nn.functional.one_hot(owner.clamp(min=0), m).transpose(1, 2).bool() & (owner >= 0)[:, None]
        metric = torch.where(mine, metric, torch.zeros(()))
        peak = metric.amax(2, keepdim=True)
        reach = torch.where(mine, overlap, torch.zeros(())).amax(2, keepdim=True)
        quality = (metric / (peak + 1e-9) * reach).amax(1)
        return owner, quality

    def __call__(self, answer: tuple[Tensor, Tensor, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """The parts of the loss by name; their sum is what is minimised."""
        boxes, logits, corners = answer
        kinds, truth, known, ignored = targets["kinds"], targets["boxes"], targets["corners"], targets["ignored"]
        real = (kinds >= 0) & ~ignored
        owner, quality = self.assign(boxes.detach(), logits.detach(), kinds, truth, real)
        batch, index = torch.nonzero(owner >= 0, as_tuple=True)
        mine = owner[batch, index]
        kind = kinds[batch, mine]
        wanted = torch.zeros_like(logits)
        wanted[batch, index, kind] = quality[batch, index]
        # where nobody knows, an empty answer and a full one cost nothing
        doubt = self._doubt(kinds, truth, ignored)
        # plain cross entropy: a focal weight forgives the many cells that believe a little, and they are the false alarms
        weight = (~doubt | (wanted > 0)).float()
        classes = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
        share = quality[batch, index].clamp(min=0.05)
        total = share.sum().clamp(min=1)
        gap = 1 - iou(boxes[batch, index], truth[batch, mine], generalised=True)
        size = (truth[batch, mine, 2:] - truth[batch, mine, :2]).clamp(min=1)
        edge = ((boxes[batch, index] - truth[batch, mine]).abs() / size.repeat(1, 2)).clamp(max=1).mean(-1)
        loss = {"classes": classes / total, "boxes": (gap * share).sum() / total * 2.0 + (edge * share).sum() / total}
        plates = (kind == PLATE) & ~known[batch, mine, 0].isnan()
        if plates.any():
            b, i, t = batch[plates], index[plates], mine[plates]
            miss = (corners[b, i] - known[b, t]).abs() / size[plates].repeat(1, 4)
            loss["corners"] = (miss.clamp(max=2).mean(-1) * share[plates]).sum() / share[plates].sum() * 5.0
        return loss

    def _doubt(self, kinds: Tensor, truth: Tensor, ignored: Tensor) -> Tensor:
        """Cells and classes (b, n, 5) within places that are left alone."""
        doubt = torch.zeros(kinds.shape[0], len(self.centres), len(CLASSES), dtype=torch.bool)
        x, y = self.centres[:, 0], self.centres[:, 1]
        for b, t in torch.nonzero(ignored & (kinds >= 0)).tolist():
            left, top, right, bottom = truth[b, t].tolist()
            reach = self.strides * 0.5  # a neighbour's answer reaches over the edge
            inside = (x > left - reach) & (x < right + reach) & (y > top - reach) & (y < bottom + reach)
            doubt[b, inside, kinds[b, t]] = True
        return doubt
