"""Decoding and the detector as `capture` configures it, and nothing else: what capture's speed is measured against.

Usage: detector_alone.py VIDEO; prints seconds and frames as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from video_to_armature.lifter import detect, people, pipeline, video

if __name__ == "__main__":
    began = time.perf_counter()
    detector = detect.build(pipeline.Options().detector, people.PEOPLE)
    count = 0
    for frame in video.frames(video.probe(Path(sys.argv[1]))):
        detector.detect(frame.rgb, frame.time_s)
        count += 1
    seconds = time.perf_counter() - began
    detector.close()
    print(json.dumps({"seconds": seconds, "frames": count}), flush=True)
