"""The stages in order: video -> detections -> people -> keypoints -> joints -> world -> motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import keypoints as kp
from . import lens, people, upright
from . import video as videos
from .contract.motion import CONTACT_NAMES, FORMAT_NAME, FORMAT_VERSION, Motion
from .contract.protocol import InputError, NobodyFoundError, UsageError
from .contract.skeleton import Skeleton
from .keypoint_sets import SETS
from .keypoints import Keypoints
from .lifted import Lifted
from .progress import Run
from .rays import BODY_SIZE, STATURE_OF_SIZE

CAMERAS = ("auto", "static", "rotating")
SEEN = 0.2  # visibility from which a point inside the picture counts as seen
SEEN_SHARE = 0.25  # a joint seen in fewer of the person's frames is unknown in the whole clip
CALIBRATED = "probability of being within 50 mm, from the pelvis on and size apart"
LEAST_CONFIDENCE = 0.02  # of a joint that is unseen, but that the network knows from the others


@dataclass(frozen=True)
class Options:
    """What the command line says. Seconds, degrees, millimetres (36 mm wide film), metres, Hz."""

    person: str = "largest"  # largest | all | a number from 1 | X,Y,TIME of a click in pixels and seconds
    start: float = 0.0
    end: float | None = None
    hfov: float | None = None
    focal_mm: float | None = None
    camera: str = "auto"  # auto | static | rotating
    roll: float | None = None  # of the camera, clockwise about its view: 180 is upside down
    pitch: float | None = None  # of the camera, downwards; None: both are found out
    height: float | None = None
    device: str = "auto"
    smooth_hz: float = 8.0  # the refinement has steadied before; this takes what is left at frame rate
    refine: bool = True  # else points stay as the detector gives them, and joints as the network does
    model: str = "mixste_body27"
    windows: str = "blended"  # blended | paper
    input_joints: str | None = None  # h36m | coco
    detector: str = "mediapipe"
    cache: Path | None = None
    preview: Path | None = None  # picture of the frame in work, gone at the end


def capture(path: Path, options: Options, run: Run) -> list[Motion]:
    """A Motion for each person asked for. Raises the errors of contract.protocol."""
    check(options)
    run.stage("open")
    video = videos.probe(path)
    warnings: list[str] = []
    with run.meanwhile(lambda: _load(options, warnings.append)) as loading:
        found = people.find(video, options, run)
    lifter = loading.result()
    for text in warnings:
        run.warn(text)
    chosen = [found.keypoints(n) for n in found.chosen(options.person)]
    camera = tell_lens(chosen[0], options, run, lifter).header["camera"]  # one for all
    return [lift_with(replace(k, header={**k.header, "camera": camera}), options, run, lifter) for k in chosen]


def detect(path: Path, options: Options, run: Run) -> list[Keypoints]:
    """The 2D keypoints of each person asked for, most prominent first."""
    check(options)
    run.stage("open")
    found = people.find(videos.probe(path), options, run)
    return [found.keypoints(n) for n in found.chosen(options.person)]


def lift(keypoints: Keypoints, options: Options, run: Run) -> Motion:
    """The motion in a person's 2D keypoints."""
    check(options)
    run.stage("open")
    lifter = _load(options, run.warn)
    return lift_with(tell_lens(keypoints, options, run, lifter), options, run, lifter)


def check(options: Options) -> None:
    """Refuse values that no video could fit. Raises UsageError."""
    for name in ("start", "end", "hfov", "focal_mm", "height", "smooth_hz", "roll", "pitch"):
        value = getattr(options, name)
        if value is not None and not np.isfinite(value):
            raise UsageError(f"--{name.replace('_', '-')} {value}: must be a number.")
    people.check_person(options.person)
    if options.camera not in CAMERAS:
        raise UsageError(f"--camera {options.camera}: must be {', '.join(CAMERAS)}.")
    if options.roll is not None and abs(options.roll) > 180:
        raise UsageError(f"--roll {options.roll:g}: must be between -180 and 180 degrees.")
    if options.roll is not None and options.roll % 90 and options.pitch is None:
        raise UsageError(f"--roll {options.roll:g}: needs --pitch too, unless it is a quarter turn: 90, -90 or 180.")
    if options.pitch is not None and abs(options.pitch) > 90:
        raise UsageError(f"--pitch {options.pitch:g}: must be between -90 and 90 degrees.")
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


def _load(options: Options, warn: Callable[[str], None]) -> Any:
    from . import networks  # torch takes seconds to import: bad files are refused before

    lifter = networks.load(options.model, options.device, warn, options.input_joints)
    networks.check(lifter)
    if lifter.info.view == "rays" and options.windows != "blended":
        raise UsageError(
            f"--windows {options.windows}: no paper says how {lifter.info.name} is to be run. Leave it out."
        )
    return lifter


