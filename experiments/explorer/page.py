"""The explorer's page put together: template, style, D3, its own scripts, and the numbers. Nothing is trained."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from experiments.catalogue import EXPLORER
from experiments.options.schema import ConfigError

FILE = f"{EXPLORER}.html"
SOURCE = Path(__file__).with_name("web")
"""The page without its numbers."""

D3, D3_SHA256 = "d3.v7.9.0.min.js", "f2094bbf6141b359722c4fe454eb6c4b0f0e42cc10cc7af921fc158fceb86539"
"""The drawing library, as ``npm pack d3@7.9.0`` has it in dist/d3.min.js; its licence stands beside it."""

SCRIPTS = (
    *("equations.js", "network.js", "start.js", "timeline.js", "procedure.js", "text.js", "sums.js", "address.js"),
    *("layout.js", "drawing.js", "curve.js", "panels.js", "standing.js", "view.js", "controls.js", "explorer.js"),
)
"""The page's own code, in the order in which one file uses another."""


def page(experiments: Sequence[dict[str, object]]) -> str:
    """The whole page, D3 and its licence within. Raises ConfigError where D3 is not the pinned release."""
    library = (SOURCE / D3).read_bytes()
    if hashlib.sha256(library).hexdigest() != D3_SHA256:
        raise ConfigError(f"{SOURCE / D3}: is not the release that is pinned; docs/explorer.md says how to get it")
    parts = {
        "LICENCE": (SOURCE / "d3.LICENSE.txt").read_text(encoding="utf-8").strip(),
        "STYLE": (SOURCE / "explorer.css").read_text(encoding="utf-8"),
        "DATA": json.dumps(experiments, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"),
        "D3": library.decode("utf-8"),
        "SCRIPT": "\n".join((SOURCE / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    before, *rest = (SOURCE / "explorer.html").read_text(encoding="utf-8").split("@@")
    # a part may itself hold the mark: the template alone is taken apart
    return before + "".join(parts[piece] if n % 2 == 0 else piece for n, piece in enumerate(rest))


def refreshed(text: str) -> str:
    """The page with its numbers kept, and all else as experiments/explorer/web/ has it now. Raises ValueError."""
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    if found is None:
        raise ValueError(f"{FILE} has no numbers: make it, python -m experiments.reproduce explorer")
    return page(json.loads(found[1]))
