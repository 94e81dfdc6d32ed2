"""Build the environments of the libraries that tfctr is measured against: `.tools/peers/<name>`.

Run it by `make peers`, after `make setup`. The pins of a peer are in `benchmarks/peers/<name>.txt`; they do not fit
beside tfctr's own, so every peer has an environment to itself, on the same Python. One that fits its pins is left as
it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pinned_environment import PROJECT, TOOLS, build, tool_python
from setup_commands import SetupError

PINS = PROJECT / "benchmarks" / "peers"
# What each environment must be able to import before it counts as built.
CHECKS = {
    "fuxictr": "import torch, fuxictr.pytorch.models, model_zoo.LongCTR.FinalMLP.FinalMLP",
    "deepctr": "import tensorflow, tf_keras, requests, packaging.version",
}


def main() -> int:
    """Build what is missing, or say why it cannot be built."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("peers", nargs="*", metavar="peer", help=f"of {', '.join(CHECKS)}; all when none is named")
    parser.add_argument("--folder", type=Path, default=TOOLS / "peers", help="where; .tools/peers if left out")
    options = parser.parse_args()
    if unknown := sorted({*options.peers} - {*CHECKS}):
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    try:
        for name in options.peers or CHECKS:
            build(options.folder.resolve() / name, PINS / f"{name}.txt", python=tool_python(), check=CHECKS[name])
    except SetupError as error:
        print(f"\npeers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
