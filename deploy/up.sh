#!/usr/bin/env bash
# From an empty subscription to a finished run of a pipeline. Can be repeated: what is there stays.
#
#   deploy/up.sh --email ADDRESS [--location REGION] [--name NAME] [--setup small|production]
#                [--pipeline PIPELINE] [--params JSON] [--new-data] [--operator ID --operator-type TYPE]
#                [--replace-clusters] [--what-if] [--build-image] [--no-run] [--dry-run]
#
# --email     where alerts and budget warnings go
# --location  Azure region (westeurope)
# --name      start of every name, 3 to 9 lower case letters and digits (triptych)
# --setup     deploy/infra/<setup>.parameters.json (small)
# --pipeline  which one to run at the end (faq)
# --params    parameters of that run, as JSON; for faq by default those that suit the bundled sample, as conf/azure
#             selects for a whole dump of Stack Overflow: give '{}' with a dump of your own
# --new-data  register data/01_raw again, as new versions
# --operator  object id of who will submit runs (you); --operator-type: User, Group or ServicePrincipal
# --replace-clusters  delete a cluster that has another size or priority than the set-up, and make it anew: Azure changes
#             neither. Jobs that run on it end
# --what-if   only show what Azure would create, change and delete; needs no more than to read, and to ask
# --build-image  build the image in the registry now, and take it by its digest; else Azure ML builds it for the first job
# --no-run    all but the run at the end
# --dry-run   print the commands, run none
set -euo pipefail

EMAIL="" LOCATION=westeurope NAME=triptych SETUP=small PIPELINE=faq PARAMS="" NEW_DATA=no DRY_RUN=no
OPERATOR="" OPERATOR_TYPE=User REPLACE=no WHAT_IF=no BUILD_IMAGE=no RUN=yes
account="" registry="" built="" started="" there="" present=""
SAMPLE_OF_FAQ='{"faq": {"ingest": {"tags": []}, "filter": {"min_text_chars": 1, "min_duplicates": 1}}}'
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options --email=EMAIL --location=LOCATION --name=NAME --setup=SETUP --pipeline=PIPELINE --params=PARAMS \
  --operator=OPERATOR --operator-type=OPERATOR_TYPE --new-data:NEW_DATA=yes --replace-clusters:REPLACE=yes \
  --what-if:WHAT_IF=yes --build-image:BUILD_IMAGE=yes --no-run:RUN=no --dry-run:DRY_RUN=yes -- "$@"
[[ "$EMAIL" == *@* ]] || stop "--email is needed: where alerts and budget warnings go"
[[ "$NAME" =~ ^[a-z][a-z0-9]{2,8}$ ]] || stop "--name must be 3 to 9 lower case letters and digits, got $NAME"
[[ -f "deploy/infra/$SETUP.parameters.json" ]] || stop "there is no set-up $SETUP in deploy/infra"
if [[ "$WHAT_IF" == yes ]]; then needs az; else needs az kedro triptych python3; fi
mkdir -p deploy/build

# `deployment_of OPERATOR STARTED`: what is deployed, as options of `az deployment sub`.
deployment_of() {
  DEPLOYMENT=(--name "$NAME" --location "$LOCATION"
    --template-file deploy/infra/main.bicep --parameters "deploy/infra/$SETUP.parameters.json"
    --parameters "name=$NAME" "location=$LOCATION" "alertEmail=$EMAIL" "operatorId=$1"
    "operatorType=$OPERATOR_TYPE" "budgetStart=${2:0:10}")
}

if [[ "$WHAT_IF" == yes ]]; then
  say "What Azure would do"
  look started "" az consumption budget show --resource-group "rg-$NAME" --budget-name "budget-$NAME" \
    --query timePeriod.startDate --output tsv
  deployment_of "$OPERATOR" "${started:-$(date -u +%Y-%m-01)}"
  # Else it would ask for the right to do all of it.
  run az deployment sub what-if "${DEPLOYMENT[@]}" --validation-level ProviderNoRbac
  exit
fi

say "1. Sign in"
look account "" az account show --query id --output tsv
if [[ -z "$account" ]]; then run az login --output none; fi
run az extension add --name ml --upgrade --yes
for provider in MachineLearningServices ManagedIdentity Storage KeyVault ContainerRegistry Insights OperationalInsights Network EventGrid Logic; do
  run az provider register --namespace "Microsoft.$provider" --wait
done

# `wanted_cluster KIND`: size and tier that the set-up gives a cluster, as `az ml compute show` tells them.
wanted_cluster() {
  python3 -c 'import json, sys
values = {key: entry["value"] for key, entry in json.load(open(sys.argv[1]))["parameters"].items()}
tier = {"LowPriority": "low_priority", "Dedicated": "dedicated"}[values[sys.argv[2] + "Priority"]]
print(values[sys.argv[2] + "VmSize"].lower(), tier)' "deploy/infra/$SETUP.parameters.json" "$1"
}

