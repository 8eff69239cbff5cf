#!/usr/bin/env bash
# Makes video start by itself when something lands: a batch endpoint of the pipeline, and what calls it: an event and a
# workflow, or, where accounts are isolated, a function in the virtual network.
# Comes after up.sh and a finished run of video. Run it again after a change of the pipeline, with a newer run.
#
#   deploy/trigger.sh [--job NAME] [--every MINUTES] [--name NAME] [--dry-run]
#
# --job    a finished run of `kedro azureml -e azure run -p video` (the latest)
# --every  minutes between two looks at what has landed (5)
# --name   as for up.sh (that of its last run)
set -euo pipefail

JOB="" EVERY=5 NAME="" DRY_RUN=no uri=""
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options --job=JOB --every=EVERY --name=NAME --dry-run:DRY_RUN=yes -- "$@"
[[ "$EVERY" =~ ^[1-9][0-9]{0,3}$ ]] || stop "--every must be whole minutes, got $EVERY"
needs az python3
in_workspace
check_name
[[ "$ISOLATED" != True || "$EVERY" -le 59 ]] || stop "--every may be 59 minutes at most where accounts are isolated"
ENDPOINT="triptych-video-$SUFFIX"

say "1. The run the endpoint repeats"
if [[ -z "$JOB" ]]; then
  look JOB "<job>" az ml job list --max-results 200 "${THERE[@]}" \
    --query "[?display_name=='video' && status=='Completed'].name | [0]" --output tsv
fi
[[ -n "$JOB" ]] || stop "there is no completed run of video: kedro azureml -e azure run -p video"

say "2. Batch endpoint $ENDPOINT"
create_endpoint batch "$ENDPOINT" deploy/endpoints/video/batch-endpoint.yml
run az ml batch-deployment create --name pipeline --endpoint-name "$ENDPOINT" --set-default \
  --file deploy/endpoints/video/batch-deployment.yml --set "job_definition=azureml:$JOB" "${THERE[@]}"
look uri "<scoringUri>" az ml batch-endpoint show --name "$ENDPOINT" "${THERE[@]}" --query scoring_uri --output tsv

say "3. What calls it"
called=("mediaName=$MEDIA" "workName=$WORK" "workspaceName=$WORKSPACE" "scoringUri=$uri" "everyMinutes=$EVERY"
  "actionGroupName=ag-$NAME")
if [[ "$ISOLATED" == True ]]; then
  run az provider register --namespace Microsoft.Web --wait
  run az provider register --namespace Microsoft.App --wait
  run az deployment group create --name function --resource-group "$GROUP" --template-file deploy/infra/function.bicep \
    --parameters "name=$NAME" "${called[@]}" --output none
  mkdir -p deploy/build
  rm -f deploy/build/trigger.zip
  run python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as packed:
    for name in sys.argv[2:]:
        packed.write("deploy/trigger/" + name, name)' deploy/build/trigger.zip \
    function_app.py landing.py host.json requirements.txt
  run az functionapp deployment source config-zip --name "func-$NAME-$SUFFIX" --resource-group "$GROUP" \
    --src deploy/build/trigger.zip --build-remote true --output none
else
  run az deployment group create --name trigger --resource-group "$GROUP" --template-file deploy/infra/trigger.bicep \
    --parameters "${called[@]}" --output none
fi

say "Done. Put a video into the container landing of $MEDIA."
