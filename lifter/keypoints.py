"""2D keypoints: the Keypoints type and its file, and the maps from what detectors see to the joints we lift.

No detector sees pelvis, spine, thorax or head_top. `derive` makes them from seen points by fixed linear formulas;
the trainer runs the very same function on projected landmarks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .contract.files import replacing
from .contract.motion import read_npz
from .contract.protocol import InputError
from .contract.skeleton import BODY_27, H36M_17
from .detect import DETECTORS
from .keypoint_sets import COCO_17, HALPE_26, POSETRACK_17, coco_to_h36m, halpe_to_h36m, posetrack_to_h36m

FORMAT_NAME = "video_to_armature.keypoints"
FORMAT_VERSION = 1

FloatArray = npt.NDArray[np.float32]

MEDIAPIPE_33 = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
SAME_POINT = {"left_foot_index": "left_toe", "right_foot_index": "right_toe"}  # mediapipe's word: ours

# head_top = mid-ears + UP·(mid-ears − mid-shoulders) + BACK·(mid-ears − nose): the least-squares fit over the
# training motions (mean error 32 mm); linear, so it holds in 2D as in 3D.
HEAD_UP = 0.61
HEAD_BACK = 0.19
DERIVED = ("pelvis", "spine", "thorax", "head_top")


@dataclass(frozen=True)
class Keypoints:
    """One person's 2D evidence. `keypoints_px` (F, K, 3): x, y in pixels of the upright frame, confidence; unseen: NaN, 0.

    `frame_times` (F,) seconds in the source. The header holds fps, width, height, first_frame, source, detector, and of a
    film whose camera was judged also camera (kind, focal_px where it is told). `first_from_cam` (F, 3, 3): camera axes of
    each frame to those of its scene's first, None of a camera that stays as it is. `lines` (N, 5): straight edges of what stands
    around the people in some of the frames: the frame, from 0, and x and y of both ends; None where none were sought.
    """

    header: Mapping[str, Any]
    names: tuple[str, ...]
    keypoints_px: FloatArray
    frame_times: npt.NDArray[np.float64]
    first_from_cam: npt.NDArray[np.float64] | None = None
    lines: FloatArray | None = None

    def __post_init__(self) -> None:
        points = np.array(self.keypoints_px, np.float32, order="C")
        times = np.array(self.frame_times, np.float64)
        object.__setattr__(self, "header", dict(self.header))
        object.__setattr__(self, "names", tuple(str(n) for n in self.names))
        missing = {"fps", "width", "height", "first_frame"} - self.header.keys()
        if missing:
            raise ValueError(f"header lacks {', '.join(sorted(missing))}")
        if points.shape != (len(times), len(self.names), 3) or not len(times):
            raise ValueError(f"keypoints_px has shape {points.shape}, expected ({len(times)}, {len(self.names)}, 3)")
        if (np.diff(times) <= 0).any() or not np.isfinite(times).all():
            raise ValueError("frame_times do not increase")
        seen = np.isfinite(points).all(-1) & (points[..., 2] > 0)
        points[~seen] = (np.nan, np.nan, 0)
        if (points[..., 2] > 1).any():
            raise ValueError("confidence is above 1")
        arrays = {"keypoints_px": points, "frame_times": times}
        if self.first_from_cam is not None:
            turned = arrays["first_from_cam"] = np.array(self.first_from_cam, np.float64)
            if turned.shape != (len(times), 3, 3) or not np.isfinite(turned).all():
                raise ValueError(f"first_from_cam has shape {turned.shape} or NaN, expected ({len(times)}, 3, 3)")
        if self.lines is not None:
            lines = arrays["lines"] = np.array(self.lines, np.float32)
            if lines.ndim != 2 or lines.shape[1] != 5 or not np.isfinite(lines).all():
                raise ValueError(f"lines has shape {lines.shape} or NaN, expected (N, 5)")
            if len(lines) and not (0 <= lines[:, 0].min() and lines[:, 0].max() < len(times)):
                raise ValueError("lines are of frames that are not there")
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """(F, K) where a point was seen."""
        return self.keypoints_px[..., 2] > 0

    @property
    def confidence_kind(self) -> str:
        """What the numbers beside x and y are, as far as can be told."""
        detector = self.header.get("detector") or "an unknown detector"
        if detector in DETECTORS:
            return "detector visibility"
        given = not np.isin(self.keypoints_px[..., 2], (0, 1)).all()
        return f"keypoint score of {detector}" if given else "none given: 1 where seen"

    def save(self, path: str | Path) -> None:
        """Write beside `path` and rename. Raises OutputError."""
        header = {**self.header, "format": FORMAT_NAME, "version": FORMAT_VERSION}
        further = {"first_from_cam": self.first_from_cam, "lines": self.lines}
        with replacing(Path(path)) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                allow_pickle=False,
                header=np.array(json.dumps(header, ensure_ascii=False)),
                names=np.array(self.names, dtype=np.str_),
                keypoints_px=self.keypoints_px,
                frame_times=self.frame_times,
                **{name: array for name, array in further.items() if array is not None},
            )

    @classmethod
    def load(cls, path: str | Path) -> Keypoints:
        """Read a keypoints file. Raises InputError saying what is wrong with it."""
        record = read_npz(Path(path), FORMAT_NAME, FORMAT_VERSION)
        try:
            header, names, further = (
                record["header"],
                record["names"],
                (record.get("first_from_cam"), record.get("lines")),
            )
            return cls(header, names, record["keypoints_px"], record["frame_times"], *further)
        except KeyError as error:
            raise InputError(f"{path}: not a whole keypoints file, missing {error}. Detect again.") from error
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: {error}. Detect again.") from error


def to_set(keypoints: Keypoints, name: str) -> FloatArray:
    """(F, K, 3) x, y, confidence of one of keypoint_sets.SETS, by its name. Raises InputError for what is lacking."""
    if name == "BODY_27":
        return to_body_27(keypoints)
    return to_h36m_17(keypoints) if name == "H36M_17" else _named(keypoints, COCO_17)


def to_h36m_17(keypoints: Keypoints) -> FloatArray:
    """(F, 17, 3) x, y, confidence in H36M_17 order: as the source has them, else by the map that the published lifters
    were trained with. Raises InputError when the set is too poor."""
    for names, convert in _TO_H36M:
        if set(names) <= set(keypoints.names):
            return convert(_named(keypoints, names))
    return coco_to_h36m(_named(keypoints, COCO_17))


_TO_H36M: tuple[tuple[tuple[str, ...], Callable[[FloatArray], FloatArray]], ...] = (
    (H36M_17.names, np.array),
    (HALPE_26, halpe_to_h36m),
    (POSETRACK_17, posetrack_to_h36m),
)


def _named(keypoints: Keypoints, names: tuple[str, ...]) -> FloatArray:
    """(F, K, 3) of the points with these names."""
    _refuse_lacking(keypoints, names)
    return keypoints.keypoints_px[:, [keypoints.names.index(name) for name in names]]


def _refuse_lacking(keypoints: Keypoints, needed: tuple[str, ...]) -> None:
    lacking = [name for name in needed if name not in keypoints.names]
    if lacking:
        listed = ", ".join([*lacking[:4], "…"][: len(lacking)])
        raise InputError(
            f"{len(keypoints.names)} keypoints named {', '.join(keypoints.names[:4])}, … have no {listed}: "
            "this model cannot lift them. Use MEDIAPIPE_33, COCO_17, HALPE_26 or BODY_25 names."
        )


def to_body_27(keypoints: Keypoints) -> FloatArray:
    """(F, 27, 3) x, y, confidence in BODY_27 order; what the source has no point for stays NaN, 0.

    Points that BODY_27 derives are derived anew, also when the file brings its own. Raises InputError when the
    set has too little to lift: hips and shoulders are needed.
    """
    _refuse_lacking(keypoints, ("left_hip", "right_hip", "left_shoulder", "right_shoulder"))
    position = {SAME_POINT.get(name, name): i for i, name in enumerate(keypoints.names)}
    body = np.full((len(keypoints.frame_times), len(BODY_27), 3), np.nan, np.float32)
    body[..., 2] = 0
    for j, name in enumerate(BODY_27.names):
        if name in position and name not in DERIVED:
            body[:, j] = keypoints.keypoints_px[:, position[name]]
    return derive(body)


def derive(body: FloatArray) -> FloatArray:
    """Fill pelvis, spine, thorax and head_top of (..., 27, 3) points (x, y, confidence) from the seen ones.

    Confidence of a derived point is the smallest of its sources; one unseen source leaves it unseen (NaN, 0).
    """
    at = BODY_27.index
    body = body.copy()

    def put(name: str, xy: FloatArray, *sources: str) -> None:
        confidence = np.minimum.reduce([body[..., at(s), 2] for s in sources])
        body[..., at(name), :2] = np.where(confidence[..., None] > 0, xy, np.nan)
        body[..., at(name), 2] = confidence

    def xy(name: str) -> FloatArray:
        return body[..., at(name), :2]

    hips = (xy("left_hip") + xy("right_hip")) / 2
    shoulders = (xy("left_shoulder") + xy("right_shoulder")) / 2
    ears = (xy("left_ear") + xy("right_ear")) / 2
    put("pelvis", hips, "left_hip", "right_hip")
    put("thorax", shoulders, "left_shoulder", "right_shoulder")
    put("spine", (hips + shoulders) / 2, "pelvis", "thorax")
    top = ears + HEAD_UP * (ears - shoulders) + HEAD_BACK * (ears - xy("nose"))
    put("head_top", top, "left_ear", "right_ear", "nose", "thorax")
    return body
