"""A data folder with two sealed exhibits of the simulated road, and a hub that serves it on loopback."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from tests.evidence.world import Hider

from clearway.camera.film import encode_clip
from clearway.edge.scenes import law_bytes, load_law, parse_scene
from clearway.edge.signals import Signals
from clearway.edge.surveyed import SurveyedView
from clearway.edge.unplated import lower_half
from clearway.envelope import create_keys, load_signer
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.ledger import Ledger
from clearway.evidence.seal import Sealer
from clearway.facts import Answer, Box, Finding, Frame, Kind, Light, Passage, Plate, Reading, Record, Sighting
from clearway.hub.serve import Hub, open_hub
from clearway.plates import ALPHABET, LOOKALIKES, PLACE
from clearway.ports import Detector
from clearway.rules.judging import judge
from clearway.settings import RetentionSettings
from clearway.sight.look import around
from clearway.store import Store
from clearway.testing.road import Road, scene_toml
from clearway.testing.truth import TruthDetector

MADE_WITH = {"program": "clearway", "version": "0.1.0"}
OFFICER, OTHER_OFFICER = "officer-1", "officer-2"
ENDED_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Sealed:
    """One exhibit with the truth about it."""

    id: str
    plate: str
    rule: str


def reading(text: str) -> Reading:
    """A reading that is unsure of its last character."""
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, character in enumerate(text):
        p_characters[place, PLACE[character]] = 0.99
    p_characters[-1, PLACE[text[-1]]] = 0.72
    return Reading(text, p_characters)


def mistaken(text: str) -> str:
    """The same plate with its last character read as one that looks like it."""
    last = next((pair.replace(text[-1], "") for pair in LOOKALIKES if text[-1] in pair), "X")
    return text[:-1] + last


def seal_everything(data: Path) -> tuple[Sealed, Sealed]:
    """Makes a data folder: keys, a ledger, some counts, and the exhibits of a listed and of a lapsed vehicle."""
    signer = create_keys(data / "keys")
    ledger = Ledger(data / "ledger", signer)
    road = Road(seed=3, vehicles=3, width_px=640, height_px=360, events=False, camera="north-gate")
    sealer = Sealer(data, signer, ledger, encode_clip, Hider(), MADE_WITH, lambda: datetime.now(UTC), stills=3)
    wanted, papers = (passage for passage in road.passages[:2])
    listed = {"plate": wanted.plate, "class": "car", "reason": "stolen", "source": "police", "case": "2026-1187"}
    lapsed = {
        "plate": papers.plate,
        "valid_from": "2020-03-01",
        "valid_to": "2026-02-28",
        "class": "car",
        "colour": papers.colour,
    }
    sealed = []
    for rule, truth, register, question, answer, entry, because in (
        ("wanted", wanted, "hotlist", "listed", Answer.YES, listed, "The hot list says that this vehicle is stolen."),
        ("papers", papers, "register", "registered", Answer.NO, lapsed, "The register says that its registration has ended."),
    ):
        assert truth.best_frame is not None
        numbers = range(max(0, truth.best_frame - 12), truth.best_frame + 1, 3)
        frames = {number: road.frame(number) for number in numbers}
        sightings = []
        for number, frame in frames.items():
            seen = next(vehicle for vehicle in road.truth(number) if vehicle.plate == truth.plate)
            sightings.append(
                Sighting(number, frame.captured_at, Kind.VEHICLE, seen.box, 0.97, seen.plate_box, reading(truth.plate))
            )
        plate = Plate(truth.plate, 0.972, len(sightings), ((mistaken(truth.plate), 0.021),), reading(truth.plate).p_characters)
        passage = Passage(f"north-gate-{truth.number}", "north-gate", tuple(sightings), 40.0, plate)
        at = passage.last_at
        record = Record(register, question, answer, at, at - timedelta(hours=5), 0.994, entry)
        found = Finding(rule, passage, truth.plate, 0.994, because, (record,), tuple(sorted(frames, reverse=True)))
        exhibit = sealer.seal(found, list(frames.values()), clock_source="NTP", hide=nothing_else)
        sealed.append(Sealed(exhibit.id, truth.plate, rule))
    with Store(data / "clearway.db") as store:
        store.add_counts("north-gate", date(2026, 11, 22), {"vehicles": 1187, "plates_read": 1102})
    return sealed[0], sealed[1]


def seal_speeding(data: Path) -> Sealed:
    """Seals one more exhibit into a data folder: the fast vehicle of a road, as its scene and the law of Germany judge it."""
    road = Road(
        4, vehicles=1, frames_per_s=25.0, width_px=960, height_px=540, fast_m_s=18.0, events=False, camera="school-street"
    )
    assert road.fast is not None
    return _seal_driven(data, road, road.fast, scene_toml(road, 50.0), 18.0)


def seal_red_light(data: Path) -> Sealed:
    """The same of a vehicle that drives on when its signal is red. Its hider knows who is where."""
    signal = ((-60.0, Light.GREEN), (-2.5, Light.AMBER), (0.5, Light.RED), (6.0, Light.GREEN))
    road = Road(
        4, 2, 25.0, 960, 540, headway_s=3.0, signal=signal, runs=0, events=False, camera="mill-street", starts_at=ENDED_AT
    )
    assert road.ran is not None
    scene = scene_toml(road, 50.0).replace("enters_m = 2.3", "enters_m = 4.0")
    return _seal_driven(data, road, road.ran, scene, 60.0, TruthDetector(road))


def seal_bare(data: Path) -> Sealed:
    """The same of a vehicle whose plate is painted over; of those before it, all but one showed theirs."""
    signer = load_signer(data / "keys")
    sealer = Sealer(
        data, signer, Ledger(data / "ledger", signer), encode_clip, Hider(), MADE_WITH, lambda: datetime.now(UTC), stills=3
    )
    road = Road(seed=3, vehicles=3, width_px=640, height_px=360, events=False, camera="north-gate")
    truth = road.passages[2]
    assert truth.best_frame is not None
    frames, sightings = [], []
    for number in range(max(0, truth.best_frame - 12), truth.best_frame + 1, 3):
        frame, seen = road.frame(number), next(one for one in road.truth(number) if one.plate == truth.plate)
        assert seen.plate_box is not None
        around = seen.plate_box.grown(4.0)
        left, top, right, bottom = map(round, (around.left_px, around.top_px, around.right_px, around.bottom_px))
        pixels = frame.pixels.copy()
        pixels[top:bottom, left:right] = pixels[top - 2, left]
        frames.append(replace(frame, pixels=pixels))
        sightings.append(Sighting(number, frame.captured_at, Kind.VEHICLE, lower_half(seen.box), 0.97))
    passage = Passage("north-gate/without-plate-1", "north-gate", tuple(sightings), 40.0)
    before = {"side": "front", "vehicles": "100", "showed": "99"}
    record = Record("camera", "plates shown", Answer.YES, passage.last_at, None, 0.98, before)
    because = (
        "In 32 pictures over 1.6 s its front was seen 162 to 244 pixels wide, with no plate on it, read or surely seen; of the "
        "100 vehicles before it that were seen as well, 99 showed theirs (FZV § 12; order 7/2026)."
    )
    decisive = tuple(sorted((frame.number for frame in frames), reverse=True))
    found = Finding("no_plate", passage, "", 0.98, because, (record,), decisive)
    exhibit = sealer.seal(found, frames, clock_source="NTP", hide=nothing_else)
    return Sealed(exhibit.id, "", found.rule)


def _seal_driven(data: Path, road: Road, plate: str, scene: str, along_m_max: float, hider: Detector | None = None) -> Sealed:
    signer = load_signer(data / "keys")
    ledger = Ledger(data / "ledger", signer)
    sealer = Sealer(data, signer, ledger, encode_clip, hider or Hider(), MADE_WITH, lambda: datetime.now(UTC), 3)
    files = {"scene.toml": scene.encode(), "law.toml": law_bytes("DE")}
    view = SurveyedView(parse_scene(scene.encode(), "the scene"), load_law("DE"), files)
    signals = Signals(view.scene.signal_head)
    frames, sightings = [], []
    for number in range(road.frame_count):
        frame = road.frame(number)
        signals.add(frame)
        for seen in road.truth(number):
            if seen.plate == plate and seen.plate_box is not None and seen.plate_whole and seen.along_m < along_m_max:
                frames.append(frame)
                box = around(seen.plate_box, frame)
                sightings.append(
                    Sighting(number, frame.captured_at, Kind.VEHICLE, box, 0.97, seen.plate_box, reading(seen.plate))
                )
    fused = Plate(plate, 0.988, len(sightings), ((mistaken(plate), 0.011),), reading(plate).p_characters)
    passage = Passage(f"{road.camera}/1", road.camera, tuple(sightings), 40.0, fused)
    passage = view.driven(passage, signals.lamps(passage.first_at, passage.last_at))
    (found,) = judge(view.rules, passage, ())
    exhibit = sealer.seal(found, frames, clock_source="NTP", hide=nothing_else, sketch=view.sketch(found), surveyed=view.files)
    return Sealed(exhibit.id, plate, found.rule)


def nothing_else(_: Frame) -> tuple[Box, ...]:
    return ()


@dataclass
class Clock:
    """The time, which tests may set forward."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    """A running hub, and what there is to find in it."""

    data: Path
    wanted: Sealed
    papers: Sealed
    hub: Hub
    clock: Clock
    sealed: dict[str, bytes]  # each exhibit's ZIP, as it was before the hub took it in
    clients: list[httpx.Client] = field(default_factory=list)

    def visitor(self) -> httpx.Client:
        """Somebody who is not signed in."""
        client = httpx.Client(base_url=self.hub.address, trust_env=False)
        self.clients.append(client)
        return client

    def officer(self, name: str = OFFICER) -> "Officer":
        client = self.visitor()
        assert client.post(self.hub.sign_in_link(name)).status_code == 303
        return Officer(client)

    def kept(self, exhibit: Sealed) -> Path:
        """The exhibit's file in the vault, once the hub has taken it in."""
        self.hub.sweep()
        return self.data / "vault" / exhibit.id

    def events(self) -> list[tuple[str, str, str]]:
        """Event, subject and who, of every entry in the ledger."""
        with self.looking() as ledger:
            return [(entry.event.value, entry.subject, entry.by) for entry in ledger.entries()]

    @contextmanager
    def looking(self) -> Iterator[Ledger]:
        yield self.hub._app.state.review._ledger


