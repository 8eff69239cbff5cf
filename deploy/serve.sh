#!/usr/bin/env bash
# Serves the promoted model of a workload: an online endpoint, a batch endpoint, autoscaling, alerts, a monitor.
# Comes after up.sh and a finished run of the workload's pipeline. Run it again to serve a newer version.
#
#   deploy/serve.sh faq|shelf --email ADDRESS [--name NAME] [--online] [--batch] [--dry-run]
#   deploy/serve.sh faq|shelf --back [--dry-run]
#   deploy/serve.sh faq|shelf --retire [--dry-run]
#
# --email   where the monitor's findings go
# --name    as for up.sh (triptych)
# --online  only the online endpoint; --batch: only the batch endpoint
# --back    let the version before answer again; the newer one stays beside it, without requests
# --retire  delete the deployment that gets no requests: it costs as much as the one that does
set -euo pipefail

WORKLOAD="" EMAIL="" NAME=triptych ONLINE=no BATCH=no BACK=no RETIRE=no DRY_RUN=no
version="" there="" deployed=""
while (($#)); do
  case "$1" in
    faq | shelf) WORKLOAD="$1" ;;
    --email) EMAIL="${2:?}" && shift ;;
    --name) NAME="${2:?}" && shift ;;
    --online) ONLINE=yes ;;
    --batch) BATCH=yes ;;
    --back) BACK=yes ;;
    --retire) RETIRE=yes ;;
    --dry-run) DRY_RUN=yes ;;
    --help | -h) usage_wanted=yes ;;
    *) echo "serve.sh: unknown option $1, see --help" >&2 && exit 2 ;;
  esac
  shift
done
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if [[ "${usage_wanted:-no}" == yes ]]; then usage && exit; fi
[[ -n "$WORKLOAD" ]] || stop "say what to serve: faq or shelf"
[[ "$EMAIL" == *@* || "$BACK$RETIRE" == *yes* ]] || stop "--email is needed: where the monitor's findings go"
if [[ "$ONLINE$BATCH" == nono ]]; then ONLINE=yes BATCH=yes; fi
case "$WORKLOAD" in
  faq) MODEL=faq-matcher ;;
  shelf) MODEL=shelf-detector ;;
esac
# What 90 of 100 requests should stay below. A full-size Mask R-CNN takes seconds for a photo on processors.
SLOW_MS=2000
if [[ "$WORKLOAD" == shelf ]]; then SLOW_MS=30000; fi
needs az python3
in_workspace
endpoint="triptych-$WORKLOAD-$SUFFIX"

# Which deployment answers (LIVE), which is beside it (IDLE), and the colour that is free or can be freed (NEXT).
read_colours() {
  LIVE="" IDLE=""
  look deployed "" az ml online-deployment list --endpoint-name "$endpoint" "${THERE[@]}" --query "[].name" --output tsv
  local colour share
  for colour in $deployed; do
    look share 0 az ml online-endpoint show --name "$endpoint" "${THERE[@]}" --query "traffic.$colour" --output tsv
    if [[ "${share:-0}" != 0 ]]; then LIVE="$colour"; else IDLE="$colour"; fi
  done
  NEXT=blue
  if [[ "$LIVE" == blue ]]; then NEXT=green; fi
}

delete_idle() {
  local scaling="scale-$endpoint-$IDLE"
  # One that never answered has none.
  look there "" az monitor autoscale show --name "$scaling" --resource-group "$GROUP" --query name --output tsv
  if [[ -n "$there" ]]; then run az monitor autoscale delete --name "$scaling" --resource-group "$GROUP"; fi
  run az ml online-deployment delete --name "$IDLE" --endpoint-name "$endpoint" --yes "${THERE[@]}"
}

# `ask_once COLOUR`: a question, or one of the sample's photos, at one deployment, whatever the traffic. Anything but an
# answer ends the script.
ask_once() {
  mkdir -p deploy/build
  python3 -c 'import base64, json, sys
row = {"title": "How do I compare two arrays?", "body": "<p>By their values.</p>"}
if sys.argv[1] == "shelf":
    row = {"image": base64.b64encode(open("data/01_raw/shelf_new/shelf_00001.jpg", "rb").read()).decode()}
json.dump({"dataframe_records": [row]}, open(sys.argv[2], "w"))' "$WORKLOAD" "deploy/build/request-$WORKLOAD.json"
  run az ml online-endpoint invoke --name "$endpoint" --deployment-name "$1" \
    --request-file "deploy/build/request-$WORKLOAD.json" "${THERE[@]}" --output none
}

