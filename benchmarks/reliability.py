"""The reliability diagram as an SVG: what was claimed against what was right, on a scale of odds.

On a linear scale nearly every point would lie in one corner; on this one, 90, 99 and 99.9 % are as far apart as a stop is dear.
"""

import math
from collections.abc import Mapping, Sequence

from clearway.testing.score import Bin, Share

SIDE_PX, MARGIN_PX, GAP_PX = 300, 56, 70
# Beyond these there is too little evidence to draw anything.
P_MIN, P_MAX = 0.01, 0.9999
TICKS = ((0.01, "1 %"), (0.1, "10 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"))


def draw(panels: Mapping[str, Sequence[Bin]]) -> str:
    """One SVG with a panel for each name; every point is a bin, its bar the 95 % interval of what was right."""
    width = MARGIN_PX + len(panels) * (SIDE_PX + GAP_PX)
    height = SIDE_PX + 2 * MARGIN_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        "<title>What was claimed, and what was right</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for place, (name, bins) in enumerate(panels.items()):
        left = MARGIN_PX + place * (SIDE_PX + GAP_PX)
        parts += _panel(name, bins, left, MARGIN_PX // 2)
    return "\n".join([*parts, "</svg>", ""])


def _panel(name: str, bins: Sequence[Bin], left: float, top: float) -> list[str]:
    bottom, right = top + SIDE_PX, left + SIDE_PX
    parts = [f'<text x="{left}" y="{top - 8}" font-size="13">{name}</text>']
    for p, words in TICKS:
        x, y = left + _along(p), bottom - _along(p)
        parts += [
            f'<path d="M{x:.1f} {top}V{bottom}M{left} {y:.1f}H{right}" stroke="#ddd"/>',
            f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{words}</text>',
            f'<text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{words}</text>',
        ]
    parts += [
        f'<rect x="{left}" y="{top}" width="{SIDE_PX}" height="{SIDE_PX}" fill="none" stroke="#888"/>',
        f'<path d="M{left} {bottom}L{right} {top}" stroke="#888" stroke-dasharray="4 3"/>',
        f'<text x="{left + SIDE_PX / 2}" y="{bottom + 30}" text-anchor="middle">claimed</text>',
        f'<text x="{left + 6}" y="{top + 16}">right</text>',
    ]
    for one in bins:
        x, y = left + _along(one.p_mean), bottom - _along(one.right)
        low, high = (bottom - _along(p) for p in Share(round(one.right * one.count), one.count).interval)
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="#06c"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#06c"/>')
    return parts


def _along(p: float) -> float:
    """How far along an axis a probability lies, in pixels."""
    least, most = _log_odds(P_MIN), _log_odds(P_MAX)
    return SIDE_PX * (_log_odds(min(P_MAX, max(P_MIN, p))) - least) / (most - least)


def _log_odds(p: float) -> float:
    return math.log(p / (1 - p))
