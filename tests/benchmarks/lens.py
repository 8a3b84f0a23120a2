"""How well a still film tells its lens: `python -m tests.benchmarks.lens FOLDER …` with folders of rendered clips.

Prints each clip's true and guessed field of view, and how far guesses and the usual lens are off, as natural logarithms of
the focal length. EVIDENCE and LONGER of lifter/lens_guess.py are those that made the guesses likeliest over all clips.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from video_to_armature.lifter import lens, networks, pipeline
from video_to_armature.lifter.lens_guess import guess
from video_to_armature.lifter.models import weights

from . import accuracy_clips as clips


def main(folders: list[Path]) -> None:
    lifter = networks.load(weights.DEFAULT, "cpu", print)
    off, usual_off, spreads = [], [], []
    for folder in (one for many in folders for one in clips.folders(many)):
        clip = clips.read(folder)
        if not clip.found.any():
            continue
        true = float(clip.intrinsics[0, 0])
        usual = float(lens.intrinsics(*clip.size, pipeline.Options())[0, 0])
        found, spread = guess(lifter, clip.body_px, clip.times, clip.size)
        off.append(np.log(found / true))
        usual_off.append(np.log(usual / true))
        spreads.append(spread / found)
        across = [np.degrees(2 * np.arctan(max(clip.size) / 2 / f)) for f in (true, found)]
        print(
            f"{folder.name}: {across[0]:.0f} degrees across, guessed {across[1]:.0f}, give or take {spread / found:.0%}"
        )
    rms = [float(np.sqrt(np.mean(np.square(x)))) for x in (off, usual_off)]
    within = float(np.mean(np.abs(off) < spreads))
    print(f"{len(off)} clips: guesses are off by {rms[0]:.3f}, the usual lens by {rms[1]:.3f} (root mean square)")
    print(f"{within:.0%} of the guesses are within one standard deviation of the truth (68 % would be right)")


if __name__ == "__main__":
    main([Path(a) for a in sys.argv[1:]])
