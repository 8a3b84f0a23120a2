# Blender carries no types: whatever is asked of this module is Any, so that the rest of a file is checked.
from typing import Any

def __getattr__(name: str) -> Any: ...
