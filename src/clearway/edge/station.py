"""One camera's program, put together from the settings and the data folder. Only this file knows which part is which."""

import hashlib
import math
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import clearway
from clearway.camera.film import encode_clip
from clearway.camera.source import open_source
from clearway.camera.stills import Stills
from clearway.check import hotlist, register
from clearway.check.desk import Desk
from clearway.check.lists import Publication, read_csv
from clearway.edge.lookout import Lookout
from clearway.edge.pipeline import Counters, Pipeline
from clearway.edge.ring import Ring
from clearway.edge.surveyed import SurveyedView
from clearway.edge.unplated import Unplated
from clearway.envelope import KEY_NAME, PUBLIC_KEY_NAME, create_keys, keep_public_key, trusted
from clearway.errors import SettingsError, StoreError
from clearway.evidence.credentials import Credentials, load_chain
from clearway.evidence.ledger import CHECKPOINT_NAME, Event, Ledger
from clearway.evidence.original import load_court
from clearway.evidence.pkcs11 import TokenKey, TokenSigner, open_signer
from clearway.evidence.seal import Sealer
from clearway.evidence.timestamp import HttpAuthority
from clearway.evidence.token import keep_certificates, load_certificates
from clearway.evidence.witness import Witnesses
from clearway.facts import Passage
from clearway.ports import Detector, Reader, Rule, Signer, Source
from clearway.rules.papers import Papers
from clearway.rules.wanted import Wanted
from clearway.settings import DetectorSettings, ReaderSettings, Settings
from clearway.sight.attention import Attention
from clearway.sight.fast_alpr import CctReader, YoloDetector
from clearway.sight.network import Weights, our_own
from clearway.sight.plate import PlateReader
from clearway.sight.street import StreetDetector
from clearway.store.store import Store
from clearway.track.tracker import Tracker

KEYS, LISTS, LEDGER, DATABASE = "keys", "lists", "ledger", "clearway.db"
RULES: tuple[Rule, ...] = (Wanted(), Papers())


def now() -> datetime:
    """This machine's clock, in UTC."""
    return datetime.now(UTC)


