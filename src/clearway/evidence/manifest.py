"""What an exhibit says: everything the finding rests on, in one canonical JSON text whose SHA-256 is the exhibit's name.

The format is specified in docs/formats/exhibit.md. It tells the doubt as well as the claim: every reading with its probability,
the texts that came second, the clock's error, and what was hidden in which frame. What was not measured or set is said to be so.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import rfc8785

from clearway.evidence.canonical import rfc3339
from clearway.evidence.note import Verifier
from clearway.evidence.redact import FILL_RGB
from clearway.evidence.sketch import Line, Place, Sketch
from clearway.facts import (
    Box,
    Drive,
    Finding,
    Measurement,
    Passage,
    Plate,
    Probabilities,
    Reading,
    Record,
    Retention,
    Sighting,
)
from clearway.plates import ALPHABET
from clearway.ports import TimestampAuthority

FORMAT = "clearway-exhibit/4"
# 256 bits, so that nobody who guesses the plate and the time can find an exhibit's id in the ledger by trying.
SALT_BYTES = 32
READINGS = "readings.json"
READINGS_FORMAT, FIRST_READINGS_FORMAT = "clearway-readings/2", "clearway-readings/1"
NONE, NOT_MEASURED = "none", "not measured"
# Of every uncertainty that a fact states (facts.Measurement).
COVERAGE_FACTOR = 2
# The manifest names a character where a reader gave it at least this; readings.json names all of them.
CANDIDATE_P_MIN = 0.01

# Why a picture, or a box in it, is filled: these, and the kind and the cause of a fill (hide.Fill), as "face carried".
SEEN_BY_CAMERA = "camera's look"
BLANK_AS_ELSEWHERE, BLANK_AS_UNKNOWN, BLANK_AS_ANOTHER_SIZE = "not sighted", "not looked at", "another size"
# Of a signal's head in a picture: shown as it was filmed, or why it is not, besides the kinds and causes of fills.
HEAD_SHOWN, HEAD_TOO_LARGE, SUBJECT = "shown", "too large", "the vehicle"
_HIDDEN_BECAUSE = {
    "outside region_px": "it is not the vehicle that the finding is about, nor a signal's head, nor a part of the empty road",
    "person, face, plate": "what `made_with.hider` looks for in every frame; never the subject's own plate",
    "vehicle, two_wheeler": "what it looks for around a signal's head: whatever may be before a head hides all of it",
    SUBJECT: "the vehicle that the finding is about may be before the signal's head",
    HEAD_TOO_LARGE: "the scene's box of a signal's head is larger than any head",
    "found": "it found one there, more likely than not",
    "unsure": "it found what is less likely one than not: doubt hides",
    "carried": "it did not find it in this frame, but shortly before or after, and it may be anywhere in between",
    SEEN_BY_CAMERA: "`made_with.detector` saw a person, another plate or what may be one there, in a look at most 0.6 s away",
    BLANK_AS_ELSEWHERE: "the vehicle was not sighted in this frame or near enough before and after it",
    BLANK_AS_UNKNOWN: "the hider failed on this frame, or found more than can be told",
    BLANK_AS_ANOTHER_SIZE: "the camera changed the size of its picture",
}

PxBounds = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one masked picture shows: `region_px` (None: nothing) without `hidden_px`, left, top, right, bottom, half-open.

    `because` has a word for each of `hidden_px`, or one for a picture that shows nothing of the vehicle. `heads` says of each of
    the signal's heads whether it is shown.
    """

    frame_number: int
    captured_at: datetime
    region_px: PxBounds | None
    hidden_px: tuple[PxBounds, ...] = ()
    because: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()


def new_salt() -> str:
    return secrets.token_hex(SALT_BYTES)


@dataclass(frozen=True, slots=True)
class Held:
    """The frames that were held when it was sealed, in order of time, and how many of them come before and after the clip."""

    times: Sequence[datetime]
    before_clip: int
    after_clip: int


def readings_json(passage: Passage) -> bytes:
    """Every reading of the passage as its reader gave it, to the last bit, so that others can fuse them anew. RFC 8785 form."""
    readings: list[Any] = [
        {
            "frame": int(sighting.frame_number),
            "text": sighting.reading.text,
            "legibility": float(sighting.reading.legibility),
            "p_whole": float(sighting.reading.p_whole),
            "region": sighting.reading.region,
            "p_characters": [_candidates(row, 0.0) for row in sighting.reading.p_characters],
        }
        for sighting in passage.sightings
        if sighting.reading is not None
    ]
    return rfc8785.dumps({"format": READINGS_FORMAT, "readings": readings})


def _candidates(row: Probabilities, above: float) -> dict[str, float]:
    return {ALPHABET[place]: float(row[place]) for place in np.flatnonzero(row > above)}


