"""How good a network is on a data set, as the papers measure it: errors of every clip, and the table of their groups.

Root-relative, millimetres. Human3.6M: per action, mean over actions. HumanEva: per subject and action. MPI-INF-3DHP:
over its valid frames, per test sequence. A group's figure is the mean over its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .. import lift as lifting
from .. import metrics, published
from ..contract.protocol import InputError, RuntimeUnfitError
from ..keypoint_sets import SETS
from ..keypoints import Keypoints, to_set
from ..networks import Lifter
from ..screen import to_screen
from .cameras import project
from .datasets import Clip, Dataset

FloatArray = npt.NDArray[np.floating]

PCK_MM = 150.0
PCK_LEFT_OUT = ("pelvis", "spine", "nose")  # 14 joints count in the script that comes with 3DHP's test set
HUMANEVA_ACTIONS = ("Walking", "Jog", "Box")  # of the papers' tables


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Score:
    """Errors of one clip, or means over a group of them: millimetres, percent."""

    name: str
    frames: int
    errors: dict[str, float]


@dataclass(frozen=True)
class Evaluator:
    """A network and the data that it is to be tried on. windows: paper or blended (published.predict)."""

    lifter: Lifter
    data: Dataset
    windows: str = "paper"

    def __post_init__(self) -> None:
        """Raises RuntimeUnfitError when the network reads or gives other joints than the data set has."""
        names = self.data.joint_names
        if self._points_set is None and self._count("joints_in") != len(self.data.point_names):
            raise RuntimeUnfitError(
                f"{self._model}: reads {self._count('joints_in')} points a frame, {self.data.name} with these detections "
                f"has {len(self.data.point_names)}. Choose another detector or model."
            )
        if self._columns is None and self._count("joints_out") != len(names):
            raise RuntimeUnfitError(
                f"{self._model}: gives {self._count('joints_out')} joints, {self.data.name} has {len(names)}."
            )

    @property
    def notes(self) -> list[str]:
        """What else a reader of the figures must know."""
        info = self.lifter.info
        lines = ["millimetres, root-relative, mean of the network's view and the mirrored one"]
        if self.data.name == "3dhp":
            lines.append("valid frames only; PCK below 150 mm and AUC 0–150 mm in percent of 14 joints, MPJPE of 17")
        else:
            lines.append("MPJVE is per frame and inside each clip; some published code runs it across clip borders")
        if info.view == "rays":
            lines.append(f"{info.name} gives everybody one body size: N-MPJPE and P-MPJPE tell more than MPJPE")
        elif info.units == "image":
            lines.append(
                "picture units: scaled by the root's true distance over the focal length and compared with the"
            )
            lines.append("true joints in the same 2.5D, as MotionBERT is, which also leaves out three takes of S9")
        return lines

    def scores(self, progress: Callable[[int, int], None], warn: Callable[[str], None]) -> list[tuple[Clip, Score]]:
        """Every clip with 3D and its errors. `progress(done, total)` counts frames; it may raise to stop."""
        clips = [c for c in self.data.clips if c.joints_cam is not None and np.isfinite(c.joints_cam).any()]
        if not clips:
            raise InputError(f"{self.data.name}: none of the chosen clips has 3D joints to compare with.")
        total, done = sum(clip.frames for clip in clips), 0
        found: list[tuple[Clip, Score]] = []
        progress(0, total)
        for clip in clips:

            def tell(n: int, of: int, before: int = done, frames: int = clip.frames) -> None:
                progress(before + frames * n // of, total)

            predicted, true, kept = self.compare(clip, tell, warn)
            missed = (
                int(np.isfinite(clip.joints_cam).all((1, 2)).sum()) - len(kept) if clip.joints_cam is not None else 0
            )
            if missed:
                warn(f"{clip.name}: {missed} frames without a prediction do not count.")
            if len(kept):
                found.append((clip, Score(clip.name, len(kept), self._errors(predicted, true))))
            done += clip.frames
            progress(done, total)
        if not found:
            raise RuntimeUnfitError(f"{self._model}: finds nobody in {self.data.name}.")
        return found

    def compare(
        self, clip: Clip, progress: Callable[[int, int], None] = _nothing, warn: Callable[[str], None] = _nothing
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Predicted and true joints (F', J, 3), metres from the root, of the frames (F',) whose truth is known."""
        assert clip.joints_cam is not None
        predicted = self._predicted(clip, progress, warn)
        if self._columns is not None:
            predicted = predicted[:, self._columns]
        predicted, true = predicted - predicted[:, :1], clip.joints_cam - clip.joints_cam[:, :1]
        if self.lifter.info.units == "image":
            metres = clip.joints_cam[:, :1, 2:] / clip.camera.screen[:2].mean()
            on_screen = project(torch.from_numpy(clip.joints_cam), torch.from_numpy(clip.camera.screen)).numpy()
            true = np.concatenate([(on_screen - on_screen[:, :1]) * metres, true[..., 2:]], -1)
            predicted = predicted * metres
        kept = np.flatnonzero(np.isfinite(true).all((1, 2)) & np.isfinite(predicted).all((1, 2)))
        return predicted[kept], true[kept], kept

    def _predicted(self, clip: Clip, progress: Callable[[int, int], None], warn: Callable[[str], None]) -> FloatArray:
        """(F, J', 3) as the network gives them, in its units."""
        width, height = clip.camera.width, clip.camera.height
        points, times = clip.keypoints_px, np.arange(clip.frames) / clip.fps
        if self._points_set is not None:
            header = {"fps": clip.fps, "width": width, "height": height, "first_frame": 0}
            points = to_set(Keypoints(header, self.data.point_names, points, times), self._points_set)
        if self.lifter.info.view == "rays":
            (fx, fy), (cx, cy) = clip.camera.focal_px, clip.camera.centre_px
            intrinsics = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            return lifting.lift(self.lifter, points, times, intrinsics, None, progress, warn).joints
        if np.isnan(points).any():
            placed = np.zeros_like(points[..., :2])
            if self._points_set is not None:
                placed = published.place_unseen(points[..., :2], SETS[self._points_set])
            points = np.concatenate([placed, points[..., 2:]], -1)
        known, data = self.lifter.info, self.data
        mirrors = (
            SETS[known.joints_in].mirror if self._points_set else data.mirror_points,
            SETS[known.joints_out].mirror if self._columns else data.mirror_joints,
        )
        on_screen = to_screen(points, width, height)
        return published.predict(self.lifter, on_screen, self.windows, mirrors=mirrors, progress=progress, warn=warn)

    def _errors(self, predicted: FloatArray, true: FloatArray) -> dict[str, float]:
        p, t = 1000 * predicted.astype(np.float64), 1000 * true.astype(np.float64)
        if self.data.name == "3dhp":
            counted = [j for j, name in enumerate(self.data.joint_names) if name not in PCK_LEFT_OUT]
            pc, tc = p[:, counted], t[:, counted]
            return {
                "pck": metrics.pck(pc, tc, PCK_MM),
                "auc": metrics.auc(pc, tc, PCK_MM),
                "mpjpe": metrics.mpjpe(p, t),
            }
        return {
            "mpjpe": metrics.mpjpe(p, t),
            "p_mpjpe": metrics.p_mpjpe(p, t),
            "n_mpjpe": metrics.n_mpjpe(p, t),
            "mpjve": metrics.mpjve(p, t) if len(p) > 1 else float("nan"),
        }

    @property
    def _model(self) -> str:
        return str(self.lifter.info.path)

    def _count(self, side: str) -> int:
        """Points that the network reads (joints_in) or joints that it gives (joints_out)."""
        network: Any = self.lifter.network
        return getattr(network, side, None) or network.joints

    @property
    def _points_set(self) -> str | None:
        """The known set that the network reads; None: it reads the data set's own points in their order."""
        name = self.lifter.info.joints_in
        return name if name in SETS and len(SETS[name]) == self._count("joints_in") else None

    @property
    def _columns(self) -> list[int] | None:
        """Where the data set's joints are in the network's output; None: in the data set's order."""
        name = self.lifter.info.joints_out
        if name not in SETS or len(SETS[name]) != self._count("joints_out"):
            return None
        known = SETS[name].names
        return [known.index(j) for j in self.data.joint_names] if set(self.data.joint_names) <= set(known) else None