class Station:
    """The data folder of one camera with what lives in it: keys, lists, ledger, exhibits, counters.

    Keys are made where the folder has none, or the token's that the settings name become the folder's; `new_keys` says so, since
    exhibits verify against these keys only.
    """

    def __init__(self, data: Path, settings: Settings) -> None:
        self.data, self._settings = data, settings
        token = settings.evidence.signer.named()
        self.new_keys = not (data / KEYS / (KEY_NAME if token is None else PUBLIC_KEY_NAME)).exists()
        self.signer: Signer = self._new_signer(token) if self.new_keys else open_signer(data / KEYS, token)
        self.ledger = Ledger(data / LEDGER, self.signer)
        self._kept: dict[str, int] = {}

    def _new_signer(self, token: TokenKey | None) -> Signer:
        """The signer of a data folder that begins now."""
        if (self.data / LEDGER / CHECKPOINT_NAME).exists():
            raise StoreError(
                f"the key that signs {self.data} is not there, and its ledger was begun with it.",
                remedy="restore keys/ from its backup; if the key lies in a token, name that in [evidence.signer].",
            )
        if token is None:
            return create_keys(self.data / KEYS)
        signer = TokenSigner(token)
        keep_public_key(self.data / KEYS, signer)
        return signer

    def publish_hotlist(self, csv: Path) -> Publication:
        """Puts the CSV in force as the hot list. ListError names what is wrong, line by line; the old list then stays."""
        published = hotlist.publish(read_csv(csv), self.data / LISTS, self.signer, now())
        return self._entered(hotlist.FILE_NAME, published)

    def publish_register(self, csv: Path) -> Publication:
        """Puts the CSV in force as the register extract, like `publish_hotlist`."""
        published = register.publish(read_csv(csv), self.data / LISTS, self.signer, now())
        return self._entered(register.FILE_NAME, published)

    def _entered(self, name: str, published: Publication) -> Publication:
        digest = hashlib.sha256((self.data / LISTS / name).read_bytes()).hexdigest()
        self.ledger.append(Event.LIST_PUBLISH, digest, published.published_at, "operator:cli")
        return published

    def desk(self) -> Desk:
        """The registers of this machine, from the lists in force."""
        keys = trusted(self.data / KEYS / PUBLIC_KEY_NAME)
        folder, check = self.data / LISTS, self._settings.check
        listed = hotlist.load(folder, keys, check.match_p_min)
        return Desk((listed, register.load(folder, keys, check.match_p_min, check.register_fresh_days)))

    def pipeline(
        self,
        source: Source,
        detector: Detector,
        reader: Reader,
        *,
        hider: Detector | None = None,
        rules: Sequence[Rule] = RULES,
        tell: Callable[[Passage], None] = lambda passage: None,
        announce: Callable[[str], None] = lambda words: None,
    ) -> Pipeline:
        """The stages of one camera, wired.

        `hider` finds what exhibits must not show: `first_hider`, where nobody is named. `announce` hears of a timestamp or a
        cosignature that could not be had, and of a camera that was moved, blurred or covered. SettingsError where the settings
        name a scene, or it a law, that makes no sense or is out of force.
        """
        camera, track, evidence = self._settings.camera, self._settings.track, self._settings.evidence
        if track.judged_after_s >= evidence.held_s:
            raise SettingsError(
                "track.judged_after_s is not shorter than evidence.held_s: pictures would be gone before they are needed.",
                remedy="hold pictures for longer than it takes to judge a vehicle.",
            )
        surveyed = first_view(self._settings)
        hider = hider or first_hider(self._settings)
        made_with, authority = self._made_with(detector, reader, hider), self._authority(announce)
        credentials = None
        if evidence.credentials:
            credentials = Credentials(self.signer, load_chain(self.data / KEYS, self.signer, camera.name, now()))
            made_with["credentials"] = credentials.name
        view = surveyed.scene.view if surveyed is not None else None
        lookout = Lookout(view, self.data, camera.name, announce) if view is not None else None
        asks_for_plates = surveyed is not None and surveyed.scene.no_plate is not None
        sealer = Sealer(
            self.data,
            self.signer,
            self.ledger,
            encode_clip,
            hider,
            made_with,
            now,
            evidence.stills,
            temperature=reader.temperature,
            authority=authority,
            retention=self._settings.retention.of,
            court=load_court(Path(evidence.original.key), evidence.original.because) if evidence.original.key else None,
            credentials=credentials,
            witnesses=Witnesses(asked, announce) if (asked := evidence.asked_witnesses()) else None,
        )
        return Pipeline(
            source,
            Attention(camera.region),
            detector,
            reader,
            Tracker(
                source.camera,
                lost_after_s=track.lost_after_s,
                judged_after_s=track.judged_after_s,
                plate_p_min=track.plate_p_min,
                follows_on=surveyed is not None,
            ),
            self.desk(),
            (*rules, *(surveyed.rules if surveyed is not None else ())),
            sealer,
            Ring(evidence.held_s, evidence.held_mb),
            # Every still is looked at: somebody chose it.
            looks_per_s=math.inf if isinstance(source, Stills) else camera.looks_per_s,
            surveyed=surveyed,
            finder=hider,
            lookout=lookout,
            unplated=Unplated(source.camera, lost_after_s=track.lost_after_s) if asks_for_plates else None,
            tell=tell,
        )

    def _authority(self, announce: Callable[[str], None]) -> HttpAuthority | None:
        """The timestamp authority of the settings, if any. Its certificate is kept beside the keys: whoever verifies needs it."""
        asked = self._settings.evidence.timestamp
        if not asked.url:
            return None
        certificates = load_certificates(Path(asked.certificate))
        keep_certificates(self.data / KEYS, certificates)
        return HttpAuthority(asked.url, certificates, announce)

    def keep_counts(self, counters: Counters) -> None:
        """Adds what passed since the last call to the day's counters; they are all that is kept of it."""
        counts = {"vehicles": counters.vehicles, "plates_read": counters.plates_read, "frames_dropped": counters.frames_dropped}
        more = {name: count - self._kept.get(name, 0) for name, count in counts.items()}
        with Store(self.data / DATABASE) as store:
            store.add_counts(self._settings.camera.name, now().date(), more)
        self._kept = counts

    def _made_with(self, detector: Detector, reader: Reader, hider: Detector) -> dict[str, str]:
        seen_with = [(f"weights {name}", digest) for name, digest in (*detector.weights, *reader.weights)]
        hidden_with = [(f"hider's weights {name}", digest) for name, digest in hider.weights]
        return {
            "program": "clearway",
            "version": clearway.__version__,
            "program sha256": _program_sha256(),
            "python": platform.python_version(),
            "detector": detector.name,
            "reader": reader.name,
            "hider": hider.name,
            "settings sha256": hashlib.sha256(self._settings.model_dump_json().encode()).hexdigest(),
        } | {f"{name} sha256": digest for name, digest in (*seen_with, *hidden_with)}


