#!/usr/bin/env bash
# Serves the promoted model of a workload: an online endpoint, a batch endpoint, autoscaling, alerts, a monitor.
# Comes after up.sh and a finished run of the workload's pipeline. Run it again to serve a newer version.
# video has no promoted model: the styles of a folder are packed as one, whose version is what it is made of. Its online
# endpoint paints single pictures; whole videos go through deploy/trigger.sh.
#
#   deploy/serve.sh faq|shelf --email ADDRESS [--name NAME] [--online] [--batch] [--registry REGISTRY --version VERSION]
#                   [--steps PERCENT,...] [--soak SECONDS] [--dry-run]
#   deploy/serve.sh video [--style FILE] [--name NAME] [--registry ...] [--steps ...] [--soak ...] [--dry-run]
#   deploy/serve.sh faq|shelf|video --back [--dry-run]
#   deploy/serve.sh faq|shelf|video --retire [--dry-run]
#
# --email   where the monitor's findings go
# --style   the style that is meant where none is asked for (data/01_raw/video_style/models/mosaic.pth); those beside it go
#           along
# --name    as for up.sh (that of its last run)
# --online  only the online endpoint; --batch: only the batch endpoint
# --registry, --version  serve a version that deploy/share.sh put into a registry, not the promoted one of this workspace
# --steps   shares of the requests that a newer version gets before all of them (none: all at once when it has answered)
# --soak    seconds that each of these lasts (300). If the endpoint fails requests in that time, or the newer version does
#           not answer any more, the version before gets all of them back
# --back    let the version before answer again; the newer one stays beside it, without requests
# --retire  delete the deployment that gets no requests: it costs as much as the one that does
set -euo pipefail

WORKLOAD="" EMAIL="" NAME="" ONLINE=no BATCH=no BACK=no RETIRE=no DRY_RUN=no REGISTRY="" VERSION="" STEPS="" SOAK_S=300
STYLE=data/01_raw/video_style/models/mosaic.pth
version="" there="" deployed="" SIGNAL="" REFERENCE=""
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options 'faq|shelf|video>WORKLOAD' --style=STYLE --email=EMAIL --name=NAME --registry=REGISTRY --version=VERSION \
  --steps=STEPS --soak=SOAK_S --online:ONLINE=yes --batch:BATCH=yes --back:BACK=yes --retire:RETIRE=yes \
  --dry-run:DRY_RUN=yes -- "$@"
[[ -n "$WORKLOAD" ]] || stop "say what to serve: faq, shelf or video"
if [[ "$WORKLOAD" == video ]]; then
  [[ "$BATCH" == no ]] || stop "folders of videos go through deploy/trigger.sh"
  [[ -f "$STYLE" ]] || stop "there is no style $STYLE"
  ONLINE=yes
fi
MONITOR="deploy/monitoring/$WORKLOAD.yml"
[[ "$EMAIL" == *@* || "$BACK$RETIRE" == *yes* || ! -f "$MONITOR" ]] ||
  stop "--email is needed: where the monitor's findings go"
