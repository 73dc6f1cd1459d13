"""A finding and its frames become one file that stands on its own. All or nothing.

The life of an exhibit, and what a crash does at each step:

    1  pictures are looked at for what to hide, masked and encoded,
       the statement is signed and the timestamp authority asked, in
       memory                                                           nothing has happened
    2  everything but the ledger's proof is written to a hidden file
       DATA/exhibits/.sealing-…, room for the rest is taken, fsync      the hidden file is removed by the next Sealer
    3  the ledger takes the entry                                       the same; the entry stays, about an exhibit that never was
    4  the witnesses are asked, seconds at most; the proof and the
       directory are written, fsync                                     the same
    5  the file takes its name <id>.zip, the folder is fsynced          the exhibit is there, whole
    6  `seal` returns

The hidden file holds masked pictures only: what nobody may see has never been written.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO, overload

from clearway.envelope import seal as signed
from clearway.errors import SealError, StoreError
from clearway.evidence import canonical
from clearway.evidence.bundle import (
    EXHIBITS_FOLDER,
    JSON_BYTES_MAX,
    MANIFEST,
    PROOF,
    STATEMENT,
    TIMESTAMP,
    TOTAL_BYTES_MAX,
    Writer,
)
from clearway.evidence.credentials import MEDIA_TYPES, Credentials
from clearway.evidence.hide import PLATE_P_MIN, SURE_P_MIN, Fill, Look, fills, hangs_on, is_plate, lies_in
from clearway.evidence.ledger import Event, Ledger
from clearway.evidence.manifest import (
    BLANK_AS_ANOTHER_SIZE,
    BLANK_AS_ELSEWHERE,
    BLANK_AS_UNKNOWN,
    HEAD_SHOWN,
    READINGS,
    SEEN_BY_CAMERA,
    Held,
    PxBounds,
    Shown,
    manifest,
    new_salt,
    readings_json,
)
from clearway.evidence.original import Court, SealedOriginal
from clearway.evidence.redact import filled_px, flat, plate_at, png, region_at, reveal_on, shown_px
from clearway.evidence.sketch import Sketch, drawn
from clearway.evidence.surroundings import Road, bounds_of, heads_in, road_of
from clearway.evidence.tiles import sync_folder
from clearway.evidence.verify import PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, was_sealed_before
from clearway.evidence.witness import Witnesses
from clearway.facts import Box, Detection, Exhibit, Finding, Frame, Kind, Passage, Pixels, Retention
from clearway.ports import ClipEncoder, Detector, Signer, TimestampAuthority

CLIP, ROAD, ORIGINAL, INSTRUCTIONS = "clip.mp4", "road.png", "original.hpke", "VERIFY.md"
MOMENTS = ("before.png", "at.png", "after.png")
_STAGING_PREFIX = ".sealing-"
# More than the ledger's proof (63 hashes and 17 signatures at most) and the ZIP's directory can take together.
_RESERVED_BYTES = 32 * 1024
# What is looked at for people, faces and plates reaches beyond what is shown by this share of its longer side: somebody is
# easier to find whole than by the arm that reaches into the picture, and a grille alone is taken for a person more often.
_AROUND_SHARE = 1.0
# So much earlier or later may a moment's picture be if it then shows the plate, as a share of what lies between the first moment
# and the last, and half as much if it then shows the signal: three moments, half of it apart, stay three.
_PLATE_WORTH = 1 / 6
_ROOM = "make room on the disk of the data folder and make it writable, then seal again; nothing half-written was kept."


class PlateSeen(Exception):  # noqa: N818 - it is no error: a closer look has cleared a vehicle
    """A vehicle that was said to show no plate may show one after all: nothing was sealed."""


class Sealer:
    """Seals findings into DATA/exhibits. One may run in each of several processes on one data folder.

    `hider` finds the people, faces and plates that must be hidden. A frame on which it raises is blank. `retention` says, of a
    rule, what its exhibits are kept for and for how long.
    """

    def __init__(
        self,
        data: Path,
        signer: Signer,
        ledger: Ledger,
        encode: ClipEncoder,
        hider: Detector,
        made_with: Mapping[str, str],
        clock: Callable[[], datetime],
        stills: int,
        *,
        temperature: float | None = None,
        authority: TimestampAuthority | None = None,
        retention: Callable[[str], Retention | None] = lambda rule: None,
        court: Court | None = None,
        credentials: Credentials | None = None,
        witnesses: Witnesses | None = None,
    ) -> None:
        assert stills >= 1
        self._folder = data / EXHIBITS_FOLDER
        self._signer, self._ledger, self._encode, self._hider = signer, ledger, encode, hider
        self._made_with, self._clock, self._stills = dict(made_with), clock, stills
        self._temperature, self._authority = temperature, authority
        self._court, self._retention, self._credentials, self._witnesses = court, retention, credentials, witnesses
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            sync_folder(data)
            _sweep(self._folder)
        except OSError as error:
            raise _unwritten(self._folder, error) from error

    def seal(
        self,
        finding: Finding,
        frames: Sequence[Frame],
        *,
        clock_source: str,
        hide: Callable[[Frame], Sequence[Box]],
        sketch: Sketch | None = None,
        surveyed: Mapping[str, bytes] | None = None,
    ) -> Exhibit:
        """The exhibit, on the disk and in the ledger when this returns.

        `frames` are all pictures of the passage that are still held; `hide` gives what else than the hider's finds has to be
        hidden in one of them: what the camera's own looks found. Both are filled where they lie inside the subject's region.
        Where something was measured, the `sketch` of it is drawn on a picture of each moment, and `surveyed` are the files that
        it rests on, by name.
        SealError where no picture shows the subject or where the exhibit cannot be written whole; then nothing of it is left.
        PlateSeen where the subject is said to show no plate, and the hider surely sees one in any of the frames.
        """
        ordered = sorted(frames, key=lambda frame: (frame.captured_at, frame.number))
        looks = [self._look(finding.passage, frame) for frame in ordered]
        views = [_View.of(finding.passage, frame, found, hide(frame)) for frame, found in zip(ordered, fills(looks), strict=True)]
        revealing = [place for place, view in enumerate(views) if view.shown.region_px is not None]
        if not revealing and any(look.found is None for look in looks):
            raise SealError(
                f"what must be hidden in the pictures of passage {finding.passage.id} is not known: {self._hider.name} fails.",
                remedy="run `clearway doctor`; no picture is shown that nobody could look at.",
            )
        if not revealing:
            raise SealError(
                f"no picture of passage {finding.passage.id} is held any more.",
                remedy="let pictures be held for longer: settings evidence.held_s and evidence.held_mb.",
            )
        road = None
        heads = [(line.what, bounds_of(line)) for line in sketch.heads] if sketch is not None else []
        if sketch is not None:
            shape = views[revealing[0]].frame.pixels.shape
            views, road = self._surrounded(finding.passage, views, shape, [px for _, px in heads])
        # Before the first and after the last picture of the subject there is nothing to show.
        clip = _Masked(views[revealing[0] : revealing[-1] + 1])
        best = _best(finding, [views[place] for place in revealing])[: self._stills]
        stills = {f"still-{number}.png": view for number, view in enumerate(best, start=1)}
        files = {name: png(view.pixels()) for name, view in stills.items()}
        moments = _moments(finding, [views[place] for place in revealing]) if sketch is not None else {}
        if sketch is not None:
            drawings = {name: view.drawn(sketch) for name, view in moments.items()}
            files |= {name: png(pixels) for name, pixels in drawings.items()}
        if road is not None:
            files[ROAD] = png(road.picture)
        files |= surveyed or {}
        files[CLIP] = self._encode(clip, [view.frame.captured_at for view in clip.views])
        if self._credentials is not None:
            # All pictures and the clip, as they are shown: they are all media so far.
            media = {name: content for name, content in files.items() if Path(name).suffix in MEDIA_TYPES}
            files |= {name: self._credentials.signed(name, content) for name, content in media.items()}
        salt = new_salt()
        original = self._original(clip, salt) if self._court is not None else None
        if original is not None:
            files[ORIGINAL] = original.content
        files[READINGS] = readings_json(finding.passage)
        files[INSTRUCTIONS] = Path(__file__).with_name(INSTRUCTIONS).read_bytes()
        sealed_at = self._clock()
        seen_at = max(finding.passage.last_at, clip.views[-1].frame.captured_at)
        if was_sealed_before(sealed_at, seen_at, finding.passage.clock_error_ms):
            raise SealError(
                "the vehicle passed later than it is now: a clock is wrong by more than it may be.",
                remedy="set this machine's clock and the camera's; for a clip, settings camera.unstated_clock_error_s.",
            )
        said = manifest(
            finding,
            salt=salt,
            sealed_at=sealed_at,
            sealer=self._signer.key_id,
            clock_source=clock_source,
            held=Held([frame.captured_at for frame in ordered], revealing[0], len(ordered) - revealing[-1] - 1),
            stills={name: view.shown for name, view in stills.items()},
            moments={name: view.shown for name, view in moments.items()},
            sketch=sketch,
            surveyed=sorted(surveyed or ()),
            clip=(CLIP, [clip.shown(place) for place in range(len(clip))]),
            heads=heads,
            road=(ROAD, road.frames) if road is not None else None,
            files=files,
            made_with=self._made_with,
            temperature=self._temperature,
            authority=self._authority,
            witnesses=self._witnesses.keys if self._witnesses is not None else (),
            retention=self._retention(finding.rule),
            original=original.said if original is not None else None,
        )
        if len(said) > JSON_BYTES_MAX or sum(map(len, files.values())) > TOTAL_BYTES_MAX - 2 * JSON_BYTES_MAX:
            raise SealError("the exhibit would be too large.", remedy="hold pictures for less long: settings evidence.held_s.")
        return self._write(finding, said, files, sealed_at)

    def _original(self, clip: "_Masked", salt: str) -> SealedOriginal:
        """The clip's frames as the camera gave them, which no disk ever sees but sealed to the court."""
        assert self._court is not None
        shape = clip[0].shape
        # A frame of another size is blank there, too: a clip has one size.
        pictures = [view.frame.pixels if view.frame.pixels.shape == shape else flat(shape) for view in clip.views]
        return self._court.seal(self._encode(pictures, [view.frame.captured_at for view in clip.views]), ORIGINAL, salt)

    def _look(self, passage: Passage, frame: Frame) -> Look:
        """What the hider finds in and around the subject's region, but for the subject's own plate. PlateSeen where it surely
        finds one, and the subject is said to show none."""
        region = region_at(passage, frame)
        shown = region.within(frame.width_px, frame.height_px) if region is not None else None
        if shown is None:
            return Look(frame.captured_at, ())
        around = shown.grown(_AROUND_SHARE * max(shown.width_px, shown.height_px)).within(frame.width_px, frame.height_px)
        assert around is not None
        found = self._find(frame, around)
        if found is None:
            return Look(frame.captured_at, None)
        if passage.plate is None:
            return Look(frame.captured_at, _without_doubts(found, shown))
        plate = plate_at(passage, frame)
        return Look(frame.captured_at, tuple(one for one in found if plate is None or not is_plate(one, plate)))

    def _find(self, frame: Frame, region: Box) -> tuple[Detection, ...] | None:
        """What the hider finds there; None where it fails."""
        try:
            return tuple(self._hider.find(frame, region))
        except Exception:  # whatever it was, what lies there is not shown
            return None

    def _surrounded(
        self, passage: Passage, views: Sequence["_View"], shape: tuple[int, ...], heads: Sequence[PxBounds]
    ) -> tuple[list["_View"], Road | None]:
        """The views with the signal's heads and the empty road around the vehicle, but for frames of another shape."""
        fitting = [view for view in views if view.frame.pixels.shape == shape]
        frames = [view.frame for view in fitting]
        hidden = [view.causes for view in fitting]
        told = heads_in(heads, passage, frames, hidden, self._find)
        road = road_of(passage, frames, hidden, self._find)
        by_frame = dict(zip((frame.number for frame in frames), told, strict=True))
        another_size = (BLANK_AS_ANOTHER_SIZE,) * len(heads)
        surrounded = []
        for view in views:
            words = by_frame.get(view.frame.number, another_size)
            shown = tuple(px for px, word in zip(heads, words, strict=True) if word == HEAD_SHOWN)
            ground = road.picture if road is not None and view.frame.number in by_frame else None
            surrounded.append(replace(view, shown=replace(view.shown, heads=words), heads=shown, ground=ground))
        return surrounded, road

    def _write(self, finding: Finding, said: bytes, files: Mapping[str, bytes], sealed_at: datetime) -> Exhibit:
        exhibit = hashlib.sha256(said).hexdigest()
        statement = signed(_statement(exhibit, finding.rule, sealed_at), PAYLOAD_TYPE, self._signer)
        stamp = self._authority.stamp(statement, sealed_at) if self._authority is not None else None
        by = f"camera:{finding.passage.camera}"
        path = self._folder / f"{exhibit}.zip"
        try:
            with _staged(self._folder) as (staging, file):
                with Writer(file) as writer:
                    writer.add(INSTRUCTIONS, [files[INSTRUCTIONS]])
                    writer.add(MANIFEST, [said])
                    writer.add(STATEMENT, [statement])
                    if stamp is not None:
                        writer.add(TIMESTAMP, [stamp])
                    for name in sorted(files.keys() - {INSTRUCTIONS}):
                        writer.add(name, [files[name]])
                    file.flush()
                    # A full disk must show itself before the ledger says that the exhibit is there.
                    os.posix_fallocate(file.fileno(), file.tell(), _RESERVED_BYTES)
                    os.fsync(file.fileno())
                    writer.add(PROOF, [self._entered(exhibit, sealed_at, by)])
                file.truncate()
                os.fsync(file.fileno())
                staging.rename(path)
                sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise _unwritten(self._folder, error) from error
        return Exhibit(exhibit, str(path), finding.rule, sealed_at)

    def _entered(self, exhibit: str, sealed_at: datetime, by: str) -> bytes:
        """The proof that the entry about the exhibit is in the ledger. Whoever has the manifest can spell the entry."""
        try:
            index = self._ledger.append(Event.EXHIBIT_SEAL, exhibit, sealed_at, by)
            proof = self._ledger.prove(index, self._witnesses.cosigned(self._ledger) if self._witnesses is not None else None)
        except StoreError as error:
            raise SealError(f"no exhibit could be sealed: {error.happened}", remedy=error.remedy) from error
        return proof.text().encode()


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """One frame and what may be seen of it: the `subject`, but for the boxes in `causes`, the signal's `heads`, and below both
    the empty road as the `ground`. `plate_hidden` where a fill touches the subject's own plate, or where it would hang."""

    frame: Frame
    shown: Shown
    subject: Box | None
    causes: tuple[tuple[Box, str], ...]
    plate_hidden: bool = False
    heads: tuple[PxBounds, ...] = ()
    ground: Pixels | None = None

    @staticmethod
    def of(passage: Passage, frame: Frame, found: tuple[Fill, ...] | None, seen: Sequence[Box]) -> "_View":
        """The view of a frame in which that has to be hidden: what the hider `found`, None where nobody knows what, and what the
        camera's own looks have `seen`."""
        subject = region_at(passage, frame)
        region_px = shown_px(subject, frame.width_px, frame.height_px)
        causes = tuple((fill.box, f"{fill.kind} {fill.cause}") for fill in found or ())
        causes += tuple((box, SEEN_BY_CAMERA) for box in seen)
        if region_px is None or found is None:
            because = BLANK_AS_ELSEWHERE if region_px is None else BLANK_AS_UNKNOWN
            return _View(frame, Shown(frame.number, frame.captured_at, None, (), (because,)), None, causes)
        plate = plate_at(passage, frame) if passage.plate is not None or subject is None else _middle(subject)
        plate_hidden = plate is not None and any(box.shared_px(plate) > 0 for box, _ in causes)
        # Only what lies inside the region is named: where anybody else was is nobody's business.
        named: dict[PxBounds, str] = {}
        for box, because in causes:
            if (bounds := filled_px(box, region_px)) is not None:
                named.setdefault(bounds, because)
        shown = Shown(frame.number, frame.captured_at, region_px, tuple(named), tuple(named.values()))
        return _View(frame, shown, subject, causes, plate_hidden)

    @property
    def hidden(self) -> tuple[Box, ...]:
        return tuple(box for box, _ in self.causes)

    def pixels(self) -> Pixels:
        picture = flat(self.frame.pixels.shape) if self.ground is None else self.ground.copy()
        reveal_on(picture, self.frame.pixels, self.subject, self.hidden)
        for left, top, right, bottom in self.heads:
            picture[top:bottom, left:right] = self.frame.pixels[top:bottom, left:right]
        return picture

    def drawn(self, sketch: Sketch) -> Pixels:
        """What may be seen, then the sketch on what may not, and on the road."""
        return drawn(self.pixels(), self.shown.region_px, sketch, self.frame.captured_at, self.heads)


