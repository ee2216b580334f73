#!/usr/bin/env bash
# What only a machine with a CUDA GPU can tell, in six minutes at most: `bash benchmarks/gpu.sh [PYTHON]`.
# Each part has a time limit of its own; the last line names those that failed. `DEVICE=cpu` tries the script itself.
cd "$(dirname "$0")/.." || exit
python=${1:-python3} device=${DEVICE:-cuda} size=${SIZE:-256x144} frames=${FRAMES:-24} failed=()
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

part() {  # NAME SECONDS COMMAND...
    local name=$1 limit=$2
    shift 2
    echo && echo "== $name"
    timeout "$limit" "$@" || failed+=("$name")
    echo "($SECONDS s since the beginning)"
}

render() {  # FOLDER OPTION...
    "$python" -m vqanim render "$scratch/film.yaml" --out "$scratch/$1" --device "$device" --quiet "${@:2}"
}

hashes() { (cd "$scratch/$1/takes" && find . -name '*.png' | sort | xargs sha256sum); }

graphs_and_bfloat16() {
    render plain && render single --precision float32 || return
    grep -A 3 -E '"(step|weights)"' "$scratch/plain/run.json"
    grep -q '"graph"' "$scratch/plain/run.json" && grep -q '"weights": "bfloat16"' "$scratch/plain/run.json"
}

deterministic() {
    render first --deterministic && render second --deterministic || return
    diff <(hashes first) <(hashes second) && echo "two renders gave the same frames"
}

export python device scratch
export -f render hashes graphs_and_bfloat16 deterministic

cat > "$scratch/film.yaml" <<END
size: $size
fps: 12
duration: ${frames}f
camera: {zoom: 1.1}
prompts: [a castle on a hill]
END

"$python" -c "import torch; print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())"
part "recorded steps" 60 "$python" -m pytest -n 0 -q tests/guidance/test_graphs.py
part "graphs and bfloat16" 60 bash -c graphs_and_bfloat16
part "deterministic" 60 bash -c deterministic
part "step" 60 "$python" benchmarks/step.py --device "$device" --rounds 2 ${STEP:-}
part "film" 45 "$python" benchmarks/film.py --device "$device" --size "$size" --frames "$frames"
part "two processes on one GPU" 75 "$python" benchmarks/workers.py --device "$device" --deterministic \
    --rounds 1 --frames "$frames" --size "$size"
echo
if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "all passed"
