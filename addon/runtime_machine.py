"""Which build of PyTorch suits this machine, where it comes from and how big it is. Standard library only."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .processes import answer, clean_environment
from .translations import Text

ASK_S = 10.0  # a graphics driver that wakes up takes 3 s over its first answer
SUPPORTED = {("Linux", "x86_64"), ("Windows", "AMD64"), ("Darwin", "arm64")}  # others lack wheels of mediapipe or torch
INDEX_VARIABLES = {  # of pip, which uv does not read -> of uv, the same settings
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}
OWN_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


@dataclass(frozen=True)
class Build:
    """One build of PyTorch with all else that the capture needs."""

    name: str  # as the preferences call it
    label: str
    backend: str  # uv's --torch-backend; '' takes what the package index has
    source: str  # where it comes from, in words
    download_gb: float
    disk_gb: float


@dataclass(frozen=True)
class Machine:
    """What matters of a computer."""

    system: str  # platform.system()
    chip: str  # platform.machine()
    gpu: str = ""  # nvidia, amd, apple or ''
    gpu_name: str = ""

    @property
    def unsupported(self) -> str:
        """Why the packages cannot be installed here, '' when they can."""
        if (self.system, self.chip) in SUPPORTED:
            return ""
        return Text(
            "There are no packages for {system} on {chip} (there are for Linux x86-64, Windows x64 and Macs with Apple "
            "chips). Capture on another computer and apply the motion file here.",
            system=self.system,
            chip=self.chip,
        )


def look() -> Machine:
    """Ask the machine; takes up to seconds where a driver has to wake up."""
    system, chip = platform.system(), platform.machine()
    if system == "Darwin":
        return Machine(system, chip, "apple" if chip == "arm64" else "", "Apple GPU" if chip == "arm64" else "")
    nvidia = _first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    if nvidia and "fail" not in nvidia.lower():
        return Machine(system, chip, "nvidia", nvidia)
    amd = _first_line("rocm_agent_enumerator", "-name") if system == "Linux" else ""
    return Machine(system, chip, "amd", f"AMD {amd}") if amd else Machine(system, chip)


def builds(machine: Machine, environment: Mapping[str, str] = os.environ) -> list[Build]:
    """What can be installed here, the best first. Sizes: Linux's and Macs' are measured, CUDA's elsewhere a guess."""
    linux, windows = machine.system == "Linux", machine.system == "Windows"
    own = Build("index", "as your package index has it", "", "the package index that you have set", 0.5, 1.8)
    if any(uv_environment(environment).get(name) for name in OWN_INDEX):
        return [own]
    if not linux and not windows:
        return [Build("cpu", "Apple GPU (MPS) and CPU", "", "PyPI", 0.4, 1.3)]
    pytorch = "PyTorch's own index, the rest from PyPI"
    found = [Build("cpu", "CPU", "cpu", pytorch, 0.5 if linux else 0.4, 1.8), own]
    if machine.gpu == "nvidia":
        found.insert(0, Build("gpu", "NVIDIA (CUDA)", "auto", pytorch, 3.0, 7.0))
    elif machine.gpu == "amd":
        found.insert(0, Build("gpu", "AMD (ROCm)", "auto", pytorch, 5.0, 18.0))
    return found


def choose(machine: Machine, wanted: str, environment: Mapping[str, str] = os.environ) -> Build:
    """The build of that name, or the best when there is none."""
    offered = builds(machine, environment)
    return next((build for build in offered if build.name == wanted), offered[0])


def uv_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with pip's index settings under uv's names too; uv's own win."""
    result = clean_environment(environment)
    for pip, uv in INDEX_VARIABLES.items():
        value = environment.get(pip, "")
        if value and not result.get(uv):
            result[uv] = ",".join(value.split()) if uv == "UV_FIND_LINKS" else value
    return result


def _first_line(program: str, *arguments: str) -> str:
    """What a driver's tool prints first, '' when there is no such tool or it fails."""
    windows = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", f"{program}.exe")
    found = shutil.which(program) or shutil.which(program, path="/opt/rocm/bin") or (windows.is_file() and str(windows))
    if not found:
        return ""
    lines = answer([found, *arguments], ASK_S).splitlines()
    return lines[0].strip() if lines else ""
