"""Put trained weights into the package: `python training/export.py vqgan|classifier DIR/state.pt`.

Takes the averaged (EMA) weights, stores them as fp16 under the official key names and refreshes the
hash in the catalogue.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent))

import catalogue

POCKET = Path(__file__).resolve().parents[1] / "vqanim/models/pocket"


def export(state_file: Path, output: Path) -> None:
    """Average weights of `state_file` to `output`, fp16."""
    state = torch.load(state_file, map_location="cpu", weights_only=True)
    tensors = {name: tensor.half().contiguous() for name, tensor in state["average"].items()}
    save_file(tensors, output, metadata={"format": "pt"})
    output.chmod(0o644)
    print(f"step {state['step']}: {sum(t.numel() for t in tensors.values()):,} numbers -> {output}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("vqgan", "classifier"))
    parser.add_argument("state", type=Path)
    options = parser.parse_args()
    export(options.state, POCKET / f"{options.what}.safetensors")
    catalogue.refresh()


if __name__ == "__main__":
    main()