class _Masked(Sequence[Pixels]):
    """The clip's pictures, each masked when it is asked for: twelve seconds of them at once would not fit in memory.

    They have the size of the first; a frame of another size (a camera that changed its resolution) is blank.
    """

    def __init__(self, views: Sequence[_View]) -> None:
        self.views = views
        self._shape = views[0].frame.pixels.shape

    def __len__(self) -> int:
        return len(self.views)

    @overload
    def __getitem__(self, place: int) -> Pixels: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Pixels]: ...

    def __getitem__(self, place: int | slice) -> Pixels | Sequence[Pixels]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        view = self.views[place]
        if view.frame.pixels.shape == self._shape:
            return view.pixels()
        return flat(self._shape)

    def shown(self, place: int) -> Shown:
        view = self.views[place]
        if view.frame.pixels.shape == self._shape:
            return view.shown
        return Shown(view.frame.number, view.frame.captured_at, None, (), (BLANK_AS_ANOTHER_SIZE,), view.shown.heads)


def _without_doubts(found: Sequence[Detection], half: Box) -> tuple[Detection, ...]:
    """What was found around a subject that is said to show no plate, but for what may be one on it: every bumper has something,
    in one frame of many. Of such a subject its lower half is given, free of others. PlateSeen where a plate on it is sure."""
    whole = Box(half.left_px, half.top_px - half.height_px, half.right_px, half.bottom_px)
    plates = [one for one in found if one.kind is Kind.PLATE]
    if any(one.p >= PLATE_P_MIN and hangs_on(one.box, whole) for one in plates):
        raise PlateSeen
    around = half.grown(half.height_px / 2)
    return tuple(one for one in found if one.kind is not Kind.PLATE or one.p >= SURE_P_MIN or not lies_in(one.box, around))


