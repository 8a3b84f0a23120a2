"""The stages in order: video -> detections -> people -> keypoints -> joints -> world -> motion."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import detect as detectors
from . import keypoints as kp
from . import video as videos
from .cache import Cache, Detections
from .contract.motion import FORMAT_NAME, FORMAT_VERSION, Motion
from .contract.protocol import Cancelled, Event, InputError, NobodyFoundError, UsageError
from .contract.skeleton import Skeleton
from .keypoints import Keypoints
from .lifted import Lifted
from .rays import BODY_SIZE, STATURE_OF_SIZE

DEFAULT_HFOV_DEG = 55.0  # of the longer side: between a phone's main camera and a normal lens
FULL_FRAME_MM = 36.0  # width that focal lengths in millimetres refer to
PEOPLE_WHEN_ONE = 2  # two are sought even when one is wanted: else the detector jumps to a bystander for good
PEOPLE_WHEN_ALL = 4
SEEN = 0.2  # visibility from which a point inside the picture counts as seen
SEEN_SHARE = 0.25  # a joint seen in fewer of the person's frames is unknown in the whole clip
TRUNCATED_SHARE = 0.9  # of the frames promised; fewer mean a damaged file (some containers promise a few too many)
UNEVEN = 1.5  # times the usual step between frames: here one was left out
CALIBRATED = "probability of being within 50 mm"
LEAST_CONFIDENCE = 0.02  # of a joint that is unseen, but that the network knows from the others
PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True)
class Options:
    """What the command line says. Seconds, degrees, millimetres (36 mm wide film), metres, Hz."""

    person: str = "largest"  # largest | all | a number from 1
    start: float = 0.0
    end: float | None = None
    hfov: float | None = None
    focal_mm: float | None = None
    height: float | None = None
    device: str = "auto"
    smooth_hz: float = 6.0
    model: str = "mixste_body27"
    windows: str = "blended"  # blended | paper
    input_joints: str | None = None  # h36m | coco
    detector: str = "mediapipe"
    cache: Path | None = None


@dataclass
class Run:
    """Where events go, whether to stop, and how long each stage took."""

    emit: Callable[[Event], None]
    cancelled: Callable[[], bool] = lambda: False
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    _stage: str = ""
    _began: float = 0.0
    _told: float = 0.0

    def stage(self, name: str) -> None:
        self.close()
        self._stage, self._began, self._told = name, time.perf_counter(), 0.0
        self.emit(Event("stage", {"name": name}))

    def close(self) -> None:
        if self._stage:
            took = time.perf_counter() - self._began
            self.seconds[self._stage] = round(self.seconds.get(self._stage, 0) + took, 3)
            self._stage = ""

    def progress(self, done: int, total: int, skipped: int = 0) -> None:
        """Tell now and then how far the stage is (`skipped` were done before it began); stop when asked to."""
        if self.cancelled():
            raise Cancelled("cancelled.")
        now = time.perf_counter()
        if done < total and now - self._told < PROGRESS_EVERY_S:
            return
        self._told = now
        rate = (done - skipped) / max(now - self._began, 1e-6)
        fields: dict[str, Any] = {"stage": self._stage, "done": done, "total": total, "rate": round(rate, 2)}
        if rate > 0:
            fields["eta"] = round(max(total - done, 0) / rate, 1)
        self.emit(Event("progress", fields))

    def warn(self, message: str) -> None:
        self.emit(Event("warning", {"message": message}))


def capture(path: Path, options: Options, run: Run) -> list[Motion]:
    """A Motion for each person asked for. Raises the errors of contract.protocol."""
    check(options)
    run.stage("open")
    video = videos.probe(path)
    lifter = _load(options, run)  # before the long work: a missing model ends it now
    return [lift_with(person, options, run, lifter) for person in _people(video, options, run)]


def detect(path: Path, options: Options, run: Run) -> list[Keypoints]:
    """The 2D keypoints of each person asked for, most prominent first."""
    check(options)
    run.stage("open")
    return _people(videos.probe(path), options, run)


def _people(video: videos.Video, options: Options, run: Run) -> list[Keypoints]:
    sha = videos.sha256(video.path)
    run.stage("detect")
    found, points = _detections(video, sha, options, run)
    run.stage("track")
    from .track import track

    times = np.array(found.times)
    chosen = _choose(track(found.people, times, run.progress), options.person)
    source = {
        "file": video.path.name, "sha256": sha, "frame_count": video.frame_count, "width": video.width,
        "height": video.height,
    }  # fmt: skip
    header = {
        "fps": _fps(video.fps, times), "width": video.width, "height": video.height, "first_frame": found.indices[0],
        "source": source, "detector": options.detector,
    }  # fmt: skip
    return [Keypoints({**header, "person": number}, points, one.points, times) for number, one in chosen]


def lift(keypoints: Keypoints, options: Options, run: Run) -> Motion:
    """The motion in a person's 2D keypoints."""
    check(options)
    run.stage("open")
    return lift_with(keypoints, options, run, _load(options, run))