if [[ "$ONLINE$BATCH" == nono ]]; then ONLINE=yes BATCH=yes; fi
if [[ -n "$REGISTRY" && -z "$VERSION" ]]; then stop "--registry needs --version: that of deploy/share.sh"; fi
if [[ -z "$REGISTRY" && -n "$VERSION" ]]; then stop "--version goes with --registry; without, the promoted one is served"; fi
[[ "$SOAK_S" =~ ^[0-9]+$ ]] || stop "--soak must be seconds, got $SOAK_S"
for percent in ${STEPS//,/ }; do
  [[ "$percent" =~ ^[1-9][0-9]?$ ]] || stop "--steps must be whole percents from 1 to 99, got $percent"
done
model_of "$WORKLOAD"
# What 90 of 100 requests should stay below. A full-size Mask R-CNN takes seconds for a photo on processors.
SLOW_MS=2000
if [[ "$WORKLOAD" == shelf ]]; then SLOW_MS=30000; fi
if [[ "$WORKLOAD" == video ]]; then SLOW_MS=20000; fi
needs az python3
in_workspace
check_name
endpoint="triptych-$WORKLOAD-$SUFFIX"
if [[ "$WORKLOAD" == video ]]; then endpoint="triptych-video-online-$SUFFIX"; fi # the other one is that of trigger.sh

# Which deployment answers (LIVE), which is beside it (IDLE), and the colour that is free or can be freed (NEXT).
read_colours() {
  LIVE="" IDLE=""
  look deployed "" az ml online-deployment list --endpoint-name "$endpoint" "${THERE[@]}" --query "[].name" --output tsv
  local colour share
  for colour in $deployed; do
    look share 0 az ml online-endpoint show --name "$endpoint" "${THERE[@]}" --query "traffic.$colour" --output tsv
    if [[ "${share:-0}" == 0 ]]; then
      IDLE="$colour"
    elif [[ -z "$LIVE" ]]; then
      LIVE="$colour"
    else
      stop "$LIVE and $colour both have a share of the requests, as something left them that was killed in between. Say" \
        "which is to answer all of them, then run this again: az ml online-endpoint update --name $endpoint ${THERE[*]}" \
        "--traffic \"$LIVE=100 $colour=0\" or --traffic \"$colour=100 $LIVE=0\""
    fi
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
if sys.argv[1] != "faq":
    row = {"image": base64.b64encode(open("data/01_raw/shelf_new/shelf_00001.jpg", "rb").read()).decode()}
json.dump({"dataframe_records": [row]}, open(sys.argv[2], "w"))' "$WORKLOAD" "deploy/build/request-$WORKLOAD.json"
  run az ml online-endpoint invoke --name "$endpoint" --deployment-name "$1" \
    --request-file "deploy/build/request-$WORKLOAD.json" "${THERE[@]}" --output none
}

send_traffic() { # `send_traffic TO FROM`: the first answers from now on.
  run az ml online-endpoint update --name "$endpoint" --traffic "$1=100${2:+ $2=0}" "${THERE[@]}" --output none
}

# `count_failures COLOUR SINCE`: how many requests a minute, summed up, its container answered with 5xx, into FAILURES. Azure
# knows of them a few minutes later, so `--soak` should not be shorter.
count_failures() {
  local figures="" id=""
  look id "<endpoint id>" az ml online-endpoint show --name "$endpoint" "${THERE[@]}" --query id --output tsv
  look figures '{"value": []}' az monitor metrics list --resource "$id" --metric RequestsPerMinute --aggregation Average \
    --interval PT1M --start-time "$2" --filter "deployment eq '$1' and modelStatusCode eq '*'" --output json
  FAILURES="$(python3 -c 'import json, sys
series = [each for metric in json.loads(sys.argv[1] or "{}").get("value", []) for each in metric["timeseries"]]
failed = [
    each for each in series
    if any(about["name"]["value"].lower() == "modelstatuscode" and about["value"].startswith("5")
           for about in each["metadatavalues"])
]
print(sum(point.get("average") or 0 for each in failed for point in each["data"]))' "$figures")"
}

# `shift_traffic TO FROM`: the first gets more and more of the requests, and all of them at the end. If it fails some on the
# way, or the script ends for any other reason, the second has all of them back.
shift_traffic() {
  local percent since why
  TO="$1" FROM="$2"
  for percent in ${STEPS//,/ }; do
    if [[ -z "$2" ]]; then break; fi # the first deployment of all
    trap 'send_traffic "$FROM" "$TO"' EXIT
    since="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    run az ml online-endpoint update --name "$endpoint" --traffic "$1=$percent $2=$((100 - percent))" "${THERE[@]}" \
      --output none
    if [[ "$DRY_RUN" == no ]]; then sleep "$SOAK_S"; fi
    why=""
    if ! ask_once "$1"; then why="it does not answer any more"; fi
    count_failures "$1" "$since"
    if [[ "$FAILURES" != 0 ]]; then why="its container failed requests ($FAILURES a minute, summed up)"; fi
    if [[ -n "$why" ]]; then
      trap - EXIT
      send_traffic "$2" "$1"
      stop "$1 had $percent % of the requests, and $why. $2 answers all of them again; $1 stays beside it for a look:" \
        "az ml online-deployment get-logs --name $1 --endpoint-name $endpoint ${THERE[*]}"
    fi
  done
  send_traffic "$1" "$2"
  trap - EXIT
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

# A version of the styles goes into `version`: what is the same is there already.
pack_styles() {
  local sources=()
  needs triptych
  mapfile -t sources < <(find src/triptych -name '*.py' | LC_ALL=C sort)
  # Names count too: by them styles are asked for.
  local files=("$STYLE" "$(dirname "$STYLE")"/*.pth)
  version="$(digest "${files[@]}" requirements.lock "${sources[@]}" <(printf '%s\n' "${files[@]##*/}"))"
  look there "" az ml model show --name "$MODEL" --version "$version" "${THERE[@]}" --query name --output tsv
  if [[ -n "$there" ]]; then return; fi
  rm -rf "deploy/build/$MODEL"
  run triptych azure pack-styles "$STYLE" data/01_raw/shelf_new/shelf_00001.jpg "deploy/build/$MODEL"
  run az ml model create --name "$MODEL" --version "$version" --type mlflow_model --path "deploy/build/$MODEL" \
    "${THERE[@]}" --output none
}

# What the monitor's own signal needs: its two steps as components, and the reference that lies beside the served model.
# Their versions, by which they change, go into SIGNAL and REFERENCE; a model without a reference leaves the latter empty.
make_signal() {
  local sources=() name from=("${THERE[@]}") served="deploy/build/served-$WORKLOAD" file="<reference>"
  mapfile -t sources < <(find src/triptych deploy/monitoring/signal -type f -not -name '*.pyc' | LC_ALL=C sort)
  SIGNAL="$(digest "${sources[@]}")"
  for name in requests drift; do
    look there "" az ml component show --name "triptych_$name" --version "$SIGNAL" "${THERE[@]}" --query name --output tsv
    if [[ -z "$there" ]]; then
      run az ml component create --file "deploy/monitoring/signal/$name.yml" --version "$SIGNAL" "${THERE[@]}" --output none
    fi
  done
  if [[ -n "$REGISTRY" ]]; then from=(--registry-name "$REGISTRY"); fi
  rm -rf "$served" && mkdir -p "$served"
  run az ml model download --name "$MODEL" --version "$version" --download-path "$served" "${from[@]}" --output none
  if [[ "$DRY_RUN" == no ]]; then file="$(find "$served" -name drift_reference.parquet -print -quit)"; fi
  REFERENCE=""
  if [[ -z "$file" ]]; then
    say "This version of $MODEL has no reference, so there is no signal for drift: register it anew"
    return
  fi
  REFERENCE="<reference>"
  if [[ "$DRY_RUN" == no ]]; then REFERENCE="$(digest "$file")"; fi
  look there "" az ml data show --name "triptych_${WORKLOAD}_served_reference" --version "$REFERENCE" "${THERE[@]}" \
    --query name --output tsv
  if [[ -z "$there" ]]; then
    run az ml data create --name "triptych_${WORKLOAD}_served_reference" --version "$REFERENCE" --type uri_folder \
      --path "$(dirname "$file")" "${THERE[@]}" --output none
  fi
}

say "1. Which version is served"
if [[ -n "$REGISTRY" ]]; then
  version="$VERSION"
elif [[ "$WORKLOAD" == video ]]; then
  pack_styles
else
  find_promoted
fi
[[ -n "$version" ]] || stop "no version of $MODEL is promoted: run the pipeline $WORKLOAD first"
model="azureml:$MODEL:$version"
if [[ -n "$REGISTRY" ]]; then model="azureml://registries/$REGISTRY/models/$MODEL/versions/$version"; fi

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
    --file "deploy/endpoints/$WORKLOAD/online-deployment.yml" --set "model=$model" "${THERE[@]}"
  ask_once "$colour"
  say "4. Autoscaling and alerts"
  run az deployment group create --name "serving-$WORKLOAD" --resource-group "$GROUP" \
    --template-file deploy/infra/serving.bicep --parameters "workspaceName=$WORKSPACE" "endpointName=$endpoint" \
    "deploymentName=$colour" "slowMs=$SLOW_MS" "actionGroupName=ag-$NAME" --output none
  say "5. Requests go to $colour"
  shift_traffic "$colour" "$LIVE"
  if [[ -f "$MONITOR" ]]; then
    say "6. Monitor"
    mkdir -p deploy/build
    make_signal
    # Its file names the endpoint in many places.
    python3 -c 'import json, re, sys
before, endpoint, colour, email, signal, reference = sys.argv[1:]
text = sys.stdin.read().replace(f"{before}-blue-", f"{endpoint}-{colour}-").replace(f"{before}:blue", f"{endpoint}:{colour}")
text = re.sub(r"(azureml:triptych_(?:drift|requests)):1$", rf"\1:{signal}", text, flags=re.M)
text = re.sub(r"(azureml:triptych_\w+_served_reference):1$", rf"\1:{reference}", text, flags=re.M)
if not reference:
    text = re.sub(r"^    asked_drift:\n.*?(?=^  \w)", "", text, flags=re.M | re.S)
print(re.sub("ALERT_EMAIL.*", lambda _: json.dumps(email), text), end="")' \
      "triptych-$WORKLOAD" "$endpoint" "$colour" "$EMAIL" "$SIGNAL" "$REFERENCE" <"$MONITOR" >"deploy/build/monitor-$WORKLOAD.yml"
    run az ml schedule create --file "deploy/build/monitor-$WORKLOAD.yml" "${THERE[@]}" --output none
  fi
fi

if [[ "$BATCH" == yes ]]; then
  batch="triptych-$WORKLOAD-batch-$SUFFIX"
  say "7. Batch endpoint $batch"
  create_endpoint batch "$batch" "deploy/endpoints/$WORKLOAD/batch-endpoint.yml"
  run az ml batch-deployment create --name model --endpoint-name "$batch" --set-default \
    --file "deploy/endpoints/$WORKLOAD/batch-deployment.yml" --set "model=$model" "${THERE[@]}"
fi

say "Done. docs/how-to/serve-on-azure.md says how to ask."
