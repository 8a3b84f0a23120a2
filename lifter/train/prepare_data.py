"""Makes the training form (data.py reads it) from a folder of BVH and ASF/AMC files.

Files that cannot serve are named in a warning and left out. Clips are 30 fps by plain stride where the source has a
multiple of that, and are cut where a joint is faster than people are; each piece stands on z = 0 and begins at x, y = 0.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from ..contract.files import check_output, replacing
from ..contract.protocol import Cancelled, Event, InputError, OutputError, UsageError
from ..contract.skeleton import BODY_27
from . import asf_amc, bvh, motion_points
from .data import FPS
from .recording import FloatArray

SPIKE_M_S = 12.0  # no joint of a person is faster: above it a marker was lost
FOOT_SPIKE_M_S = 15.0  # of feet in a run
SHORTEST = 30  # frames of a clip: a second
LOWEST_FPS = 20.0  # what is slower has lost the motion between its frames
STILL_M = 0.05  # a clip in which no point leaves so small a box is a pose, not a motion
STANCE_M_S, STANCE_FRAMES = 0.25, 10  # an ankle slower than that is of a foot that stands; how many make a floor
STANCE_PERCENT, SOLE_M = 25, 0.015  # of standing feet's heights, and how far below toe and heel the floor is
LOW_PERCENT, MOST_ABOVE_M = 2, 0.12  # the floor where no foot stands; standing feet that much higher stand on props
ANKLE_M = 0.085  # height of the ankle over the floor: of the body's height
HELD_OUT = 0.1  # share of frames, where the user names nobody
_FEET = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("toe", "heel")]
_ANKLES = [BODY_27.index(f"{side}_ankle") for side in ("left", "right")]


@dataclass(frozen=True)
class Clip:
    """joints (F, 27, 3): metres, Z up, 30 fps."""

    clip_id: str
    subject: str
    source: str
    description: str
    kind: str
    fps_source: float
    joints: FloatArray


def prepare(
    folder: Path,
    out: Path,
    held_out: Sequence[str] = (),
    fps: float | None = None,
    overwrite: bool = False,
    say: Callable[[Event], None] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Write train_00.npz and val.npz into `out` from the motion files in `folder` and below; the two paths.

    held_out: subjects, or clips, for val.npz; default: the shortest subjects (of a single one: the shortest files) up
    to a tenth of all frames. fps: of the files, whatever they say themselves.
    Raises InputError where nothing or too little is usable, UsageError for a name that is nobody's, OutputError.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror}). Choose another.") from error
    targets = [out / "train_00.npz", out / "val.npz"]
    for path in targets:
        check_output(path, overwrite)
    files = [path for path in folder.rglob("*") if path.suffix.lower() in (".amc", ".bvh")]
    files.sort(key=lambda path: (path.suffix.lower(), path))  # AMC first: they lack nothing
    named = [(path, *names(path.relative_to(folder))) for path in files]
    known = {name for _, clip_id, subject, _ in named for name in (clip_id, subject)}
    for name in held_out:
        if name not in known:
            raise UsageError(
                f"--held-out {name}: no such subject; there are {', '.join(sorted({n[2] for n in named}))}."
            )
    clips: list[Clip] = []
    groups: list[tuple[str, str]] = []  # of each piece: its subject, and its clip
    began = time.monotonic()
    for done, (path, clip_id, subject, description) in enumerate(named):
        if cancelled():
            raise Cancelled("cancelled; nothing was written.")
        try:
            if (subject, clip_id) in groups:
                raise InputError(f"{path}: there is already a clip {clip_id}.")
            pieces = read_clips(path, clip_id, subject, description, fps)
            clips += pieces
            groups += [(subject, clip_id)] * len(pieces)
        except InputError as error:
            say(Event("warning", {"message": f"{error} Left out."}))
        rate = (done + 1) / max(time.monotonic() - began, 1e-6)
        left = (len(named) - done - 1) / rate
        say(Event("progress", {"stage": "read", "done": done + 1, "total": len(named), "rate": rate, "eta": left}))
    if not clips:
        raise InputError(f"{folder}: has no BVH or AMC file that is usable{' (see the warnings)' if named else ''}.")
    chosen = _held_out(clips, groups, held_out, folder)
    for path, wanted in zip(targets, (False, True), strict=True):
        save(path, [clip for clip, held in zip(clips, chosen, strict=True) if held == wanted])
    return targets


def read_clips(path: Path, clip_id: str, subject: str, description: str, fps: float | None = None) -> list[Clip]:
    """The clean pieces of a BVH or AMC file. Raises InputError."""
    recording = bvh.read(path) if path.suffix.lower() == ".bvh" else asf_amc.read(path)
    skeleton = motion_points.recognise(recording.names, str(path))
    rate = fps or skeleton.fps or recording.fps
    if not rate:
        raise InputError(f"{path}: says no frame rate; give it by --fps.")
    if not fps and abs(rate - 120) < 1 and subject in {f"cmu{n:03}" for n in _facts()["cmu_at_60"]}:
        rate = 60.0
    if rate < LOWEST_FPS:
        raise InputError(f"{path}: has {rate:.3g} frames a second, and {LOWEST_FPS:g} are needed.")
    if recording.frames <= skeleton.drop + 1:
        raise InputError(f"{path}: has a single frame.")
    ratio = rate / FPS
    plain = abs(ratio / max(round(ratio), 1) - 1) < 0.005  # 29.97 and the like too
    recording = recording.at(slice(skeleton.drop, None, round(ratio) if plain else None))
    joints = motion_points.body_points(recording, skeleton, str(path))
    if not plain:
        times = np.arange(int((len(joints) - 1) / ratio) + 1) * ratio
        joints = CubicSpline(np.arange(len(joints)), joints)(times)
    kinds = (k for k, words in _facts()["kinds"].items() if re.search(rf"\b({'|'.join(words)})", description))
    kind = next(kinds, "unknown")
    pieces = [
        on_floor(piece) for piece in cut(joints, kind == "run") if np.ptp(piece - piece[:, :1], 0).max() > STILL_M
    ]
    if not pieces:
        raise InputError(f"{path}: has no second of motion without spikes.")
    one = Clip(clip_id, subject, skeleton.name, description, kind, rate, pieces[0])
    if len(pieces) == 1:
        return [one]
    return [replace(one, clip_id=f"{clip_id}_s{i}", joints=piece) for i, piece in enumerate(pieces)]


def cut(joints: FloatArray, running: bool = False) -> list[FloatArray]:
    """The pieces between spikes, a second long or more."""
    limit = np.full(len(BODY_27), SPIKE_M_S)
    if running:
        limit[_FEET] = FOOT_SPIKE_M_S
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * FPS
    pieces = np.split(joints, np.flatnonzero((speed > limit).any(1)) + 1)
    return [piece for piece in pieces if len(piece) >= SHORTEST]


def on_floor(joints: FloatArray) -> FloatArray:
    """Moved so that the floor is z = 0 and the first pelvis is over the origin."""
    feet = joints[:, _FEET, 2].reshape(-1, 2, 2).min(-1)  # (F, 2) the lower of toe and heel
    speed = np.linalg.norm(np.gradient(joints[:, _ANKLES], axis=0), axis=-1) * FPS
    standing = feet[speed < STANCE_M_S]
    floor = lowest = np.percentile(joints[..., 2].min(1), LOW_PERCENT)
    if len(standing) >= STANCE_FRAMES:
        stance = np.percentile(standing, STANCE_PERCENT) - SOLE_M
        floor = stance if stance - lowest <= MOST_ABOVE_M else lowest
    return joints - [*joints[0, 0, :2], floor]


def names(path: Path) -> tuple[str, str, str]:
    """Clip id, subject and description of a file by its path in the folder.

    01_05 is CMU's way (subject 1, trial 5); else the subject is the folder, or of a file in no folder the first word.
    """
    cmu = re.fullmatch(r"(\d{1,3})_(\d{1,3})", path.stem)
    words = re.findall(r"[^\W\d_]+", " ".join(path.with_suffix("").parts).lower())
    if cmu:
        return f"cmu_{int(cmu[1]):02}_{int(cmu[2]):02}", f"cmu{int(cmu[1]):03}", " ".join(words)
    clip_id = "_".join(path.with_suffix("").parts)
    subject = path.parts[-2] if len(path.parts) > 1 else re.split(r"[\W_]", path.stem)[0]
    return clip_id, subject or clip_id, " ".join(words)


def save(path: Path, clips: Sequence[Clip]) -> None:
    """Write the training form."""
    whole = [np.round(clip.joints * 1000).astype(np.int32) for clip in clips]
    delta = np.concatenate([np.diff(w, axis=0, prepend=0) for w in whole])
    length = np.array([len(w) for w in whole], np.int64)
    with replacing(path) as part:
        np.savez_compressed(
            part, delta=delta.astype(np.int16), start=np.cumsum(length) - length, length=length,
            clip_id=np.array([c.clip_id for c in clips]), subject=np.array([c.subject for c in clips]),
            source=np.array([c.source for c in clips]), description=np.array([c.description for c in clips]),
            category=np.array([c.kind for c in clips]), fps=np.full(len(clips), FPS, np.float32),
            fps_source=np.array([round(c.fps_source) for c in clips], np.int32),
            height_m=np.array([_height(c.joints) for c in clips], np.float32), points=np.array(BODY_27.names),
        )  # fmt: skip


def _held_out(
    clips: Sequence[Clip], groups: Sequence[tuple[str, str]], wanted: Sequence[str], folder: Path
) -> list[bool]:
    """Which clips are for val.npz."""
    if not wanted:
        by = 0 if len({subject for subject, _ in groups}) > 1 else 1
        frames: dict[str, int] = {}
        for clip, group in zip(clips, groups, strict=True):
            frames[group[by]] = frames.get(group[by], 0) + len(clip.joints)
        shortest = sorted(frames, key=lambda n: (frames[n], n))[:-1]
        upto = np.cumsum([frames[n] for n in shortest])
        wanted = shortest[: max(int((upto <= HELD_OUT * sum(frames.values())).sum()), 1)]
    chosen = [not {*group}.isdisjoint(wanted) for group in groups]
    if all(chosen) or not any(chosen):
        what = "one clip" if len({*groups}) == 1 else f"{'only' if all(chosen) else 'no'} clips to hold out"
        raise InputError(f"{folder}: has {what}; there must be some to learn from and others to check by.")
    return chosen


def _height(joints: FloatArray) -> float:
    """Metres: of the body stretched out."""

    def length(*chain: str) -> float:
        line = joints[:, [BODY_27.index(name) for name in chain]]
        return float(np.median(np.linalg.norm(np.diff(line, axis=1), axis=-1).sum(1)))

    legs = [length(f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in ("left", "right")]
    return ANKLE_M + float(np.mean(legs)) + length("pelvis", "spine", "thorax", "head_top")


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
