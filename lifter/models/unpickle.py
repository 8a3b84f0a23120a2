"""The content of a checkpoint file of torch, read without running anything in it.

These files are pickles, which can name any function of Python and call it. `torch.load(weights_only=True)` calls
torch's rebuilders of tensors alone; what the published files hold beside the weights (numpy's random state and
numbers) becomes `Discarded`, so nothing of numpy is called either. Any other name is refused.
"""

from __future__ import annotations

import io
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..contract.protocol import RuntimeUnfitError

LISTED = 5  # names that a message gives before it counts the rest
NUMPY_NAMES = (
    *("numpy.ndarray", "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar"),
    *("numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar"),  # since 2.0
    "numpy.random.__RandomState_ctor",  # before 1.17
    *("numpy.random._pickle.__randomstate_ctor", "numpy.random._pickle.__bit_generator_ctor"),
    *("numpy.random._mt19937.MT19937", "numpy.random.bit_generator.SeedSequence"),  # since 2.0, and the next
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
)


def load(path: Path) -> Any:
    """The content of a file, with numpy's things discarded. Raises RuntimeUnfitError."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise RuntimeUnfitError(f"{path}: cannot be read ({error.strerror}). Name another file.") from error
    try:
        with stream, _only_numpy_allowed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols that end in an error anyway
            return torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        found = re.search(r"GLOBAL (\S+)", str(error))
        refused = found[1] if found else _foreign_name(path)
        reason = f"empty, cut short or no checkpoint of torch ({type(error).__name__}). Fetch it again"
        if refused:
            reason = f"refused: it names {listed([refused])}, which weights do not need and which could run code. Ask"
            reason += " for the weights alone (a state_dict)"
        raise RuntimeUnfitError(f"{path}: {reason}, or name another file.") from error


@contextmanager
def _only_numpy_allowed() -> Iterator[None]:
    """Adds numpy's names, as `Discarded`, to those of torch's rebuilders, and takes away what other modules added:
    torch.distributed's classes do more in their constructors than weights need."""
    others = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with torch.serialization.safe_globals([(Discarded, name) for name in NUMPY_NAMES]):
            yield
    finally:
        torch.serialization.add_safe_globals(others)


def _foreign_name(path: Path) -> str | None:
    """What a file asks for that weights do not need, where torch's reader refuses it without telling: in other pickle
    protocols. Its codes are listed, not followed."""
    needed = re.compile(
        r"torch\.((cuda\.)?\w*Storage|Size|device|_utils\._rebuild_\w+)|collections\.OrderedDict|_codecs\.encode"
    )
    try:
        stream = io.BytesIO(path.read_bytes())
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                stream = io.BytesIO(archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl"))))
        stream.seek(0)
        for _ in range(4):  # the older format has three small pickles before the one that counts
            strings = ["", ""]
            for code, argument, _ in pickletools.genops(stream):
                if code.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
                    name = str(argument).replace(" ", ".") if argument else ".".join(strings[-2:])
                    if name not in NUMPY_NAMES and not needed.fullmatch(name):
                        return name
                elif isinstance(argument, str):
                    strings.append(argument)
    except Exception:  # damaged: refused all the same, with no name to tell
        return None
    return None


class Discarded:
    """Stands for anything of numpy in a file: takes what numpy's own would take, does nothing, keeps nothing."""

    def __new__(cls, *_: object) -> Discarded:
        return object.__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def listed(names: Iterable[str]) -> str:
    """Names out of a file for a message: some of them, without line breaks or control characters."""
    names = list(names)
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(ascii(str(name)[:100])[1:-1] for name in names[:LISTED]) + rest
