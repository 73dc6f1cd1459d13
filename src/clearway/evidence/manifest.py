"""What an exhibit says: everything the finding rests on, in one canonical JSON text whose SHA-256 is the exhibit's name.

The format is specified in docs/formats/exhibit.md. It tells the doubt as well as the claim: every reading with its probability,
the texts that came second, the clock's error, and what was hidden in which frame.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import rfc8785

from clearway.evidence.canonical import rfc3339
from clearway.evidence.redact import FILL_RGB
from clearway.facts import Box, Finding, Plate, Reading, Record, Sighting
from clearway.ports import TimestampAuthority

FORMAT = "clearway-exhibit/2"
# 256 bits, so that nobody who guesses the plate and the time can find an exhibit's id in the ledger by trying.
SALT_BYTES = 32
NONE = "none"

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


def manifest(
    finding: Finding,
    *,
    salt: str,
    sealed_at: datetime,
    clock_source: str,
    stills: Mapping[str, Shown],
    clip: tuple[str, Sequence[Shown]],
    files: Mapping[str, bytes],
    made_with: Mapping[str, str],
    authority: TimestampAuthority | None,
) -> bytes:
    """The manifest in RFC 8785 form. `stills` and `clip` map file names to what they show; `files` maps every name to content."""
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
            "stills": [{"file": name, **_shown(picture)} for name, picture in stills.items()],
            "clip": {"file": clip_name, "frames": [_shown(picture) for picture in clip_frames]},
        },
        "made_with": dict(made_with),
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