send_traffic() { # `send_traffic TO FROM`: the first answers from now on.
  run az ml online-endpoint update --name "$endpoint" --traffic "$1=100${2:+ $2=0}" "${THERE[@]}" --output none
}

if [[ "$BACK$RETIRE" != nono ]]; then
  read_colours
  [[ -n "$LIVE" && -n "$IDLE" ]] || stop "$endpoint has no second deployment: there is nothing to go back to or to retire"
  if [[ "$RETIRE" == yes ]]; then
    delete_idle
  else
    ask_once "$IDLE"
    send_traffic "$IDLE" "$LIVE"
  fi
  exit
fi

say "1. Which version is promoted"
look version "<version>" az ml model list --name "$MODEL" "${THERE[@]}" \
  --query "[?tags.\"triptych.promoted\"=='true'].version | [0]" --output tsv
[[ -n "$version" ]] || stop "no version of $MODEL is promoted: run the pipeline $WORKLOAD first"

say "2. Environment of the servers"
image="$(digest deploy/endpoints/serving/*.yml)"
look there "" az ml environment show --name triptych-serving --version "$image" "${THERE[@]}" --query name --output tsv
if [[ -z "$there" ]]; then
  run az ml environment create --file deploy/endpoints/serving/environment.yml --version "$image" "${THERE[@]}" --output none
fi

if [[ "$ONLINE" == yes ]]; then
  say "3. Online endpoint $endpoint"
  open_to=enabled
  if [[ "$ISOLATED" == True ]]; then open_to=disabled; fi
  create_endpoint online "$endpoint" "deploy/endpoints/$WORKLOAD/online-endpoint.yml" \
    --set "public_network_access=$open_to"
  # A new version goes beside the one that answers. Only when it has answered a request itself, it gets the others'; the
  # one before stays, for a way back.
  read_colours
  if [[ -n "$IDLE" ]]; then delete_idle; fi
  colour="$NEXT"
  run az ml online-deployment create --name "$colour" --endpoint-name "$endpoint" \
    --file "deploy/endpoints/$WORKLOAD/online-deployment.yml" --set "model=azureml:$MODEL:$version" "${THERE[@]}"
  ask_once "$colour"
  send_traffic "$colour" "$LIVE"
  say "4. Autoscaling and alerts"
  run az deployment group create --name "serving-$WORKLOAD" --resource-group "$GROUP" \
    --template-file deploy/infra/serving.bicep --parameters "workspaceName=$WORKSPACE" "endpointName=$endpoint" \
    "deploymentName=$colour" "slowMs=$SLOW_MS" "actionGroupName=ag-$NAME" --output none
  say "5. Monitor"
  # Its file names the endpoint in many places.
  mkdir -p deploy/build
  sed -e "s/triptych-$WORKLOAD-blue-/$endpoint-$colour-/; s/triptych-$WORKLOAD:blue/$endpoint:$colour/" \
    -e "s/ALERT_EMAIL.*/$EMAIL/" "deploy/monitoring/$WORKLOAD.yml" >"deploy/build/monitor-$WORKLOAD.yml"
  run az ml schedule create --file "deploy/build/monitor-$WORKLOAD.yml" "${THERE[@]}" --output none
fi

if [[ "$BATCH" == yes ]]; then
  batch="triptych-$WORKLOAD-batch-$SUFFIX"
  say "6. Batch endpoint $batch"
  create_endpoint batch "$batch" "deploy/endpoints/$WORKLOAD/batch-endpoint.yml"
  run az ml batch-deployment create --name model --endpoint-name "$batch" --set-default \
    --file "deploy/endpoints/$WORKLOAD/batch-deployment.yml" --set "model=azureml:$MODEL:$version" "${THERE[@]}"
fi

say "Done. docs/how-to/serve-on-azure.md says how to ask."
