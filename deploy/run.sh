#!/usr/bin/env bash
# Submits a pipeline and waits for its end, for hours if need be, as CI does. Comes after up.sh.
#
#   deploy/run.sh PIPELINE [--params PARAMS] [--dry-run]
#   deploy/run.sh --job NAME [--dry-run]
#
# --params  of that run: JSON, or KEY=VALUE,...
# --job     only wait for one that was submitted
#
# Ends with 0 only if the job completes; its name is in deploy/build/job. Signed in by GitHub's OIDC it signs in anew from
# time to time: what `az login` got there opens nothing after an hour (AADSTS700024). Ctrl-C leaves the job alone.
set -euo pipefail

PIPELINE="" PARAMS="" JOB="" DRY_RUN=no status=""
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options --params=PARAMS --job=JOB --dry-run:DRY_RUN=yes '*>PIPELINE' -- "$@"
[[ -n "$PIPELINE$JOB" ]] || stop "say what to run: faq, shelf, video, ..., or --job NAME"
needs az triptych python3
in_workspace
mkdir -p deploy/build

if [[ -z "$JOB" ]]; then
  say "1. Submit $PIPELINE"
  submit=(triptych azure submit "$PIPELINE" --aml-env "triptych:$(digest deploy/environment/Dockerfile requirements.lock)")
  if [[ -n "$PARAMS" ]]; then submit+=(--params "$PARAMS"); fi
  show "${submit[@]}"
  if [[ "$DRY_RUN" == yes ]]; then
    JOB="<job>"
  else
    answer="$("${submit[@]}")"
    echo "$answer"
    # `PIPELINE: NAME ADDRESS` is its last line.
    read -r _ JOB _ <<<"$(tail -n 1 <<<"$answer")"
    [[ -n "$JOB" ]] || stop "the answer names no job"
  fi
fi
if [[ "$DRY_RUN" == no ]]; then printf '%s\n' "$JOB" >deploy/build/job; fi

say "2. Wait for $JOB"
turn=0 before="" lost=0
while true; do
  if ((turn % 20 == 19)); then sign_in_again || echo "could not sign in anew"; fi
  turn=$((turn + 1))
  if [[ "$DRY_RUN" == yes ]]; then
    show az ml job show --name "$JOB" "${THERE[@]}" --query status --output tsv
    exit
  fi
  if ! status="$(look status "" az ml job show --name "$JOB" "${THERE[@]}" --query status --output tsv >/dev/null &&
    printf '%s' "$status")"; then
    # Who asks for hours does not get every answer.
    lost=$((lost + 1))
    ((lost < 10)) || stop "Azure did not answer ten times: deploy/run.sh --job $JOB goes on waiting"
    sleep "${PAUSE_S:-30}"
    continue
  fi
  lost=0
  [[ -n "$status" ]] || stop "there is no job $JOB in $WORKSPACE"
  if [[ "$status" != "$before" ]]; then printf '%s %s\n' "$(date -u +%H:%M:%S)" "$status"; fi
  before="$status"
  case "$status" in
    Completed) exit ;;
    Failed | Canceled | NotResponding) stop "$JOB ended as $status: triptych azure watch $JOB shows the step" ;;
  esac
  sleep "${PAUSE_S:-30}"
done