def chosen(data: Dataset, subjects: Iterable[str]) -> Dataset:
    """The clips of some subjects (all: none named), and of HumanEva the papers' actions. Raises InputError."""
    wanted = list(subjects)
    there = sorted({clip.subject for clip in data.clips})
    for subject in wanted:
        if subject not in there:
            raise InputError(f"{data.name}: no subject '{subject}'; there are {', '.join(there)}.")
    clips = [c for c in data.clips if not wanted or c.subject in wanted]
    if data.name == "humaneva":
        clips = [c for c in clips if c.action.startswith(HUMANEVA_ACTIONS)]
    return Dataset(data.name, tuple(clips), data.point_names, data.joint_names)


def grouped(data: Dataset, scores: Iterable[tuple[Clip, Score]]) -> Iterator[Score]:
    """A row for each action (HumanEva: subject and action; mocap: subject), then their mean; 3DHP's is over frames."""
    groups: dict[str, list[Score]] = {}
    for clip, score in scores:
        groups.setdefault(_group(data.name, clip), []).append(score)
    rows = [_mean(name, members, [score.frames for score in members]) for name, members in groups.items()]
    yield from rows
    if data.name == "3dhp":
        yield _mean("all frames", rows, [row.frames for row in rows])
    else:
        yield _mean("mean", rows, [1] * len(rows))


def table(rows: Iterable[Score]) -> list[str]:
    """Lines of plain text."""
    rows = list(rows)
    wide = max(len(row.name) for row in rows)
    titles = {
        "mpjpe": "MPJPE",
        "p_mpjpe": "P-MPJPE",
        "n_mpjpe": "N-MPJPE",
        "mpjve": "MPJVE",
        "pck": "PCK",
        "auc": "AUC",
    }
    lines = [" " * wide + f"{'frames':>9}" + "".join(f"{titles[key]:>9}" for key in rows[0].errors)]
    for row in rows:
        figures = "".join(f"{value:9.2f}" if key == "mpjve" else f"{value:9.1f}" for key, value in row.errors.items())
        lines.append(f"{row.name:{wide}}{row.frames:9d}{figures}")
    return lines


def _group(form: str, clip: Clip) -> str:
    """Human3.6M's 'Walking 1' is Walking; HumanEva's 'Jog 1 chunk0' of Validate/S2 is S2 Jog."""
    if form == "mocap":
        return clip.subject
    action = clip.action.partition(" ")[0]
    return f"{clip.subject.rpartition('/')[2]} {action}" if form == "humaneva" else action


def _mean(name: str, scores: list[Score], weights: list[int]) -> Score:
    """Weighted means; a figure that a clip has not (the velocity of one frame) counts nothing."""
    means: dict[str, float] = {}
    for key in scores[0].errors:
        values = np.array([score.errors[key] for score in scores])
        known = np.isfinite(values)
        means[key] = float(np.average(values[known], weights=np.array(weights)[known])) if known.any() else float("nan")
    return Score(name, sum(score.frames for score in scores), means)