def manifest(
    finding: Finding,
    *,
    salt: str,
    sealed_at: datetime,
    sealer: str,
    clock_source: str,
    held: Held,
    stills: Mapping[str, Shown],
    moments: Mapping[str, Shown],
    sketch: Sketch | None,
    surveyed: Sequence[str],
    clip: tuple[str, Sequence[Shown]],
    heads: Sequence[tuple[str, PxBounds]],
    road: tuple[str, Sequence[int]] | None,
    files: Mapping[str, bytes],
    made_with: Mapping[str, str],
    temperature: float | None,
    authority: TimestampAuthority | None,
    witnesses: Sequence[Verifier],
    original: Mapping[str, object] | None,
    retention: Retention | None,
) -> bytes:
    """The manifest in RFC 8785 form. `sealer` is the id of the key that will sign the statement; `stills` and `clip` map file
    names to what they show, and so do `moments`, on which the `sketch` is drawn; `heads` are the signal's, by name; `road` is the
    file that shows the empty road and the frames that it is made of; `surveyed` are the names of the files that a measurement
    rests on; `files` maps every name to content; `temperature` is the reader's; `witnesses` are asked to cosign the ledger;
    `original` says what the sealed original is, where there is one; `retention` None says that nobody set one."""
    passage = finding.passage
    clip_name, clip_frames = clip
    said: dict[str, Any] = {
        "format": FORMAT,
        "salt": salt,
        "sealed_at": rfc3339(sealed_at),
        # Whether the authority answered cannot be known yet: a verifier sees it by the token that is there, or is not.
        "timestamp": _asked(authority),
        # The same of witnesses, whom version 3 did not know when it began: without the key, nobody is asked.
        **({"witnesses": [witness.vkey() for witness in witnesses]} if witnesses else {}),
        **claim(finding, clock_source),
        "surveyed": list(surveyed),
        "shown": {
            "words": "Of each frame only the region of the vehicle and, where they are said to be shown, the signal's heads were "
            "copied. Behind them lies the road when it was empty, where it is known: one picture, put together from moments in "
            "which each part of it was still and free. Everything else, and every box that is hidden inside the region, is a "
            f"flat fill of RGB {', '.join(map(str, FILL_RGB))}. There is no sound. What was measured is drawn on the pictures of "
            "the moments: on the fill, on the empty road and below the picture, never on the vehicle or a head.",
            "fill_rgb": list(FILL_RGB),
            "hidden_because": _HIDDEN_BECAUSE,
            "stills": [{"file": name, **_shown(picture)} for name, picture in stills.items()],
            "moments": [{"file": name, **_shown(picture)} for name, picture in moments.items()],
            "drawn": _sketch(sketch) if sketch is not None else NONE,
            "heads": [{"what": what, "px": list(bounds)} for what, bounds in heads],
            "road": {"file": road[0], "frames": list(road[1])} if road is not None else NONE,
            "clip": {"file": clip_name, "frames": [_shown(picture) for picture in clip_frames]},
        },
        "original": dict(original) if original is not None else NONE,
        # Those before and after the clip show nothing of the vehicle, and so nothing.
        "frames_held": {
            "count": len(held.times),
            "first_at": rfc3339(held.times[0]),
            "last_at": rfc3339(held.times[-1]),
            "before_clip": held.before_clip,
            "after_clip": held.after_clip,
        },
        "made_with": dict(made_with),
        "calibration": {"reader's temperature": temperature if temperature is not None else NOT_MEASURED},
        "error_rates": NOT_MEASURED,
        "retention": _retention(retention, sealed_at),
        "custody": [
            {"what": "filmed", "at": rfc3339(passage.first_at), "by": f"camera:{passage.camera}"},
            {"what": "sealed", "at": rfc3339(sealed_at), "by": f"key:{sealer}"},
        ],
        "files": [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for name, content in sorted(files.items())
        ],
    }
    return rfc8785.dumps(said)


def claim(finding: Finding, clock_source: str) -> dict[str, Any]:
    """What the manifest says of the finding and of all that it follows from, by key: what a replay derives again."""
    passage = finding.passage
    return {
        "finding": {
            "rule": finding.rule,
            "because": finding.because,
            "plate": finding.plate,
            "p": float(finding.p),
            "decisive_frames": [int(number) for number in finding.decisive_frames],
            "part": finding.part or NONE,
            "measurements": [_measurement(one) for one in finding.measurements],
        },
        "passage": {
            "id": passage.id,
            "camera": passage.camera,
            "first_at": rfc3339(passage.first_at),
            "last_at": rfc3339(passage.last_at),
            "clock": {"source": clock_source, "error_ms": float(passage.clock_error_ms)},
        },
        "plate": _plate(passage.plate) if passage.plate is not None else None,
        "readings": [_reading(s, s.reading) for s in passage.sightings if s.reading is not None],
        # Where it drove is told only where a measurement rests on it.
        "drive": _drive(passage.drive) if finding.measurements and passage.drive is not None else NONE,
        "records": [_record(record) for record in finding.records],
    }


