"""Signal heads as a camera gives them, drawn with the truth: by day and night, in rain, backlit, saturated, blurred and coded.

    conditions = Conditions.drawn(dice)
    pixels, box = picture(Light.RED, conditions, dice)

Light is drawn in linear amounts, as a lens and a sensor take it in: lamps with their diodes, a halo that falls off around each,
the housing and what is behind it by the daylight of the place, rain as a veil with streaks; then blur, noise, saturation, the
curve of sRGB, and JPEG in place of a video codec. Its figures are not those by which `clearway.sight.lamp` reads.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Light, Pixels

Array = NDArray[np.float64]

LIT = {Light.RED: (0,), Light.RED_AMBER: (0, 1), Light.AMBER: (1,), Light.GREEN: (2,), Light.DARK: ()}
# Linear sRGB of the three lamps' light, as cameras show signal colours, and how far that differs from camera to camera.
COLOURS = np.array([(1.0, 0.045, 0.02), (1.0, 0.36, 0.015), (0.03, 1.0, 0.62)])
SPREADS = np.array([(0.0, 0.045, 0.03), (0.0, 0.12, 0.015), (0.05, 0.0, 0.25)])
LENSES = np.array([(0.10, 0.02, 0.015), (0.11, 0.06, 0.01), (0.02, 0.09, 0.06)])
SORTS = ("day", "backlit", "low sun", "dusk", "night", "rain", "night rain")
_FINE = 3


@dataclass(frozen=True, slots=True)
class Conditions:
    """One head before one camera by one light. `daylight` is what a white surface gives of what the sensor holds, `lamp` a lit
    lamp's; `halo` its share of glare; `phantom` what of the sun comes back from each lamp."""

    sort: str
    lamp_px: float
    sideways: bool
    daylight: float
    lamp: float
    halo: float
    phantom: float
    behind: tuple[float, float, float]
    diodes: bool
    blur_px: float
    noise: float
    quality: int
    veil: float
    off: tuple[float, float, float, float]
    tints: Array

    @classmethod
    def drawn(cls, dice: np.random.Generator, sort: str, lamp_px: float | None = None) -> "Conditions":
        night = "night" in sort
        daylight = {"day": 0.6, "backlit": 0.15, "low sun": 0.8, "dusk": 0.12, "rain": 0.3}.get(sort, 0.004)
        lamp = dice.uniform(4, 60) if night else dice.uniform(0.7, 3.5)
        grey = 2.0 if sort == "backlit" else daylight * dice.uniform(0.2, 1.5)
        behind = np.array([1.0, 1.0, 1.0]) * grey * dice.uniform(0.8, 1.2, 3)
        return cls(
            sort,
            lamp_px or float(dice.uniform(6, 40)),
            bool(dice.random() < 0.2),
            daylight * float(dice.uniform(0.7, 1.3)),
            float(lamp),
            float(dice.uniform(0.002, 0.02) if night else dice.uniform(0.0, 0.01)) * (2.0 if "rain" in sort else 1.0),
            float(dice.uniform(0.05, 0.25)) if sort == "low sun" else 0.0,
            (float(behind[0]), float(behind[1]), float(behind[2])),
            bool(dice.random() < 0.5),
            float(dice.uniform(0.3, 1.2)),
            float(dice.uniform(0.002, 0.012)) * (2.0 if night else 1.0),
            int(dice.integers(55, 95)),
            float(dice.uniform(0.02, 0.15)) if "rain" in sort else 0.0,
            tuple(float(one) for one in dice.uniform(-0.12, 0.12, 4)),  # type: ignore[arg-type]  # four
            COLOURS + SPREADS * dice.uniform(-1, 1, (3, 3)),
        )


def picture(light: Light, given: Conditions, dice: np.random.Generator, *, share: float = 1.0) -> Pixels:
    """The part of a picture that a person drew around the head's lamps, not quite. `share` is how much of the exposure the lamps
    were on for: diodes flash."""
    size = given.lamp_px * _FINE
    lit = [share if n in LIT[light] else 0.0 for n in range(3)]
    wide, long = round(size * 1.7), round(size * 4.0)
    scene = np.ones((long, wide, 3)) * np.array(given.behind)
    left, top = (wide - size * 1.12) / 2, (long - size * 3.3) / 2
    scene[round(top) : round(top + size * 3.3), round(left) : round(left + size * 1.12)] = 0.04 * given.daylight
    y, x = np.mgrid[0:long, 0:wide] + 0.5
    glow = np.zeros_like(scene)
    for n in range(3):
        middle = wide / 2, top + size * (0.55 + n * 1.1)
        away = np.hypot(x - middle[0], y - middle[1]) / (size / 2)
        disc = np.clip((0.92 - away) * size / 4, 0, 1)[:, :, None]
        dots = np.ones_like(disc)
        if given.diodes:
            step = max(3.0, size / 9)
            dots = (0.35 + 1.3 * ((np.sin(2 * np.pi * x / step) * np.sin(2 * np.pi * y / step)) > 0))[:, :, None]
        unlit = LENSES[n] * given.daylight + given.tints[n].clip(0) * given.phantom * given.daylight
        shining = given.tints[n].clip(0) * given.lamp * lit[n]
        scene = scene * (1 - disc) + disc * (unlit + shining * dots)
        glow += (given.tints[n].clip(0) * given.lamp * lit[n]) * (given.halo / (1 + (away / 0.8) ** 2.2))[:, :, None]
    scene = scene + glow
    if given.veil:
        scene = scene * (1 - given.veil) + given.veil * (given.daylight * 0.8 + 0.3 * scene.mean(axis=(0, 1)))
        for _ in range(int(dice.integers(0, 4))):
            at = int(dice.integers(0, wide))
            scene[:, at : at + max(1, _FINE // 2)] *= 0.8
            scene[:, at : at + max(1, _FINE // 2)] += 0.1 * given.daylight
    scene = cv2.GaussianBlur(scene, (0, 0), max(0.3, given.blur_px * _FINE))
    seen = cv2.resize(scene, (max(2, round(wide / _FINE)), max(2, round(long / _FINE))), interpolation=cv2.INTER_AREA)
    seen = seen + dice.normal(0, 1, seen.shape) * given.noise * np.sqrt(0.05 + seen.clip(0, 1))
    clipped = seen.clip(0, 1)
    coded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    pixels = np.rint(coded * 255).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, given.quality])
    assert done
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    pixels = np.asarray(decoded, np.uint8)
    wide_px, lamp = pixels.shape[1], given.lamp_px
    box = (
        (wide_px - lamp * 1.12) / 2 + given.off[0] * lamp,
        top / _FINE + given.off[1] * lamp,
        (wide_px + lamp * 1.12) / 2 + given.off[2] * lamp,
        top / _FINE + lamp * 3.3 + given.off[3] * lamp,
    )
    inside = Box(*box).within(wide_px, pixels.shape[0])
    assert inside is not None
    part = pixels[round(inside.top_px) : round(inside.bottom_px), round(inside.left_px) : round(inside.right_px)]
    return np.ascontiguousarray(part.transpose(1, 0, 2) if given.sideways else part)