def check(options: Options) -> None:
    """Refuse values that no video could fit. Raises UsageError."""
    for name in ("start", "end", "hfov", "focal_mm", "height", "smooth_hz"):
        value = getattr(options, name)
        if value is not None and not np.isfinite(value):
            raise UsageError(f"--{name.replace('_', '-')} {value}: must be a number.")
    if options.person not in ("largest", "all") and not (options.person.isdigit() and int(options.person) > 0):
        raise UsageError(f"--person {options.person}: must be largest, all, or a number from 1.")
    if options.hfov is not None and not 5 <= options.hfov <= 150:
        raise UsageError(f"--hfov {options.hfov:g}: must be between 5 and 150 degrees.")
    if options.focal_mm is not None and not 5 <= options.focal_mm <= 800:
        raise UsageError(f"--focal-mm {options.focal_mm:g}: must be between 5 and 800 millimetres.")
    if options.height is not None and not 0.3 <= options.height <= 3:
        raise UsageError(f"--height {options.height:g}: must be between 0.3 and 3 metres.")
    if options.smooth_hz < 0:
        raise UsageError(f"--smooth-hz {options.smooth_hz:g}: must be 0 (none) or more.")
    if options.start < 0 or (options.end is not None and options.end <= options.start):
        raise UsageError("--start must be 0 or more, and --end after --start.")


def _detections(video: videos.Video, sha: str, options: Options, run: Run) -> tuple[Detections, tuple[str, ...]]:
    sought = PEOPLE_WHEN_ONE if options.person == "largest" else PEOPLE_WHEN_ALL
    cache = Cache(options.cache, sha, options.detector, sought, options.start, options.end)
    expected = video.frame_count
    if options.end is not None or options.start:
        stop = min(options.end or np.inf, expected / video.fps)
        expected = max(round((stop - options.start) * video.fps), 1)
    detector = detectors.build(options.detector, sought)
    try:
        found, whole = cache.load(len(detector.point_names))
        before = len(found)
        if not whole:
            for frame in videos.frames(video, options.start, options.end, skip=before):
                found.add(frame.index, frame.time_s, detector.detect(frame.rgb, frame.time_s))
                cache.save(found, whole=False)
                run.progress(len(found), max(expected, len(found)), before)
    finally:
        detector.close()
    if not found:
        raise InputError(
            f"{video.path}: has no frames between --start {options.start:g} s and --end. Choose another part."
        )
    cache.save(found, whole=True)
    run.progress(len(found), len(found), before)
    if options.end is None and found.indices[-1] + 1 < TRUNCATED_SHARE * video.frame_count:
        run.warn(
            f"{video.path.name}: the file promises {video.frame_count} frames, but only {found.indices[-1] + 1} "
            f"({found.times[-1]:.2f} s) can be decoded. It is cut off or damaged; what could be read is used."
        )
    return found, detector.point_names


def _fps(claimed: float, times: npt.NDArray[np.float64]) -> float:
    """Nominal rate: the file's, but of the even stretches where frames are left out (a file's mean would be too low)."""
    steps = np.diff(times)
    if not len(steps) or steps.max() < UNEVEN * np.median(steps):
        return claimed
    return 1 / float(steps[steps < UNEVEN * np.median(steps)].mean())


def _choose(tracks: list[Any], person: str) -> list[tuple[int, Any]]:
    """(number from 1, track) of the people asked for; tracks come most prominent first."""
    if person == "all":
        return list(enumerate(tracks, 1))
    number = 1 if person == "largest" else int(person)
    if number > len(tracks):
        raise NobodyFoundError(f"--person {number}: only {len(tracks)} people were found. Choose a smaller number.")
    return [(number, tracks[number - 1])]


def _load(options: Options, run: Run) -> Any:
    from . import networks  # torch takes seconds to import: bad files are refused before

    lifter = networks.load(options.model, options.device, run.warn, options.input_joints)
    networks.check(lifter)
    if lifter.info.view == "rays" and options.windows != "blended":
        raise UsageError(
            f"--windows {options.windows}: no paper says how {lifter.info.name} is to be run. Leave it out."
        )
    return lifter