def _asked(authority: TimestampAuthority | None) -> object:
    if authority is None:
        return NONE
    return {"authority": authority.url, "certificates_sha256": list(authority.certificates_sha256)}


def _retention(retention: Retention | None, sealed_at: datetime) -> dict[str, str]:
    if retention is None:
        return {"policy": NONE, "gone_by": NONE}
    days = retention.lasts / timedelta(days=1)
    return {"policy": f"{retention.purpose}: {days:g} days", "gone_by": rfc3339(sealed_at + retention.lasts)}


def _plate(plate: Plate) -> dict[str, object]:
    return {
        "text": plate.text,
        "p": float(plate.p),
        "votes": int(plate.votes),
        "region": plate.region,
        "runners_up": [{"text": text, "p": float(p)} for text, p in plate.runners_up],
    }


def _reading(sighting: Sighting, reading: Reading) -> dict[str, object]:
    assert sighting.plate_box is not None
    return {
        "frame": int(sighting.frame_number),
        "at": rfc3339(sighting.captured_at),
        "text": reading.text,
        "p": float(reading.p),
        "p_characters": [float(p) for p in np.max(reading.p_characters, axis=1)],
        "candidates": [_candidates(row, CANDIDATE_P_MIN) for row in reading.p_characters],
        "region": reading.region,
        "legibility": float(reading.legibility),
        "plate_px": _corners(sighting.plate_box),
    }


def _measurement(one: Measurement) -> dict[str, object]:
    held = (
        {
            "limit": float(one.bound.limit),
            "limit_source": one.bound.limit_source,
            "tolerance": float(one.bound.tolerance),
            "tolerance_source": one.bound.tolerance_source,
        }
        if one.bound is not None
        else {}
    )
    return {
        "name": one.name,
        "value": float(one.value),
        "uncertainty": float(one.uncertainty),
        "coverage_factor": COVERAGE_FACTOR,
        "unit": one.unit,
        "method": one.method,
        "held_against": held or NONE,
    }


def _drive(drive: Drive) -> dict[str, object]:
    return {
        "places": [
            {
                "at": rfc3339(place.at),
                "m": [float(place.along_m), float(place.across_m)],
                "error_m": [float(place.along_error_m), float(place.across_error_m)],
            }
            for place in drive.waypoints
        ],
        "signals": [
            {
                "signal": lamp.signal,
                "light": lamp.light.value,
                "from_at": rfc3339(lamp.from_at),
                "until_at": rfc3339(lamp.until_at),
                "clock_error_ms": float(lamp.clock_error_ms),
            }
            for lamp in drive.lamps
        ],
    }


def _sketch(sketch: Sketch) -> dict[str, object]:
    return {
        "words": list(sketch.words),
        "lines": [_line(line) for line in sketch.lines],
        "path": [_place(place) for place in sketch.path],
    }


def _line(line: Line) -> dict[str, object]:
    return {"what": line.what, "closed": line.closed, "px": [_tenths(point) for point in line.points_px]}


def _place(place: Place) -> dict[str, object]:
    return {"at": rfc3339(place.at), "px": _tenths(place.px), "around_px": [_tenths(point) for point in place.around_px]}


def _tenths(point: tuple[float, float]) -> list[float]:
    """A point to a tenth of a pixel: nobody sees more."""
    return [round(float(point[0]), 1), round(float(point[1]), 1)]


def _record(record: Record) -> dict[str, object]:
    return {
        "register": record.register,
        "question": record.question,
        "answer": record.answer.value,
        "asked_at": rfc3339(record.asked_at),
        "data_as_of": rfc3339(record.data_as_of) if record.data_as_of is not None else None,
        "list_sha256": record.list_sha256 if record.list_sha256 is not None else NONE,
        "p": float(record.p),
        "entry": dict(record.entry),
    }


def _shown(picture: Shown) -> dict[str, object]:
    return {
        "frame": picture.frame_number,
        "at": rfc3339(picture.captured_at),
        "region_px": list(picture.region_px) if picture.region_px is not None else None,
        "hidden_px": [list(bounds) for bounds in picture.hidden_px],
        "because": list(picture.because),
        "heads": list(picture.heads),
    }


def _corners(box: Box) -> list[float]:
    return [float(edge) for edge in (box.left_px, box.top_px, box.right_px, box.bottom_px)]
