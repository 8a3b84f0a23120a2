"""MediaPipe Pose, offline from the package's own model files. The only importer of mediapipe."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contract.protocol import RuntimeUnfitError
from ..keypoints import MEDIAPIPE_33

os.environ.setdefault("GLOG_minloglevel", "2")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision
    from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter
except ImportError as error:
    raise RuntimeUnfitError(
        f"mediapipe cannot be imported ({error}). Install mediapipe==0.10.21 for this Python."
    ) from error

DETECTION_CONFIDENCE = 0.6  # at its own 0.5 furniture takes the places of people; at 0.7 half bodies are overlooked


class MediapipePose:
    """Up to `people` bodies a frame, 33 landmarks each, with MediaPipe's visibility as confidence."""

    name = "mediapipe"
    point_names = MEDIAPIPE_33

    def __init__(self, people: int) -> None:
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=_bundle()),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=people,
            min_pose_detection_confidence=DETECTION_CONFIDENCE,
        )
        try:
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise RuntimeUnfitError(
                f"mediapipe's pose model does not start ({error}). Reinstall mediapipe==0.10.21."
            ) from error
        self._last_ms = -1

    def detect(self, rgb: npt.NDArray[np.uint8], time_s: float) -> npt.NDArray[np.float32]:
        return self._points(self._find(rgb, time_s), rgb)

    def detect_in_3d(
        self, rgb: npt.NDArray[np.uint8], time_s: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What `detect` gives, and of the same people MediaPipe's own guess of 3D: (P, 33, 3) metres from the middle of
        the hips, in the camera's axes (x right, y down, z forward)."""
        found = self._find(rgb, time_s)
        world = [[(p.x, p.y, p.z) for p in person] for person in found.pose_world_landmarks]
        return self._points(found, rgb), np.array(world, np.float32).reshape(-1, len(MEDIAPIPE_33), 3)

    def _find(self, rgb: npt.NDArray[np.uint8], time_s: float) -> Any:
        self._last_ms = max(self._last_ms + 1, round(time_s * 1000))  # the tracker insists on increasing stamps
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        return self._landmarker.detect_for_video(image, self._last_ms)

    def _points(self, found: Any, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        height, width = rgb.shape[:2]
        points = [[(p.x * width, p.y * height, p.visibility) for p in person] for person in found.pose_landmarks]
        return np.array(points, np.float32).reshape(-1, len(MEDIAPIPE_33), 3)

    def close(self) -> None:
        self._landmarker.close()


def _bundle() -> bytes:
    """The Tasks API's bundle, put together from the two networks inside the package."""
    modules = Path(mediapipe.__file__).parent / "modules"
    parts = {  # name in the bundle: (file, mean, std of the input)
        "pose_detector.tflite": (modules / "pose_detection/pose_detection.tflite", 127.5, 127.5),
        "pose_landmarks_detector.tflite": (modules / "pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
    }
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
        for name, (path, mean, std) in parts.items():
            if not path.is_file():
                raise RuntimeUnfitError(
                    f"{path}: not in mediapipe {mediapipe.__version__}. Install 0.10.21, the last with its models inside."
                )
            writer = MetadataWriter.create(bytearray(path.read_bytes())).add_image_input([mean], [std])
            archive.writestr(name, writer.populate()[0])
    return bundle.getvalue()
