"""The bars of retargeting on every rig and skeleton at hand, as a table. Run by any Blender's Python.

    python tests/benchmarks/retarget_rigs.py [--evaluate] [--only NAME …] [--json OUT]     one version: a table
    python tests/benchmarks/retarget_rigs.py --merge A.json B.json …                       rigs x versions

Beside the JSON it leaves where mapped bones stand at some frames, by which --merge compares the versions.

Skeletons are rebuilt in Blender from ../shared/rigs/skeletons/*.json (those without matrices with eight random rolls), the
sample files are imported, and Rigify's human is generated. Each takes three motions of ../shared/mocap, and
the demo's captured one where it has run, by `--preset auto`.
Poses are Blender's own, frame by frame, for the rigs in EVALUATED (all with --evaluate), elsewhere addon/retarget/forward.py
gives them; where Blender evaluates, the difference between the two is told ("fk m").
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(Path(__file__).parent))
from retarget_measures import Posed, axes_of, contacts_of, measure, turned_by  # noqa: E402

EVALUATED = ("mh_mixamo", "quaternius_man", "ue5_manny", "rigify generated")
ROLLS = 8
FRAMES = 150
KEPT_EVERY = 15  # frames of the poses that are kept for comparing versions
CAPTURED = ROOT / "out" / "demo" / "motion.npz"  # where the demo has run: a captured video, with its noise
CLIPS = (("val.npz", "cmu_12_01"), ("val.npz", "cmu_05_02"), ("val.npz", "cmu_05_18_s0"))
BARS = {
    "limbs mean": 3, "limbs p95": 8, "spine p95": 8, "elbow p95": 10, "knee p95": 10, "palm p95": 12, "foot p95": 12,
    "frame excess": 20, "path m": 1e-4, "slide mean": 1, "slide p95": 1,
}  # fmt: skip


def clips():
    from video_to_armature.lifter.contract.motion import Motion
    from video_to_armature.lifter.contract.skeleton import BODY_27

    for file, clip in CLIPS:
        with np.load(SHARED / "mocap" / file) as z:
            i = list(z["clip_id"]).index(clip)
            s, n = z["start"][i], min(int(z["length"][i]), FRAMES)
            joints = np.cumsum(z["delta"][s : s + n].astype(np.int32), 0) / 1000.0
        by_name = {name: joints[:, k] for k, name in enumerate(BODY_27.names)}
        yield (
            Motion(
                header={"fps": 30.0, "first_frame": 0},
                joint_names=BODY_27.names,
                parents=BODY_27.parents,
                positions=joints,
                confidence=np.ones(joints.shape[:2], np.float32),
                keypoints_px=np.zeros((n, 27, 3), np.float32),
                intrinsics=np.eye(3),
                world_from_cam=np.eye(4),
                contacts=contacts_of(by_name, 30.0),
                frame_times=np.arange(n) / 30.0,
            ),
            by_name,
        )
    if CAPTURED.is_file():
        motion = Motion.load(CAPTURED)
        yield motion, {name: motion.joint(name).astype(float) for name in motion.joint_names}


def build(record: dict, seed: int):
    """An armature object in the empty scene, from a skeleton's record."""
    import bpy
    from mathutils import Euler, Matrix

    bpy.ops.wm.read_homefile(use_empty=True)
    data = bpy.data.armatures.new(record["name"])
    thing = bpy.data.objects.new(record["name"], data)
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    rng = np.random.default_rng(seed)
    size = max(np.abs(bone["tail"]).max() for bone in record["bones"])
    for bone in record["bones"]:
        made = data.edit_bones.new(bone["name"])
        made.head, made.tail = bone["head"], bone["tail"]
        if made.length < 1e-6 * size:
            made.tail = made.head + type(made.head)((0, 0, 1e-3 * size))
        length = made.length
        if bone.get("matrix"):
            made.matrix = Matrix(bone["matrix"])
            made.length = length
        else:
            made.roll = rng.uniform(-np.pi, np.pi)
        made.use_deform = bool(bone.get("deform", True))
    for bone in record["bones"]:
        if bone["parent"]:
            data.edit_bones[bone["name"]].parent = data.edit_bones[bone["parent"]]
            data.edit_bones[bone["name"]].use_connect = bool(bone.get("connected"))
    bpy.ops.object.mode_set(mode="OBJECT")
    thing.rotation_euler = Euler(np.radians(record["object"]["rotation_euler_deg"]))
    thing.scale = record["object"]["scale"]
    thing.location = record["object"].get("location", (0, 0, 0))
    bpy.context.view_layer.update()
    return thing


