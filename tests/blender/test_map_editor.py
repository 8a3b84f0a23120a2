"""In every Blender: a bone map made and corrected in the panel's list, kept, applied, handed on and taken away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT, Outcome


def test_a_map_of_ones_own_by_the_panels_buttons(
    script: Callable[..., Outcome], extension_zip: Path, motion_file: Path, tmp_path: Path
) -> None:
    outcome = script("map_editor.py", extension_zip, motion_file, ROOT / "demo" / "mh_mixamo.fbx", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["no armature"] == ["Choose an armature"] * 3
    pick = "Click a bone of the armature in pose mode first"
    assert found["nothing yet"] == [pick, "List the bones first", "The chosen preset is none of your own"]

    listed = found["listed"]
    assert found["told"] == "sure (100 %): preset mixamo"
    assert listed["spine"] == ["mixamorig:Spine", "mixamorig:Spine1", "mixamorig:Spine2"]
    assert listed["left_index"] == ["mixamorig:LeftHandIndex1"]
    assert listed["mover"] == [""]
    assert (found["undone"], found["redone"]) == (0, True)
    assert found["twice"] == "Bone 'mixamorig:RightHand' is picked for Left Hand and for Right Hand"
    assert found["needed"] == "Needed, and without a bone: Hips"

    assert found["odd"] == [[""], [""], [""]]
    assert "no bone 'LeftForeArm'" in found["odd told"]
    assert found["no pose mode"] == pick
    assert found["added"] == ["mixamorig:Neck", ""]
    assert (found["saved"], found["over"]) == ("FINISHED", "FINISHED")
    assert found["changed"] == [True, False]
    assert found["chosen"] == ["my_ map", ["my_ map.toml"]]
    changed = {part: bones for part, bones in found["listed again"].items() if bones != listed[part]}
    assert changed == {
        "left_hand": ['左 "手" 1'], "left_forearm": ["Ellbogen.links"], "left_foot": ["骨 99"], "right_clavicle": [""],
    }  # fmt: skip
    assert found["asked"].endswith("'my_ map' already. Give another name or tick Overwrite.")
    assert found["bundled"].endswith("'mixamo' already. Give another name or tick Overwrite.")
    assert ["cannot be named" in text for text in found["names"]] == [True, True]

    assert found["keys on picked"] == [True, True, True]
    assert not found["keys on taken out"]
    assert found["recognised"] == "sure (100 %): chosen preset my_ map"
    assert found["exported"] == "FINISHED"
    assert found["removed"] == ["FINISHED", "auto", [], {}]
    assert found["none of your own"] == "The chosen preset is none of your own"
    assert "'hips' must be a bone name" in found["broken"]
    assert found["imported"] == ["FINISHED", "shared map", True]
    assert "'shared map' already" in found["imported again"]
    assert found["imported over"] == "FINISHED"
    assert found["same keys"]

    said, blank = found["refused"]
    assert "is not recognised as a humanoid" in said
    assert {"left_thigh", "left_shin"} <= set(blank)
    assert not {"hips", "head", "right_thigh", "left_upper_arm", "spine"} & set(blank)
    assert found["by hand"] == ["FINISHED", "mh_mixamo", "FINISHED", ["x 1", "x 2"]]

    assert found["rigify told"] == "sure (100 %): preset rigify"
    assert found["rigify changed"] == ["bones", "name"]
    assert found["rigify parts gone"] == ["neck"]
    assert found["rigify keys"] == [True, True, False]
    assert found["buttons"] == 7
    assert found["without tooltip"] == []