def lift_with(keypoints: Keypoints, options: Options, run: Run, lifter: Any, terms: Any = None) -> Motion:
    """As `lift`, with a network that is loaded already; terms: of refine.Terms, where they are not the usual."""
    from . import lift as lifting
    from . import published
    from .smooth import BRIDGED_CONFIDENCE, smooth
    from .world import to_world

    header, times, info = keypoints.header, keypoints.frame_times, lifter.info
    seen = kp.to_set(keypoints, info.joints_in)
    body = seen if info.joints_in == info.joints_out else kp.to_set(keypoints, info.joints_out)
    if not (seen[..., 2] > 0).any():
        raise InputError("the keypoints show nobody: every point is NaN or has confidence 0. Give other keypoints.")
    size = header["width"], header["height"]
    intrinsics = _intrinsics(*size, options)
    run.stage("lift")
    if info.view == "rays":
        lifted = lifting.lift(lifter, seen, times, intrinsics, options.height, run.progress, run.warn)
    else:
        joints = published.lift(lifter, seen, times, size, options.height, options.windows, run.progress, run.warn)
        lifted = Lifted(joints)
    run.stage("world")
    world = to_world(lifted, body, times, intrinsics, lifter.skeleton, terms, run.progress)
    run.stage("smooth")
    known = np.isfinite(world.positions).all(-1)
    sure = body[..., 2] if lifted.confidence is None else lifted.confidence
    bridged = ~(body[..., 2] > 0).any(-1)  # by what was seen before and after
    sure = np.where(bridged[:, None], np.minimum(sure, BRIDGED_CONFIDENCE), sure)
    confidence = np.where(known, np.maximum(sure, LEAST_CONFIDENCE), 0)
    positions, confidence = smooth(world.positions, confidence, times, options.smooth_hz)
    _forget_unseen(positions, confidence, body, size, lifter.skeleton, run)
    run.close()
    origin, metres = ("height", options.height) if options.height else ("network", None)
    if info.units == "image" and not options.height:
        origin, metres = "standard body", round(BODY_SIZE * STATURE_OF_SIZE, 2)
    return Motion(
        header={
            "format": FORMAT_NAME, "version": FORMAT_VERSION, "fps": header["fps"],
            "first_frame": header["first_frame"], "person": header.get("person", 1), "units": "metres",
            "source": header.get("source"), "detector": header.get("detector"),
            "model": {
                "name": info.name, "sha256": info.sha256, "commercial_use": info.commercial_use, "licence": info.licence,
            },
            "size": {"from": origin, "metres": metres} if metres else {"from": origin},
            "confidence_kind": keypoints.confidence_kind if lifted.confidence is None else CALIBRATED,
            "settings": {
                "smooth_hz": options.smooth_hz, "hfov": options.hfov, "focal_mm": options.focal_mm,
                "device": str(lifter.device), "windows": options.windows, "input_joints": info.joints_in,
            },
        },
        joint_names=lifter.skeleton.names, parents=lifter.skeleton.parents, positions=positions, confidence=confidence,
        keypoints_px=body, intrinsics=intrinsics, world_from_cam=world.world_from_cam, contacts=world.contacts,
        frame_times=times,
    )  # fmt: skip


def _forget_unseen(
    positions: npt.NDArray[np.float32],
    confidence: npt.NDArray[np.float32],
    body: npt.NDArray[np.float32],
    size: tuple[int, int],
    skeleton: Skeleton,
    run: Run,
) -> None:
    """A joint that hardly a frame shows, behind something or outside the picture, is the network's invention, and so is
    what hangs on it: unknown, and said so. The root carries the rest and stays."""
    with np.errstate(invalid="ignore"):
        inside = ((body[..., :2] >= 0) & (body[..., :2] <= size)).all(-1)
    inside[:, [name in kp.DERIVED for name in skeleton.names]] = True  # of points that may lie a little outside
    present = (body[..., 2] > 0).any(-1)
    shown = ((body[..., 2] >= SEEN) & inside)[present].mean(0) >= SEEN_SHARE
    unseen = ~shown
    unseen[0] = False
    for j, parent in enumerate(skeleton.parents):
        unseen[j] |= parent > 0 and unseen[parent]
    if unseen.any():
        names = ", ".join(n for n, u in zip(skeleton.names, unseen, strict=True) if u)
        positions[:, unseen], confidence[:, unseen] = np.nan, 0
        run.warn(f"hardly ever seen in this clip, so without keys: {names}.")


def _intrinsics(width: int, height: int, options: Options) -> npt.NDArray[np.float64]:
    """(3, 3) pinhole with the centre in the middle; square pixels."""
    if options.hfov is not None:
        focal = width / 2 / np.tan(np.radians(options.hfov) / 2)
    elif options.focal_mm is not None:
        focal = max(width, height) * options.focal_mm / FULL_FRAME_MM
    else:
        focal = max(width, height) / 2 / np.tan(np.radians(DEFAULT_HFOV_DEG) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