def _program_sha256() -> str:
    """The SHA-256 of what `sha256sum` prints of the package's Python files, in the order of their paths."""
    root = Path(clearway.__file__).parent
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    return hashlib.sha256(
        "".join(f"{hashlib.sha256((root / path).read_bytes()).hexdigest()}  {path}\n" for path in paths).encode()
    ).hexdigest()


def open_camera(source: str, settings: Settings, announce: Callable[[str], None]) -> Source:
    """The camera, clip or folder that `source` names; SourceError where there is none. `announce` hears of a lost line."""
    camera = settings.camera
    return open_source(
        source,
        camera.name,
        unstated_clock_error_s=camera.unstated_clock_error_s,
        retry_for_s=camera.retry_for_s,
        announce=announce,
    )


def first_view(settings: Settings) -> SurveyedView | None:
    """The surveyed view that the settings name, if any. SettingsError where it, or its law, makes no sense or is out of force."""
    return SurveyedView.load(Path(settings.rules.scene), now()) if settings.rules.scene else None


def first_sight(settings: Settings, *, stills: bool = False) -> tuple[Detector, Reader]:
    """The detector and the reader that the settings ask for; for `stills`, which somebody chose, more time may go into each.

    InstallationError where their weights are missing, damaged or not the ones that were meant.
    """
    sight = settings.sight
    return _detector(sight.detector, sight.threads, stills), _reader(sight.reader, sight.threads)


def first_hider(settings: Settings, *, threads: int | None = None) -> Detector:
    """Who finds the people, faces and plates that pictures must not show: our own weights, whoever else looks for plates.

    `threads` share one look: those of the settings, where nothing is said. InstallationError where they are missing or damaged.
    """
    return StreetDetector(our_own("street"), threads or settings.sight.threads, to_hide=True)


def _detector(asked: DetectorSettings, threads: int, stills: bool) -> Detector:
    if asked.family == "clearway-street":
        return StreetDetector(_weights(asked, "street"), threads)
    if asked.family == "yolov9-plate":
        return YoloDetector(_weights(asked), threads)
    from clearway.sight.rapid import RapidDetector  # noqa: PLC0415 - an optional extra

    return RapidDetector(threads, enlarge_max=4.0 if stills else 1.0)


def _reader(asked: ReaderSettings, threads: int) -> Reader:
    if asked.family == "clearway-plate":
        return PlateReader(_weights(asked, "plate"), threads)
    if asked.family == "cct-plate":
        return CctReader(_weights(asked), threads)
    from clearway.sight.rapid import RapidReader  # noqa: PLC0415 - the same

    return RapidReader(threads)


def _weights(asked: DetectorSettings | ReaderSettings, own: str = "") -> Weights:
    return Weights(Path(asked.file), asked.sha256) if asked.file else our_own(own)
