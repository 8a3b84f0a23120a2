"""What is set in the panel as a recipe that batch.py runs, and back."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.protocol import UsageError
from . import export, export_operators, flags, maps, options, properties, rates, recipe, watch
from .retarget.choices import LIMBS, limbs_of

TAKEN = frozenset(  # options that `to_settings` takes into the panel
    {
        "video", "motion", "armature", "preset", "person", "height", "hfov", "start", "end", "smooth-hz", "frame-rate",
        "root", "place", "facing", "left-foot", "right-foot", "limbs", "controls", "frames", "start-frame", "speed", "action",
        "reduce", "reduce-m", "export-preset", "no-meshes", "model", *flags.EXPORTS,
    }
)  # fmt: skip
ELSEWHERE = frozenset({"rig", *flags.SUFFIXES, "runtime", "overwrite", "device"})  # change no motion


def of_settings(scene: bpy.types.Scene, folder: Path) -> dict[str, recipe.Value]:
    """The recipe of what is set in the panel; folder: where it will lie."""
    settings = scene.v2a
    video = Path(bpy.path.abspath(settings.video))
    out: dict[str, recipe.Value] = {"video": recipe.relative(video, folder)}
    if bpy.data.filepath:
        out["rig"] = recipe.relative(Path(bpy.data.filepath), folder)
    if settings.armature is not None:
        out["armature"] = [settings.armature.name]
    own = settings.preset == properties.OWN_FILE
    out["preset"] = recipe.relative(Path(properties.rig_preset(settings)), folder) if own else settings.preset
    worker = properties.worker_options(settings)
    model = worker.pop("model", "")
    if model:
        out["model"] = recipe.relative(Path(model), folder) if Path(model).is_file() else model
    out |= {flag: value if flag == "person" else float(value) for flag, value in worker.items()}
    out |= {"frame-rate": settings.frame_rate, "root": settings.root.replace(" ", "-"), "place": settings.place}
    if settings.turn:
        out["facing"] = round(math.degrees(settings.facing), 4)
    out |= {"left-foot": settings.left_foot, "right-foot": settings.right_foot}
    out["limbs"] = ",".join(limb.replace(" ", "-") for limb in LIMBS if limb in settings.limbs)
    out["controls"] = settings.controls
    out["frames"] = f"{settings.first_frame}-{settings.last_frame or ''}"
    out |= {"start-frame": settings.start_frame, "speed": _short(settings.speed)}
    if settings.action != "auto":
        out["action"] = settings.action
    out |= {"reduce": _short(math.degrees(settings.tolerance)), "reduce-m": _short(settings.tolerance_m)}
    if not settings.export_meshes:
        out["no-meshes"] = True
    kind = settings.export_format
    beside = folder / f"{video.stem}{flags.SUFFIXES[kind][0]}"
    path = export_operators.named(settings) if settings.export_path else beside
    return out | {"export-preset": settings.export_preset, kind: recipe.relative(path, folder)}


def to_settings(scene: bpy.types.Scene, given: argparse.Namespace) -> None:
    """given: a recipe as batch's command line understands it. Raises UsageError before anything is changed."""
    armatures = [scene.objects.get(name) for name in given.armature or ()]
    if any(armature is None or armature.type != "ARMATURE" for armature in armatures):
        raise UsageError(
            f"armature {given.armature[0]} is not in this scene. Open the rig's file or correct 'armature'."
        )
    if given.export_preset not in export.preset_names():
        raise UsageError(f"export preset '{given.export_preset}' is not known. Use {', '.join(export.preset_names())}.")
    if given.place not in flags.PLACES:
        raise UsageError(f"place '{given.place}': the panel takes {', '.join(flags.PLACES)}. Use the 3D cursor.")
    values, fps = _values(given)
    settings = scene.v2a
    for name, value in values.items():
        setattr(settings, name, value)
    if armatures:
        settings.armature = armatures[0]
    if fps is not None:
        rates.set_fps(scene, fps)
    if given.motion:
        watch.set_motions(settings, given.motion, settings.armature)


def _values(given: argparse.Namespace) -> tuple[dict[str, Any], float | None]:
    """The panel's properties, and the rate that the scene is to have."""
    named = given.preset == maps.AUTO or given.preset in maps.preset_names()
    person = given.person or "largest"
    people = person if person in ("largest", "all") else "number"
    first, last = options.frames_of(given.frames)
    rate, fps = options.rate_of(given.frame_rate)
    exports = [(kind, str(path)) for kind in flags.EXPORTS if (path := getattr(given, kind)) is not None]
    kind, path = exports[0] if exports else (flags.EXPORTS[0], "")
    values = {
        "video": str(given.video[0]) if given.video else "",
        "preset": given.preset if named else properties.OWN_FILE,
        "preset_file": "" if named else given.preset,
        "people": people,
        "number": _number("person", person, 1) if people == "number" else 1,
        "height": _number("height", given.height, 0.0),
        "hfov": math.radians(_number("hfov", given.hfov, 0.0)),
        "start": _number("start", given.start, 0.0),
        "end": _number("end", given.end, 0.0),
        "model": given.model or "",
        "smooth_hz": _number("smooth-hz", given.smooth_hz, properties.SMOOTH_HZ),
        "frame_rate": rate,
        "root": given.root.replace("-", " "),
        "place": given.place,
        "turn": given.facing is not None,
        "facing": math.radians(given.facing or 0.0),
        "left_foot": given.left_foot,
        "right_foot": given.right_foot,
        "limbs": set(limbs_of(given.limbs.split(","))),
        "controls": given.controls,
        "first_frame": first,
        "last_frame": last,
        "start_frame": given.start_frame,
        "speed": given.speed,
        "action": given.action or "auto",
        "tolerance": math.radians(given.reduce),
        "tolerance_m": given.reduce_m,
        "export_format": kind,
        "export_preset": given.export_preset,
        "export_meshes": not given.no_meshes,
        "export_path": path,
    }
    return values, fps


def _number(key: str, text: str | None, default: float) -> float:
    """The worker's options come as text; as a whole number where the default is one."""
    try:
        return default if text is None else type(default)(text)
    except ValueError as error:
        raise UsageError(f"'{key}' is '{text}'. Give a number.") from error


def _short(value: float) -> float:
    """Without the digits that a float32 makes up."""
    return float(f"{value:.6g}")