@dataclass
class Officer:
    """Somebody who is signed in, and fills in the forms as a browser would."""

    client: httpx.Client

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.client.get("/ledger").text)
        assert found, "every page carries the token of its forms"
        return found[1]

    def open(self, exhibit: str) -> httpx.Response:
        return self.client.get(f"/exhibits/{exhibit}")

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.client.post(path, data={"form_token": self.form_token(), **fields})

    def type(self, exhibit: str, plate: str) -> httpx.Response:
        """Opens the case and types a plate, as the page asks."""
        self.open(exhibit)
        return self.post(f"/exhibits/{exhibit}/reading", plate=plate)

    def decide(self, exhibit: str, verdict: str, reason: str, words: str = "It is plain to see.") -> httpx.Response:
        return self.post(f"/exhibits/{exhibit}/decision", verdict=verdict, reason=reason, words=words)


@contextmanager
def running(
    data: Path,
    wanted: Sealed,
    papers: Sealed,
    *,
    retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
) -> Iterator[World]:
    clock = Clock()
    sealed = {path.stem: path.read_bytes() for path in list_exhibits(data)}
    with open_hub(data, now=clock, retention=retention) as hub:
        world = World(data, wanted, papers, hub, clock, sealed)
        serving = threading.Thread(target=hub.serve, name="hub")
        serving.start()
        try:
            yield world
        finally:
            for client in world.clients:
                client.close()
            hub.stop()
            serving.join(timeout=10)
            assert not serving.is_alive(), "the hub ends when it is told to"
