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
from clearway.evidence.redact import FILL_RGB
from clearway.facts import Box, Finding, Passage, Plate, Probabilities, Reading, Record, Retention, Sighting
from clearway.plates import ALPHABET
from clearway.ports import TimestampAuthority

FORMAT = "clearway-exhibit/2"
# 256 bits, so that nobody who guesses the plate and the time can find an exhibit's id in the ledger by trying.
SALT_BYTES = 32
READINGS = "readings.json"
READINGS_FORMAT = "clearway-readings/1"
NONE, NOT_MEASURED = "none", "not measured"
# The manifest names a character where a reader gave it at least this; readings.json names all of them.
CANDIDATE_P_MIN = 0.01

PxBounds = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one masked picture shows: `region_px` (None: nothing) without `hidden_px`, left, top, right, bottom, half-open."""

    frame_number: int
    captured_at: datetime
    region_px: PxBounds | None
    hidden_px: tuple[PxBounds, ...] = ()


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
    clip: tuple[str, Sequence[Shown]],
    files: Mapping[str, bytes],
    made_with: Mapping[str, str],
    temperature: float | None,
    authority: TimestampAuthority | None,
    retention: Retention | None,
) -> bytes:
    """The manifest in RFC 8785 form. `sealer` is the id of the key that will sign the statement; `stills` and `clip` map file
    names to what they show; `files` maps every name to content; `temperature` is the reader's; `retention` None says that nobody
    set one."""
    passage = finding.passage
    clip_name, clip_frames = clip
    said: dict[str, Any] = {
        "format": FORMAT,
        "salt": salt,
        "sealed_at": rfc3339(sealed_at),
        # Whether the authority answered cannot be known yet: a verifier sees it by the token that is there, or is not.
        "timestamp": _asked(authority),
        "finding": {
            "rule": finding.rule,
            "because": finding.because,
            "plate": finding.plate,
            "p": float(finding.p),
            "decisive_frames": [int(number) for number in finding.decisive_frames],
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
        "records": [_record(record) for record in finding.records],
        "shown": {
            "words": "Only the region of each frame was copied from the camera; everything else, and every box that is "
            f"hidden inside it, is a flat fill of RGB {', '.join(map(str, FILL_RGB))}. There is no sound.",
            "fill_rgb": list(FILL_RGB),
            "hidden_because": {
                "outside region_px": "it is not the vehicle that the finding is about",
                "hidden_px": "a person, a face or another plate, or what may be one",
            },
            "stills": [{"file": name, **_shown(picture)} for name, picture in stills.items()],
            "clip": {"file": clip_name, "frames": [_shown(picture) for picture in clip_frames]},
        },
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
    }


def _corners(box: Box) -> list[float]:
    return [float(edge) for edge in (box.left_px, box.top_px, box.right_px, box.bottom_px)]