def tell_lens(keypoints: Keypoints, options: Options, run: Run, lifter: Any) -> Keypoints:
    """The same with the focal length in its header, guessed where neither the user nor the film told it."""
    from . import lens_guess

    header, camera = keypoints.header, dict(keypoints.header.get("camera") or {})
    turning = keypoints.first_from_cam is not None and options.camera != "static"  # by an angle that hangs on the lens
    if not (lens.given(options) or camera.get("focal_px") or turning or lifter.info.view != "rays"):
        run.stage("lens")
        size = header["width"], header["height"]
        body = kp.to_set(keypoints, lifter.info.joints_in)
        body = upright.turned(body, _quarters(body, lifter.skeleton, options), np.array(size) / 2)
        focal, spread = lens_guess.guess(lifter, body, keypoints.frame_times, size, run.progress)
        camera |= {"focal_px": round(focal, 1), "focal_spread_px": round(spread, 1), "focal_from": "clip"}
    return replace(keypoints, header={**header, "camera": camera})


def lift_with(keypoints: Keypoints, options: Options, run: Run, lifter: Any, terms: Any = None) -> Motion:
    """As `lift`, with a network that is loaded already; terms: of refine.Terms, where they are not the usual."""
    from . import level, published
    from . import lift as lifting
    from .refine import Terms
    from .repair import repaired
    from .smooth import BRIDGED_CONFIDENCE, smooth
    from .world import to_world

    header, times, info = keypoints.header, keypoints.frame_times, lifter.info
    body, exchanged, jumps = kp.to_set(keypoints, info.joints_out), 0, 0
    seen = body if info.joints_in == info.joints_out else kp.to_set(keypoints, info.joints_in)
    if options.refine:
        seen = repaired(seen, times, SETS[info.joints_in])[0]
        body, exchanged, jumps = repaired(body, times, lifter.skeleton)
    if not (seen[..., 2] > 0).any():
        raise InputError("the keypoints show nobody: every point is NaN or has confidence 0. Give other keypoints.")
    size = header["width"], header["height"]
    camera = header.get("camera") or {}
    intrinsics = lens.intrinsics(*size, options, camera.get("focal_px"))
    turned = None if options.camera == "static" else keypoints.first_from_cam
    run.stage("lift")
    quarters = _quarters(body, lifter.skeleton, options, run.warn)
    upright_px = upright.turned(seen, quarters, intrinsics[:2, 2])
    roll = 90 * quarters if options.roll is None else options.roll
    up = None if options.pitch is None else (upright.up(roll, options.pitch), 0.0)
    if info.view == "rays":
        looked, told = 0, None

        def look(done: int, total: int) -> None:
            nonlocal looked
            looked = done
            run.progress(done, 3 * total)  # it is at half the frames, as a rule

        if up is None and lifter.told_up:
            up = level.first_look(lifter, upright_px, times, intrinsics, quarters, keypoints.lines, turned, look)
        if up is not None:
            told = level.in_each_frame(up[0], quarters, turned, len(times))
        lifted = lifting.lift(
            lifter, upright_px, times, intrinsics, options.height,
            lambda done, total: run.progress(looked + done, looked + total), run.warn, told,
        )  # fmt: skip
    else:
        joints = published.lift(
            lifter, upright_px, times, size, options.height, options.windows, run.progress, run.warn
        )
        lifted = Lifted(joints)
    if quarters:
        lifted = lifted.turned(upright.rotation(-quarters)[None])
    up = up or level.by_joints(lifted, lifter.skeleton, intrinsics, keypoints.lines, turned, turned)
    run.stage("world")
    terms = terms or (Terms() if options.refine else Terms(iterations=0))
    world = to_world(lifted, body, times, intrinsics, lifter.skeleton, terms, turned, up, run.progress)
    run.stage("smooth")
    known = np.isfinite(world.positions).all(-1)
    sure = _sure(lifted, body, lifter.skeleton)
    bridged = ~(body[..., 2] > 0).any(-1)  # by what was seen before and after
    sure = np.where(bridged[:, None], np.minimum(sure, BRIDGED_CONFIDENCE), sure)
    confidence = np.where(known, np.maximum(sure, LEAST_CONFIDENCE), 0)
    positions, confidence = smooth(world.positions, confidence, times, options.smooth_hz)
    contacts = world.contacts * _forget_unseen(positions, confidence, body, size, lifter.skeleton, run)
    run.close()
    origin, metres = ("height", options.height) if options.height else ("network", None)
    if (info.units == "image" or info.view == "rays") and not options.height:
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
            "lens": lens.told(options, camera, size), "up": _told_up(options, up, world.world_from_cam),
            "repaired": {"frames_with_sides_exchanged": exchanged, "points_that_jumped": jumps},
            "confidence_kind": keypoints.confidence_kind if lifted.confidence is None else CALIBRATED,
            "settings": {
                "smooth_hz": options.smooth_hz, "refine": options.refine, "hfov": options.hfov, "focal_mm": options.focal_mm,
                "camera": "static" if turned is None else "rotating", "device": str(lifter.device),
                "roll": options.roll, "pitch": options.pitch, "windows": options.windows, "input_joints": info.joints_in,
            },
        },
        joint_names=lifter.skeleton.names, parents=lifter.skeleton.parents, positions=positions, confidence=confidence,
        keypoints_px=body, intrinsics=intrinsics, world_from_cam=world.world_from_cam, contacts=contacts,
        frame_times=times,
    )  # fmt: skip


