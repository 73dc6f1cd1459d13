"""What a law says about each rule: its limits, what it tolerates, and where that is written.

A law pack is a TOML file beside this one, in `laws/`; its tables are the fields below. Every figure has its `statute`, and
`checked` says in plain words against what it was checked, or that it was not. A figure that is no statute's but ours says so.
"""

from dataclasses import dataclass
from typing import Literal

from clearway.scene import Part, must


@dataclass(frozen=True, slots=True)
class Clause(Part):
    """Where a figure is written, and against what it was checked."""

    statute: str
    checked: str

    def __post_init__(self) -> None:
        must(len(self.statute.strip()) >= 3, "a figure names its statute")
        must(len(self.checked.strip()) >= 3, "checked says against what the figure was checked, or that it was not")


@dataclass(frozen=True, slots=True)
class GeneralLimit(Clause):
    """A limit that holds where no sign says otherwise."""

    kmh: float

    def __post_init__(self) -> None:
        Clause.__post_init__(self)
        must(0 < self.kmh <= 300, "a limit lies between 0 and 300 km/h")


@dataclass(frozen=True, slots=True)
class SpeedTolerance(Clause):
    """What is forgiven over a limit: a figure and a share of the measured speed, the larger of both or both together."""

    tolerance_kmh: float
    tolerance_percent: float
    counted: Literal["larger", "together"]

    def __post_init__(self) -> None:
        Clause.__post_init__(self)
        must(min(self.tolerance_kmh, self.tolerance_percent) >= 0, "a tolerance is not below 0")

    def at_kmh(self, measured_kmh: float) -> float:
        share_kmh = measured_kmh * self.tolerance_percent / 100
        return self.tolerance_kmh + share_kmh if self.counted == "together" else max(self.tolerance_kmh, share_kmh)


@dataclass(frozen=True, slots=True)
class Grace(Clause):
    """How many seconds of it (of red that had begun, of standing) a driver is not asked about."""

    allowed_s: float

    def __post_init__(self) -> None:
        Clause.__post_init__(self)
        must(self.allowed_s >= 0, "allowed_s is not below 0")


@dataclass(frozen=True, slots=True)
class Allowance(Clause):
    """How many metres of it a driver is not asked about."""

    allowed_m: float

    def __post_init__(self) -> None:
        Clause.__post_init__(self)
        must(self.allowed_m >= 0, "allowed_m is not below 0")


@dataclass(frozen=True, slots=True)
class PlateDuty(Clause):
    """At which of its sides a vehicle must show a plate."""

    front: bool
    rear: bool


@dataclass(frozen=True, slots=True)
class Law(Part):
    """One country's rules of the road, as far as a camera can judge them."""

    name: str
    limits: dict[str, GeneralLimit]
    speed: SpeedTolerance
    wrong_way: Allowance
    red_light: Grace
    stop_line: Allowance
    bus_lane: Allowance
    stopping: Grace
    parking: Grace
    solid_line: Allowance
    forbidden_turn: Clause
    no_plate: PlateDuty | None = None  # a law without it asks nobody
