"""The rules of one scene under one law."""

from clearway.errors import SettingsError
from clearway.ports import Rule
from clearway.rules.bus_lane import BusLaneRule
from clearway.rules.forbidden_turn import ForbiddenTurnRule
from clearway.rules.laws import Law
from clearway.rules.no_plate import NoPlate
from clearway.rules.red_light import RedLight
from clearway.rules.solid_line import SolidLineRule
from clearway.rules.speed import Speed
from clearway.rules.stop_line import StopLineRule
from clearway.rules.stopping import Stopping
from clearway.rules.wrong_way import WrongWay
from clearway.scene import Scene


def rules_of(scene: Scene, law: Law) -> tuple[Rule, ...]:
    """A rule for each part of the scene. SettingsError where it names a general limit that the law does not have."""
    camera = scene.calibration.camera.along_m, scene.calibration.camera.across_m
    rules: list[Rule] = []
    if scene.speed_limit is not None:
        rules.append(Speed(_limit_kmh(scene.speed_limit.limit_kmh, law), scene.speed_limit.order, law.speed))
    if scene.no_plate is not None:
        if law.no_plate is None:
            raise SettingsError(f"no_plate: {law.name} says nothing of plates.", remedy="leave it out, or name a law that does.")
        rules.append(NoPlate(scene.no_plate.order, law.no_plate))
    rules += [WrongWay(street, law.wrong_way) for street in scene.one_way]
    rules += [RedLight(line, camera, law.red_light) for line in scene.stop_line]
    rules += [StopLineRule(line, camera, law.stop_line) for line in scene.stop_line]
    rules += [BusLaneRule(lane, scene.local, law.bus_lane) for lane in scene.bus_lane]
    rules += [Stopping(zone, law.stopping if zone.forbids == "stopping" else law.parking) for zone in scene.no_stopping]
    rules += [SolidLineRule(line, law.solid_line) for line in scene.solid_line]
    rules += [ForbiddenTurnRule(turn, law.forbidden_turn) for turn in scene.forbidden_turn]
    return tuple(rules)


def _limit_kmh(limit: float | str, law: Law) -> float:
    if not isinstance(limit, str):
        return limit
    if limit not in law.limits:
        known = ", ".join(sorted(law.limits))
        raise SettingsError(
            f"speed_limit.limit_kmh: {law.name} has no limit {limit!r}.", remedy=f"name one of {known}, or a figure."
        )
    return law.limits[limit].kmh
