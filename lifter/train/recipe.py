"""A training run as a file: recipes/*.toml hold the papers' settings; `--set table.key=value` changes one.

| table | keys |
|---|---|
| (top) | objective: bundled, pose, semi, pretrain, action, embed, bodies; about: one line |
| network | name and configuration of `models.build`; units, window: of pose.Network |
| data | form: of readers.FORMS, or folder (labelled.py); detector; labelled: subjects with 3D (semi) |
| loss | the objective's terms and their weights; joint_weights |
| options | further keywords of the objective |
| schedule | loop.Schedule |
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..contract.protocol import InputError, UsageError
from ..contract.skeleton import H36M_17
from ..models import build as build_network
from ..models import weights
from . import readers
from .actions import Actions
from .bodies import Bodies, load_fits
from .bundled import Bundled, initialise
from .data import load_mocap
from .datasets import Dataset
from .labelled import read_labelled
from .loop import Objective, Schedule
from .pose import Network, Pose
from .pretrain import Pretrain
from .semi import Semi

RECIPES = Path(__file__).resolve().parent / "recipes"
TABLES = ("network", "data", "loss", "options", "schedule")


def read(name: str, changes: Sequence[str] = ()) -> dict[str, Any]:
    """A recipe by name or file, with `table.key=value` changes (values as in TOML, or bare words).

    Raises InputError for the file, UsageError for a change that is none.
    """
    path = RECIPES / f"{name}.toml"
    path = path if path.is_file() else Path(name)
    try:
        recipe = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        names = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise InputError(f"{name}: no such recipe or file. There are {names}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not TOML ({error}).") from error
    unknown = set(recipe) - {"objective", "about", *TABLES}
    if unknown or "objective" not in recipe:
        raise InputError(f"{path}: has {', '.join(sorted(unknown)) or 'no objective'}; see the head of recipe.py.")
    for change in changes:
        key, equals, text = change.partition("=")
        table, dot, name = key.partition(".")
        if not equals or not dot or table not in TABLES:
            raise UsageError(f"--set {change}: must be TABLE.KEY=VALUE with a table of {', '.join(TABLES)}.")
        recipe.setdefault(table, {})[name] = _value(text)
    return recipe


def prepare(recipe: Mapping[str, Any], folder: Path, start: Path | None = None) -> tuple[Objective, Schedule]:
    """The objective on the data in `folder`, and the schedule. start: weights to begin from.

    Raises InputError, UsageError, RuntimeUnfitError in one line for whatever does not fit.
    """
    schedule = _schedule(recipe)
    try:
        return _objective(recipe, folder, start, schedule), schedule
    except (TypeError, ValueError, KeyError) as error:
        raise UsageError(f"the recipe does not fit: {' '.join(str(error).split())}. Compare recipes/*.toml.") from error


def _objective(recipe: Mapping[str, Any], folder: Path, start: Path | None, schedule: Schedule) -> Objective:
    kind, options = recipe["objective"], dict(recipe.get("options", {}))
    data, terms = recipe.get("data", {}), dict(recipe.get("loss", {}))
    common = {"batch": schedule.batch, "seed": schedule.seed, **options}
    network = _network(recipe["network"], start)
    if kind == "bundled":
        if start is None:
            initialise(network.module)
        return Bundled(network, load_mocap(folder / "train_00.npz"), load_mocap(folder / "val.npz"), **common)
    if kind == "bodies":
        return Bodies(network, load_fits(folder / "train"), load_fits(folder / "test"), terms, **common)
    train, held_out = (_data(data, folder, split) for split in ("train", "test"))
    if kind in ("action", "embed"):
        return Actions(network, train, held_out, embed=kind == "embed", **common)
    if kind == "pretrain":
        pictures = read_labelled(folder / "pictures", train.point_names) if (folder / "pictures").is_dir() else None
        return Pretrain(network, train, pictures, held_out, terms, **common)
    if kind == "pose":
        weight = terms.pop("joint_weights", ())
        return Pose(network, train, held_out, terms, joint_weights=weight, **common)
    if kind == "semi":
        trajectory = _network({**recipe["network"], "joints_out": 1}, None)
        few = train.only(data["labelled"])
        rest = replace(train, clips=tuple(clip for clip in train.clips if clip.subject not in data["labelled"]))
        return Semi(network, trajectory, few, rest, held_out, _parents(train), **common)
    raise UsageError(
        f"objective '{kind}' is not known; there are action, bodies, bundled, embed, pose, pretrain, semi."
    )


def _network(table: Mapping[str, Any], start: Path | None) -> Network:
    config = dict(table)
    name = config.pop("name")
    fed = {key: config.pop(key) for key in ("units", "window") if key in config}
    network = build_network(name, **config)
    if start is not None:
        info, trained = weights.read(start)
        ours, theirs = ({k: v.shape for k, v in module.state_dict().items()} for module in (network, trained))
        odd = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
        if odd:
            raise UsageError(
                f"{start}: {info.network} does not fit the recipe's {name}, as {odd[0]} shows. Change one."
            )
        network.load_state_dict(trained.state_dict())
        fed["start_use"] = info.commercial_use
    return Network(network, name, config, **fed)


def _data(table: Mapping[str, Any], folder: Path, split: str) -> Dataset:
    if table["form"] == "folder":
        return read_labelled(folder / split)
    data = readers.read(table["form"], folder, table.get("detector", ""), split, seed=int(split == "test"))
    return data.only(table[split]) if split in table else data


def _parents(data: Dataset) -> list[int]:
    if data.joint_names != H36M_17.names:
        raise ValueError(f"no tree of bones is known for the joints of {data.name}")
    return list(H36M_17.parents)


def _schedule(recipe: Mapping[str, Any]) -> Schedule:
    table = dict(recipe.get("schedule", {}))
    unknown = table.keys() - {field.name for field in fields(Schedule)}
    if unknown:
        raise UsageError(f"the schedule has no {', '.join(sorted(unknown))}. Its keys are in loop.Schedule.")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Schedule(**values)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
