#!/usr/bin/env bash
# The gate between a training and a release: puts the promoted version of a workload's model into a registry of Azure ML,
# from which other workspaces serve it, if the code of COMMIT made it. Promoted is what was better than the version before
# on the same test data, by the rule of the pipeline's last step; nothing is measured anew here.
#
#   deploy/share.sh faq|shelf --registry REGISTRY [--commit SHA] [--dry-run]
#
# --registry  of Azure ML: deploy/registry/registry.yml makes one
# --commit    what was trained (HEAD). If the promoted version is another's, the new one was not better: it ends with 3
#
# What it is called there has the commit in it, for a workspace that was made anew counts versions from 1 again; it is in
# deploy/build/version.
set -euo pipefail

WORKLOAD="" REGISTRY="" COMMIT="" DRY_RUN=no version="" trained="" there=""
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options 'faq|shelf>WORKLOAD' --registry=REGISTRY --commit=COMMIT --dry-run:DRY_RUN=yes -- "$@"
[[ -n "$WORKLOAD" ]] || stop "say whose model to share: faq or shelf"
[[ -n "$REGISTRY" ]] || stop "--registry is needed: where to put it"
needs az git python3
in_workspace
model_of "$WORKLOAD"
COMMIT="${COMMIT:-$(git rev-parse HEAD)}"
mkdir -p deploy/build
rm -f deploy/build/version

say "1. Which version is promoted"
find_promoted
[[ -n "$version" ]] || stop "no version of $MODEL is promoted: run the pipeline $WORKLOAD first"
look trained "$COMMIT" az ml model show --name "$MODEL" --version "$version" "${THERE[@]}" \
  --query "tags.\"triptych.git_commit\"" --output tsv
# Names in conf/azure are written by up.sh, so a checkout may have changed since.
if [[ "${trained%-dirty}" != "$COMMIT" ]]; then
  echo "Version $version of $MODEL stays the promoted one; it was made by ${trained:-an unknown commit}. What $COMMIT" \
    "trained was not better: there is nothing to release."
  exit 3
fi

say "2. Into $REGISTRY"
shared="$version-${COMMIT:0:12}"
look there "" az ml model show --name "$MODEL" --version "$shared" --registry-name "$REGISTRY" --query name --output tsv
if [[ -z "$there" ]]; then
  run az ml model share --name "$MODEL" --version "$version" --registry-name "$REGISTRY" \
    --share-with-name "$MODEL" --share-with-version "$shared" "${THERE[@]}" --output none
fi
if [[ "$DRY_RUN" == no ]]; then printf '%s\n' "$shared" >deploy/build/version; fi
say "Done: version $shared of $MODEL. deploy/serve.sh $WORKLOAD --registry $REGISTRY --version $shared serves it."