def generate():
    """Rigify's human, generated here."""
    import addon_utils
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    return next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")


def rigs(only):
    """(name, function of a seed that makes it, seeds)."""
    from video_to_armature.addon import rig_file

    def imported(path):
        import bpy

        rig_file.open_rig(path)
        return max((o for o in bpy.context.scene.objects if o.type == "ARMATURE"), key=lambda o: len(o.data.bones))

    found = {}
    for path in sorted((SHARED / "rigs" / "skeletons").glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        blank = not any(bone.get("matrix") for bone in record["bones"])
        found[path.stem] = (lambda seed, record=record: build(record, seed), ROLLS if blank else 1)
    for path in sorted((SHARED / "rigs").iterdir()):
        if path.suffix in (".fbx", ".glb", ".vrm", ".bvh"):
            found[path.name] = (lambda seed, path=path: imported(path), 1)
    found["rigify generated"] = (lambda seed: generate(), 1)  # last: 4.2 crashes on some files after it
    return {name: made for name, made in found.items() if not only or name in only}


def posed_by_blender(thing, names, frames):
    import bpy

    out = np.empty((frames, len(names), 4, 4))
    for i in range(frames):
        bpy.context.scene.frame_set(i + 1)
        evaluated = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
        world = np.array(evaluated.matrix_world)
        out[i] = [world @ np.array(evaluated.pose.bones[name].matrix) for name in names]
    return out


def bends(bone_map, hung):
    found = {}
    for side in ("left", "right"):
        for above, part in (("upper_arm", "forearm"), ("thigh", "shin")):
            limb = {*bone_map.bones[f"{side}_{above}"], *bone_map.twists.get(f"{side}_{above}", ())}
            line = hung.ancestors(hung.index(bone_map.bones[f"{side}_{part}"][0]))
            found[f"{side}_{part}"] = next(bone for bone in line if hung.bone_names[bone] in limb)
    return found


def one(make, seed, evaluate):
    """Worst figures over the motions for one rig, and where its mapped bones stand and how far they are turned from rest,
    (…, 4, 4) in the world, at some frames."""
    import bpy

    from video_to_armature.addon import apply, maps, rig
    from video_to_armature.addon.retarget.forward import forward
    from video_to_armature.addon.retarget.solve import solve

    worst: dict[str, float] = {}
    kept = []
    thing = make(seed)
    for motion, joints in clips():
        rest = rig.read_rest_pose(thing)
        found = maps.choose_map(rest, humanoid=rig.humanoid_table(thing))
        curves = solve(motion, rest, found.map)
        hung = rest.with_parents(found.map.parents)
        world = rest.world_from_armature
        pose = world @ forward(hung, curves.rotations, curves.locations)
        mapped = [hung.index(b) for _, bones in sorted(found.map.bones.items()) for b in bones]
        if evaluate:
            apply.apply_motion(bpy.context.scene, thing, motion)
            evaluated = posed_by_blender(thing, hung.bone_names, motion.frames)
            fk = np.abs(evaluated[:, mapped, :3, 3] - pose[:, mapped, :3, 3]).max()
            worst["fk m"] = max(worst.get("fk m", 0), float(fk))
            pose = evaluated
        at_rest = world @ hung.matrices
        some = pose[::KEPT_EVERY][:, mapped]
        some[..., :3, :3] = axes_of(some) @ np.swapaxes(
            axes_of(at_rest[mapped]), -1, -2
        )  # importers roll bones differently
        kept.append(some)
        tails = hung.tails @ world[:3, :3].T + world[:3, 3]
        unscaled = at_rest.copy()
        unscaled[:, :3, :3] = axes_of(at_rest)
        posed = Posed(
            hung.bone_names,
            unscaled,
            tails,
            pose,
            found.map.bones,
            found.map.landmarks,
            curves.path_scale,
            bends(found.map, hung),
        )
        for key, value in measure(posed, joints, motion.contacts, motion.fps).items():
            worst[key] = max(worst.get(key, 0), value)
    return {"map": found.map.name, "sure": found.sureness, **worst}, np.concatenate(kept)


def table(results: dict[str, dict]) -> str:
    """Markdown; figures over their bar are bold."""
    keys = [key for key in BARS if any(key in r for r in results.values())] + ["fk m"]
    lines = ["| rig | map | sure | " + " | ".join(keys) + " |", "|" + "---|" * (len(keys) + 3)]
    for name, r in results.items():
        if "error" in r:
            lines.append(f"| {name} | {r['error']} |")
            continue
        cells = [_cell(key, r.get(key)) for key in keys]
        lines.append(f"| {name} | {r['map']} | {r['sure']:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(key, value):
    if value is None:
        return "-"
    text = f"{value:.1e}" if key in ("path m", "fk m") else f"{value:.2f}" if "slide" in key else f"{value:.1f}"
    return f"**{text}**" if value > BARS.get(key, np.inf) else text


def merged(files) -> str:
    """One line a rig, for each version whether all bars hold and which do not; how far the versions' poses are apart."""
    versions, poses = {}, []
    for file in files:
        record = json.loads(Path(file).read_text("utf-8"))
        versions[record["blender"]] = record["rigs"]
        poses.append(np.load(Path(file).with_suffix(".npz")))
    lines = ["| rig | " + " | ".join(versions) + " | apart, m | rad |", "|" + "---|" * (len(versions) + 3)]
    for name in next(iter(versions.values())):
        here = [rigs.get(name, {"error": "not run"}) for rigs in versions.values()]
        cells = [
            r.get("error") or ", ".join(f"{k} {_cell(k, r[k])}" for k in BARS if r.get(k, 0) > BARS[k]) or "holds"
            for r in here
        ]
        each = np.stack([npz[name] for npz in poses])
        metres = np.ptp(each[..., :3, 3], axis=0).max()
        radians = np.radians(turned_by(axes_of(each), axes_of(each[:1])).max())
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {metres:.1e} | {radians:.1e} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--json", type=Path)
    parser.add_argument("--merge", nargs="+")
    given = parser.parse_args()
    if given.merge:
        print(merged(given.merge))
        return
    import bpy

    sys.path.insert(0, str(ROOT / "tests" / "blender" / "scripts"))
    from common import load_package  # pyright: ignore[reportMissingImports]

    load_package()
    from video_to_armature.lifter.contract.protocol import V2AError

    results: dict[str, dict] = {}
    poses: dict[str, np.ndarray] = {}
    for name, (make, seeds) in rigs(given.only).items():
        evaluate = given.evaluate or name in EVALUATED
        try:
            runs, kept = zip(*[one(make, seed, evaluate and seed == 0) for seed in range(seeds)])
            poses[name] = kept[0]
            keys = {key for r in runs for key in r if key not in ("map", "sure")}
            results[name] = {**runs[0], **{key: max(r.get(key, 0) for r in runs) for key in keys}}
        except V2AError as error:
            results[name] = {"error": str(error)}
    print(f"\nBlender {bpy.app.version_string}\n\n{table(results)}")
    if given.json:
        given.json.write_text(json.dumps({"blender": bpy.app.version_string, "rigs": results}), "utf-8")
        np.savez_compressed(given.json.with_suffix(".npz"), **poses)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
