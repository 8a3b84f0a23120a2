from typing import Any

class PresetPanel:
    @classmethod
    def draw_panel_header(cls, layout: Any) -> None: ...
