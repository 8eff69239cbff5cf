#!/usr/bin/env bash
# Serves the promoted model of a workload: an online endpoint, a batch endpoint, autoscaling, alerts, a monitor.
# Comes after up.sh and a finished run of the workload's pipeline. Run it again to serve a newer version.
#
#   deploy/serve.sh faq|shelf --email ADDRESS [--name NAME] [--online] [--batch] [--dry-run]
#
# --email   where the monitor's findings go
# --name    as for up.sh (triptych)
# --online  only the online endpoint; --batch: only the batch endpoint
set -euo pipefail

WORKLOAD="" EMAIL="" NAME=triptych ONLINE=no BATCH=no DRY_RUN=no
version="" there="" live="" other=""
while (($#)); do
  case "$1" in
    faq | shelf) WORKLOAD="$1" ;;
    --email) EMAIL="${2:?}" && shift ;;
    --name) NAME="${2:?}" && shift ;;
    --online) ONLINE=yes ;;
    --batch) BATCH=yes ;;
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
[[ "$EMAIL" == *@* ]] || stop "--email is needed: where the monitor's findings go"
if [[ "$ONLINE$BATCH" == nono ]]; then ONLINE=yes BATCH=yes; fi
case "$WORKLOAD" in
  faq) MODEL=faq-matcher ;;
  shelf) MODEL=shelf-detector ;;
esac
needs az python3
in_workspace

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
  endpoint="triptych-$WORKLOAD-$SUFFIX"
  say "3. Online endpoint $endpoint"
  create_endpoint online "$endpoint" "deploy/endpoints/$WORKLOAD/online-endpoint.yml"
  # A new version goes beside the one that answers, and takes over when it is up.
  look live "" az ml online-endpoint show --name "$endpoint" "${THERE[@]}" --query "traffic.blue" --output tsv
  colour=blue old=""
  if [[ "$live" == 100 ]]; then colour=green old=blue; fi
  look other "" az ml online-endpoint show --name "$endpoint" "${THERE[@]}" --query "traffic.green" --output tsv
  if [[ "$other" == 100 ]]; then old=green; fi
  run az ml online-deployment create --name "$colour" --endpoint-name "$endpoint" \
    --file "deploy/endpoints/$WORKLOAD/online-deployment.yml" --set "model=azureml:$MODEL:$version" "${THERE[@]}"
  run az ml online-endpoint update --name "$endpoint" --traffic "$colour=100" "${THERE[@]}" --output none
  if [[ -n "$old" ]]; then
    run az monitor autoscale delete --name "scale-$endpoint-$old" --resource-group "$GROUP"
    run az ml online-deployment delete --name "$old" --endpoint-name "$endpoint" --yes "${THERE[@]}"
  fi
  say "4. Autoscaling and alerts"
  run az deployment group create --name "serving-$WORKLOAD" --resource-group "$GROUP" \
    --template-file deploy/infra/serving.bicep --parameters "workspaceName=$WORKSPACE" "endpointName=$endpoint" \
    "deploymentName=$colour" "actionGroupName=ag-$NAME" --output none
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