def _middle(region: Box) -> Box:
    """Where most vehicles have their plate, in what is shown of them."""
    third_px = region.width_px / 3
    return Box(region.left_px + third_px, region.top_px, region.right_px - third_px, region.bottom_px)


def _best(finding: Finding, views: Sequence[_View]) -> list[_View]:
    """The decisive frames that are still held and show the plate, best first; where none does, those in which it was read
    best."""
    by_number = {view.frame.number: view for view in views}
    decisive = [by_number[number] for number in dict.fromkeys(finding.decisive_frames) if number in by_number]
    worth = {s.frame_number: s.reading.p * s.reading.legibility for s in finding.passage.sightings if s.reading is not None}
    others = sorted(views, key=lambda view: worth.get(view.frame.number, 0.0), reverse=True)
    for some in (decisive, others):
        if showing := [view for view in some if not view.plate_hidden]:
            return showing
    return decisive or others


def _moments(finding: Finding, views: Sequence[_View]) -> dict[str, _View]:
    """The pictures before, at and after, by the names of their files: the frames that the rule named, or those nearest to them
    that are held and show the vehicle, sooner one that shows its plate, and its signal."""
    at_by_number = {sighting.frame_number: sighting.captured_at for sighting in finding.passage.sightings}
    times = [at_by_number[number] for number in finding.moments]
    worth = (max(times) - min(times)) * _PLATE_WORTH if times else timedelta()

    heads = max((len(view.heads) for view in views), default=0)

    def apart(view: _View, at: datetime) -> timedelta:
        later = worth if view.plate_hidden else worth / 2 if len(view.heads) < heads else timedelta()
        return abs(view.frame.captured_at - at) + later

    nearest = [min(views, key=partial(apart, at=at)) for at in times]
    chosen = list({id(view): view for view in nearest}.values())
    names = {1: MOMENTS[1:2], 2: MOMENTS[::2], 3: MOMENTS}.get(len(chosen), ())
    return dict(zip(names, chosen, strict=True)) if names else {}


def _statement(exhibit: str, rule: str, sealed_at: datetime) -> bytes:
    """The in-toto statement whose subject is the manifest."""
    return canonical.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": MANIFEST, "digest": {"sha256": exhibit}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"rule": rule, "sealed_at": canonical.rfc3339(sealed_at)},
        }
    )


@contextmanager
def _staged(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new hidden file, locked for as long as it is written; gone at the end unless it was renamed."""
    path = folder / f"{_STAGING_PREFIX}{secrets.token_hex(8)}"
    # The folder's lock keeps another Sealer's sweep from coming between a file's birth and its own lock.
    with _locked(folder):
        # It shows a plate: only its owner reads it until somebody decides to hand it on.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        with file:
            yield path, file
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what an earlier crash left half-written. A file whose writer lives is locked, and stays."""
    with _locked(folder):
        for path in folder.glob(f"{_STAGING_PREFIX}*"):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unwritten(folder: Path, error: OSError) -> SealError:
    return SealError(f"no exhibit could be written to {folder}: {error.strerror or error}.", remedy=_ROOM)