def _told_up(
    options: Options, up: tuple[npt.NDArray[np.floating], float], world_from_cam: npt.NDArray[np.floating]
) -> dict[str, Any]:
    """What a Motion's header says of gravity: where it is from, and the first camera's pitch and roll in degrees."""
    from .verticals import SURE

    lines = "lines" if up[1] < SURE else "person"
    pitch, roll = upright.pitch_roll(world_from_cam.reshape(-1, 4, 4)[0, 2, :3])
    return {"from": "user" if options.pitch is not None else lines, "pitch": round(pitch, 1), "roll": round(roll, 1)}


def _sure(lifted: Lifted, body: npt.NDArray[np.float32], skeleton: Skeleton) -> npt.NDArray[np.floating]:
    """(F, J) how sure each joint is; the root, from which the network's errors are counted, as its least sure neighbour."""
    if lifted.confidence is None:
        return body[..., 2]
    sure = lifted.confidence.copy()
    sure[:, 0] = sure[:, [j for j, parent in enumerate(skeleton.parents) if parent == 0]].min(1)
    return sure


def _quarters(
    body: npt.NDArray[np.float32],
    skeleton: Skeleton,
    options: Options,
    warn: Callable[[str], None] = lambda text: None,
) -> int:
    """How often the camera was turned by 90 degrees, as the user says or the picture shows; told where it matters."""
    if options.roll is not None:
        return upright.nearest(options.roll)
    quarters = upright.found(body, skeleton)
    if quarters == 2:
        warn("the picture seems to be upside down and is taken so. If it is not, say so: --roll 0.")
        return 2
    if quarters:
        warn(
            "the person lies on their side nearly all the time. If it is the video that is turned, say so: "
            f"--roll {90 if quarters == 1 else -90}."
        )
    return 0


def _forget_unseen(
    positions: npt.NDArray[np.float32],
    confidence: npt.NDArray[np.float32],
    body: npt.NDArray[np.float32],
    size: tuple[int, int],
    skeleton: Skeleton,
    run: Run,
) -> npt.NDArray[np.bool_]:
    """(4,) which feet's points (CONTACT_NAMES) stay known.

    A joint that hardly a frame shows, behind something or outside the picture, is the network's invention, and so is what
    hangs on it: unknown, and said so. The root carries the rest and stays. Raises NobodyFoundError where nothing else is left.
    """
    with np.errstate(invalid="ignore"):
        inside = ((body[..., :2] >= 0) & (body[..., :2] <= size)).all(-1)
    inside[:, [name in kp.DERIVED for name in skeleton.names]] = True  # of points that may lie a little outside
    present = (body[..., 2] > 0).any(-1)
    shown = ((body[..., 2] >= SEEN) & inside)[present].mean(0) >= SEEN_SHARE
    unseen = ~shown
    unseen[0] = False
    for j, parent in enumerate(skeleton.parents):
        unseen[j] |= parent > 0 and unseen[parent]
    if unseen[1:].all():
        raise NobodyFoundError(
            "hardly any joint of the person is in the picture for long, so there is nothing to move. Choose another part: "
            "--start, --end."
        )
    if unseen.any():
        names = ", ".join(n for n, u in zip(skeleton.names, unseen, strict=True) if u)
        positions[:, unseen], confidence[:, unseen] = np.nan, 0
        run.warn(f"hardly ever seen in this clip, so without keys: {names}.")
    feet = [name if name in skeleton.names else f"{name.split('_')[0]}_ankle" for name in CONTACT_NAMES]
    return ~unseen[[skeleton.index(name) for name in feet]]
