"""The people in a video: detected frame by frame, followed, and those asked for chosen."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import detect as detectors
from . import lens, lens_metadata, lines
from . import video as videos
from .cache import Cache, Detections
from .camera_motion import CameraMotion
from .contract.protocol import InputError, NobodyFoundError, UsageError
from .cuts import cuts, look
from .keypoints import Keypoints
from .preview import Preview
from .progress import Run
from .track import Track, track

if TYPE_CHECKING:
    from .pipeline import Options

PEOPLE = 4  # sought in each frame, whoever is asked for: the detector that seeks fewer may never see the main person
TRUNCATED_SHARE = 0.9  # of the frames promised; fewer mean a damaged file (some containers promise a few too many)
UNEVEN = 1.5  # times the usual step between frames: here one was left out
CLICK_S = 0.5  # so long before or after a click the person clicked on must be seen
CLICK_SIZES = 0.25  # of a person, the diagonal of the box around them: a click farther away means somebody else
CUTS_TOLD = 5
CACHE_VERSION = 3  # of what is detected and kept: raised when that changes, so that nothing old is mixed in


@dataclass(frozen=True)
class Found:
    """Everybody in a video, most prominent first: person 1 is tracks[0]. times (F,) seconds; cuts: first frames of
    further scenes; first_from_cam, lines: of Keypoints."""

    video: videos.Video
    header: dict[str, Any]  # of Keypoints
    point_names: tuple[str, ...]
    times: npt.NDArray[np.float64]
    cuts: list[int]
    tracks: list[Track]
    first_from_cam: npt.NDArray[np.float64] | None = None
    lines: npt.NDArray[np.float32] | None = None

    def keypoints(self, number: int) -> Keypoints:
        """Of the person with this number, from 1."""
        header = {**self.header, "person": number}
        one = self.tracks[number - 1]
        scene = np.searchsorted(self.cuts, one.frames[0], "right")
        lines = self.lines
        if lines is not None:  # of their scene
            lines = lines[np.searchsorted(self.cuts, lines[:, 0], "right") == scene]
        return Keypoints(header, self.point_names, one.points, self.times, self.first_from_cam, lines)

    def chosen(self, person: str) -> list[int]:
        """The numbers of the people asked for (Options.person). Raises NobodyFoundError."""
        if person == "all":
            return list(range(1, len(self.tracks) + 1))
        if at := click(person):
            return [self._nearest(person, *at)]
        number = 1 if person == "largest" else int(person)
        if number > len(self.tracks):
            raise NobodyFoundError(
                f"--person {number}: only {len(self.tracks)} people were found. Choose a smaller number."
            )
        return [number]

    def _nearest(self, person: str, x: float, y: float, time_s: float) -> int:
        """The person with a point nearest to pixel x, y."""
        seen: list[tuple[float, int, npt.NDArray[np.float32]]] = []
        for number, one in enumerate(self.tracks, 1):
            at = int(np.abs(self.times[one.frames] - time_s).argmin())
            if abs(self.times[one.frames[at]] - time_s) <= CLICK_S:
                xy = one.seen[at, :, :2]
                seen.append((float(np.linalg.norm(xy - (x, y), axis=-1).min()), number, xy))
        away, number, xy = min(seen, key=lambda s: s[0], default=(np.inf, 0, np.zeros((1, 2), np.float32)))
        if away > CLICK_SIZES * np.linalg.norm(np.ptp(xy, axis=0)):
            there = ", ".join(f"{n} at {p[:, 0].mean():.0f},{p[:, 1].mean():.0f}" for _, n, p in seen) or "nobody"
            raise NobodyFoundError(f"--person {person}: nobody is there. Then in view: {there}. Choose one of them.")
        return number


def click(person: str) -> tuple[float, float, float] | None:
    """x, y in pixels of the upright frame and seconds, where Options.person is that."""
    try:
        x, y, time_s = map(float, person.split(","))
    except ValueError:
        return None
    return (x, y, time_s) if all(math.isfinite(v) for v in (x, y, time_s)) else None


def check_person(person: str) -> None:
    """Refuse what is no choice of people. Raises UsageError."""
    if person not in ("largest", "all") and not (person.isdecimal() and int(person) > 0) and not click(person):
        raise UsageError(
            f"--person {person}: must be largest, all, a number from 1, or X,Y,TIME of a click (pixels, seconds)."
        )


def find(video: videos.Video, options: Options, run: Run) -> Found:
    """Everybody in the part of the video that the options name. Raises NobodyFoundError, InputError, UsageError."""
    _check_click(video, options)
    sha = videos.sha256(video.path)
    run.stage("detect")
    found, names = _detections(video, sha, options, run)
    run.stage("track")
    times = np.array(found.times)
    scenes = cuts(found.looks)
    if scenes:
        told = ", ".join(f"{times[f]:.2f} s" for f in scenes[:CUTS_TOLD]) + ", …" * (len(scenes) > CUTS_TOLD)
        run.warn(
            f"the picture changes at {told}: nobody is followed from one scene into the next. "
            "Capture each scene by itself: --start, --end."
        )
    tracks = track(found.people, times, run.progress, scenes)
    camera, kept = _camera(found, video, scenes, options, run)
    source = {
        "file": video.path.name, "sha256": sha, "frame_count": video.frame_count, "width": video.width,
        "height": video.height,
    }  # fmt: skip
    header = {
        "fps": _fps(video.fps, times), "width": video.width, "height": video.height, "first_frame": found.indices[0],
        "source": source, "detector": options.detector,
        "camera": kept,
    }  # fmt: skip
    turned = None if camera.kind == "static" else camera.first_from_cam
    return Found(video, header, names, times, scenes, tracks, turned, np.concatenate(found.lines))


def _camera(
    found: Detections, video: videos.Video, scenes: list[int], options: Options, run: Run
) -> tuple[CameraMotion, dict[str, Any]]:
    """What the camera did, for the lens that the joints will be lifted with; and what Keypoints note of both."""
    size, may_rest = (video.width, video.height), options.camera != "rotating"
    noted = lens_metadata.focal_mm(video.path)
    noted_px = noted and lens.focal_px(*size, noted)
    camera = found.background.result(lens.intrinsics(*size, options, noted_px), scenes, may_rest)
    told_px = noted_px or camera.focal_px
    if not noted_px and told_px and not lens.given(options):
        camera = found.background.result(lens.intrinsics(*size, options, told_px), scenes, may_rest)
    if camera.warning and options.camera != "static":
        run.warn(camera.warning)
    kept: dict[str, Any] = {"kind": camera.kind}
    if told_px and (noted_px or options.camera != "static"):
        kept |= {"focal_px": round(told_px, 2), "focal_from": "file" if noted_px else "pan"}
    if camera.focal_spread_px and "focal_px" in kept and not noted_px:
        kept["focal_spread_px"] = round(camera.focal_spread_px, 2)
    return camera, kept


def _check_click(video: videos.Video, options: Options) -> None:
    """Refuse a click outside the picture or the part that is read, before the long work."""
    if at := click(options.person):
        x, y, time_s = at
        if not (0 <= x <= video.width and 0 <= y <= video.height):
            raise UsageError(f"--person {options.person}: the picture has {video.width}x{video.height} pixels.")
        end = options.end or (video.frame_count / video.fps + CLICK_S if video.frame_count else np.inf)
        if not options.start <= time_s <= end:
            raise UsageError(
                f"--person {options.person}: {time_s:g} s lies outside the part of the video that is read."
            )


def _detections(video: videos.Video, sha: str, options: Options, run: Run) -> tuple[Detections, tuple[str, ...]]:
    cache = Cache(options.cache, CACHE_VERSION, sha, options.detector, PEOPLE, options.start, options.end)
    expected = video.frame_count
    if options.end is not None or options.start:
        stop = min(options.end or np.inf, expected / video.fps)
        expected = max(round((stop - options.start) * video.fps), 1)
    detector = detectors.build(options.detector, PEOPLE)
    preview = Preview(options.preview, detector.point_names)
    try:
        found, whole = cache.load(len(detector.point_names))
        before = len(found)
        frames = iter(() if whole else videos.frames(video, options.start, options.end))

        def follow(frame: videos.Frame, people: npt.NDArray[np.float32]) -> None:
            boxes, at = _boxes(people), len(found) - 1
            found.background.add(frame.rgb, boxes)
            if at >= before and lines.due(frame.time_s, found.times[at - 1] if at else None):
                found.lines.append(lines.segments(frame.rgb, boxes, at))
            cache.save(found, whole=False)
            preview.show(frame.rgb, people)

        # While the detector works on a frame, the one before it is followed and the next one decoded.
        with ThreadPoolExecutor(1) as beside:
            coming, followed, number = beside.submit(next, frames, None), None, -1
            while (frame := coming.result()) is not None:
                coming, number = beside.submit(next, frames, None), number + 1
                if number >= before:  # those known from the cache are passed over one by one: cancelling is heard
                    people = detector.detect(frame.rgb, frame.time_s)
                    if followed:
                        followed.result()
                    found.add(frame.index, frame.time_s, people, look(frame.rgb))
                if number >= before - 1:
                    followed = beside.submit(follow, frame, found.people[number])
                run.progress(len(found), max(expected, len(found) + 1))
            if followed:
                followed.result()
    finally:
        detector.close()
        preview.close()
    if not found:
        raise InputError(
            f"{video.path}: has no frames between --start {options.start:g} s and --end. Choose another part."
        )
    cache.save(found, whole=True)
    run.progress(len(found), len(found))
    if options.end is None and found.indices[-1] + 1 < TRUNCATED_SHARE * video.frame_count:
        run.warn(
            f"{video.path.name}: the file promises {video.frame_count} frames, but only {found.indices[-1] + 1} "
            f"({found.times[-1]:.2f} s) can be decoded. It is cut off or damaged; what could be read is used."
        )
    return found, detector.point_names


def _boxes(people: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(P, 4) left, top, right, bottom of people's points (P, K, 3)."""
    return np.concatenate([people[..., :2].min(1), people[..., :2].max(1)], -1)


def _fps(claimed: float, times: npt.NDArray[np.float64]) -> float:
    """Nominal rate: the file's, but of the even stretches where frames are left out (a file's mean would be too low)."""
    steps = np.diff(times)
    if not len(steps) or steps.max() < UNEVEN * np.median(steps):
        return claimed
    return 1 / float(steps[steps < UNEVEN * np.median(steps)].mean())
