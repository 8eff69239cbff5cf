#!/usr/bin/env bash
# Test and time the libraries of shelf and video on a bare machine: one with torch 2.11 or later, torchvision, numpy,
# OpenCV, Pillow, pandas and pytest, a GPU perhaps, and no network.
#
#   benchmarks/gpu.sh wheels FOLDER [--python 3.12]   with network: collect what that machine lacks, at most 60 MB
#   benchmarks/gpu.sh [--wheels FOLDER] [--out FOLDER] [--quick] [--no-tests]
#
# PYTHON names the interpreter (python3). The wheels are unpacked into a folder of their own, which goes when the script
# does; without --wheels the interpreter's own packages are used. Results are in --out (build/gpu): figures.json and
# figures.md, which names what was skipped and why. Fails if a test or a benchmark does.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="${PYTHON:-python3}"

if [[ "${1:-}" == wheels ]]; then
  shift
  exec "$python" "$here/gpu_wheels.py" "$@"
fi

wheels=""
out="$here/../build/gpu"
options=()
while (($#)); do
  case "$1" in
    --wheels) wheels="${2:?--wheels needs a folder}"; shift 2 ;;
    --out) out="${2:?--out needs a folder}"; shift 2 ;;
    --quick | --no-tests) options+=("$1"); shift ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2 ;;
  esac
done

export PYTHONPATH="$here/../src${PYTHONPATH:+:$PYTHONPATH}"
if [[ -n "$wheels" ]]; then
  site="$(mktemp -d)"
  trap 'rm -rf "$site"' EXIT
  # Not a virtual environment: if Python is in one already, the new one would not see its packages.
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
  export PYTHONPATH="$site:$PYTHONPATH"
fi
"$python" "$here/gpu_figures.py" --out "$out" "${options[@]+"${options[@]}"}"