say "2. Infrastructure"
for kind in cpu gpu; do
  look present "" az ml compute show --name "$kind-cluster" --resource-group "rg-$NAME" --workspace-name "mlw-$NAME" \
    --query "join(' ', [size, tier])" --output tsv
  present="${present,,}"
  wanted="$(wanted_cluster "$kind")"
  if [[ -z "$present" || "${present//lowpriority/low_priority}" == "$wanted" ]]; then continue; fi
  [[ "$REPLACE" == yes ]] || stop "$kind-cluster is '$present', $SETUP says '$wanted', and Azure changes neither size nor" \
    "priority. With --replace-clusters it is deleted and made anew; jobs that run on it end"
  run az ml compute delete --name "$kind-cluster" --resource-group "rg-$NAME" --workspace-name "mlw-$NAME" --yes
done
if [[ -z "$OPERATOR" ]]; then look OPERATOR "<you>" az ad signed-in-user show --query id --output tsv; fi
[[ -n "$OPERATOR" ]] || stop "who submits runs? Signed in as a service principal, give --operator and --operator-type"
look started "" az consumption budget show --resource-group "rg-$NAME" --budget-name "budget-$NAME" \
  --query timePeriod.startDate --output tsv
started="${started:-$(date -u +%Y-%m-01)}"
deployment_of "$OPERATOR" "$started"
deployment=(az deployment sub create "${DEPLOYMENT[@]}" --query properties.outputs --output json)
show "${deployment[@]}"
if [[ "$DRY_RUN" == no ]]; then
  "${deployment[@]}" >"$OUTPUTS.part"
  mv "$OUTPUTS.part" "$OUTPUTS"
fi
in_workspace
if [[ "$ISOLATED" == True ]]; then
  # Else the first job would wait for it, and one on Spark (a monitor) would fail.
  run az ml workspace provision-network --name "$WORKSPACE" --resource-group "$GROUP" --include-spark --output none
fi
for account in "$MEDIA/landing" "$WORK/work"; do
  await az storage blob list --auth-mode login --account-name "${account%/*}" --container-name "${account#*/}" \
    --num-results 1 --output none
done

say "3. Names into conf/azure"
run triptych azure configure "$OUTPUTS"

say "4. Datastores"
for name in landing styled media; do
  run az ml datastore create --file "deploy/datastores/$name.yml" --set "account_name=$MEDIA" "${THERE[@]}" --output none
done
run az ml datastore create --file deploy/datastores/work.yml --set "account_name=$WORK" "${THERE[@]}" --output none

say "5. Environment"
# Its version is what it is made of, so that nothing is built twice.
version="$(digest deploy/environment/Dockerfile requirements.lock)"
look there "" az ml environment show --name triptych --version "$version" "${THERE[@]}" --query name --output tsv
if [[ -z "$there" && "$BUILD_IMAGE" == yes ]]; then
  look registry "<registry>" az ml workspace show --name "$WORKSPACE" --resource-group "$GROUP" \
    --query container_registry --output tsv
  registry="${registry##*/}"
  # A context of its own: requirements.lock in deploy/environment is a link, which the registry would not follow.
  rm -rf deploy/build/image
  mkdir -p deploy/build/image
  cp -L deploy/environment/Dockerfile requirements.lock deploy/build/image
  run az acr build --registry "$registry" --image "triptych:$version" --file deploy/build/image/Dockerfile \
    --timeout 7200 deploy/build/image
  look built "<digest>" az acr repository show --name "$registry" --image "triptych:$version" --query digest --output tsv
  [[ -n "$built" ]] || stop "$registry has no image triptych:$version: the build failed"
  run az ml environment create --name triptych --version "$version" --image "$registry.azurecr.io/triptych@$built" \
    "${THERE[@]}" --output none
elif [[ -z "$there" ]]; then
  run az ml environment create --file deploy/environment/environment.yml --version "$version" "${THERE[@]}" --output none
fi

say "6. Data"
for file in deploy/data/*.yml; do
  asset="triptych_$(basename "$file" .yml)"
  look there "" az ml data show --name "$asset" --label latest "${THERE[@]}" --query version --output tsv
  if [[ -z "$there" || "$NEW_DATA" == yes ]]; then
    run az ml data create --file "$file" "${THERE[@]}" --output none
  else
    echo "$asset is there, as version $there (--new-data makes another one)"
  fi
done
if [[ "$PIPELINE" == video ]]; then
  run az storage blob upload-batch --auth-mode login --account-name "$MEDIA" --destination landing \
    --source data/01_raw/video --pattern '*.mp4' --overwrite
fi

say "7. Check before anything costs"
run triptych azure check
run triptych azure preflight "$PIPELINE"

if [[ "$RUN" == no ]]; then
  say "Done. deploy/run.sh $PIPELINE runs it."
  exit
fi

say "8. Run $PIPELINE"
if [[ -z "$PARAMS" && "$PIPELINE" == faq* ]]; then PARAMS="$SAMPLE_OF_FAQ"; fi
submit=(kedro azureml -e azure run -p "$PIPELINE" --wait-for-completion)
if [[ -n "$PARAMS" && "$PARAMS" != '{}' ]]; then submit+=(--params "$PARAMS"); fi
run "${submit[@]}"

say "Done. deploy/serve.sh serves the model, deploy/trigger.sh starts video when something lands, deploy/down.sh removes all."
