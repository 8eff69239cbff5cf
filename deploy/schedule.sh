#!/usr/bin/env bash
# Runs a pipeline by the clock: faq_tune every night, shelf every week, video every hour. Each turn takes the data that are
# the latest then, with the code and the environment of today: run it again after a change.
#
#   deploy/schedule.sh faq_tune|shelf|video [--stop] [--dry-run]
#
# --stop  switch the schedule off
set -euo pipefail

PIPELINE="" STOP=no DRY_RUN=no
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options 'faq_tune|shelf|video>PIPELINE' --stop:STOP=yes --dry-run:DRY_RUN=yes -- "$@"
[[ -n "$PIPELINE" ]] || stop "say what to run: faq_tune, shelf or video"
needs az python3
in_workspace
name="triptych-${PIPELINE//_/-}"

if [[ "$STOP" == yes ]]; then
  run az ml schedule disable --name "$name" "${THERE[@]}" --output none
  exit
fi

say "1. Check before anything costs"
run triptych azure check "$PIPELINE"

say "2. Schedule $name"
# What the code was tried with goes with it.
environment="triptych:$(digest deploy/environment/Dockerfile requirements.lock)"
commit="$(git describe --always --dirty --abbrev=40 '--exclude=*' 2>/dev/null || echo unknown)"
run az ml schedule create --file "deploy/schedules/$PIPELINE.yml" --name "$name" "${THERE[@]}" --output none \
  --set "create_job.inputs.environment=$environment" "create_job.inputs.commit=$commit"
# One that was switched off may have stayed so.
run az ml schedule enable --name "$name" "${THERE[@]}" --output none
say "Done. deploy/schedule.sh $PIPELINE --stop switches it off."
