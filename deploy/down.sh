#!/usr/bin/env bash
# Removes everything that the other scripts made, and what Azure keeps of it after deletion. Data goes too.
#
#   deploy/down.sh --name NAME [--yes] [--dry-run]
#
# --name  as for up.sh; has to be said
# --yes   do not ask
set -euo pipefail

NAME="" YES=no DRY_RUN=no
account="" there="" names="" vaults="" region="" protected=""
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
options --name=NAME --yes:YES=yes --dry-run:DRY_RUN=yes -- "$@"
[[ "$NAME" =~ ^[a-z][a-z0-9]{2,8}$ ]] || stop "--name is needed, as it was given to up.sh"
needs az
GROUP="rg-$NAME" WORKSPACE="mlw-$NAME"
THERE=(--resource-group "$GROUP" --workspace-name "$WORKSPACE")

look account "<subscription>" az account show --query name --output tsv
[[ -n "$account" ]] || stop "not signed in: az login"
look there "$GROUP" az group show --name "$GROUP" --query name --output tsv
if [[ -z "$there" ]]; then
  echo "$GROUP is not there, in $account"
  # One that went before, and was interrupted, may have left this.
  look vaults "" az keyvault list-deleted --resource-type vault \
    --query "[?contains(properties.vaultId, '/resourceGroups/$GROUP/')].name" --output tsv
else
  if [[ "$YES$DRY_RUN" == nono ]]; then
    read -r -p "Delete $GROUP in $account with all data, models and results in it? Type its name: " typed
    [[ "$typed" == "$GROUP" ]] || stop "nothing was deleted"
  fi

  say "1. What keeps nodes or instances busy"
  for kind in online batch; do
    look names "<$kind-endpoint>" az ml "$kind-endpoint" list "${THERE[@]}" --query "[].name" --output tsv
    for name in $names; do run az ml "$kind-endpoint" delete --name "$name" --yes "${THERE[@]}"; done
  done

  say "2. Workspace and logs, for good: both would be kept for 14 days"
  look vaults "<vault>" az keyvault list --resource-group "$GROUP" --query "[].name" --output tsv
  look there "$WORKSPACE" az ml workspace show --name "$WORKSPACE" --resource-group "$GROUP" --query name --output tsv
  if [[ -n "$there" ]]; then
    run az ml workspace delete --name "$WORKSPACE" --resource-group "$GROUP" --permanently-delete --yes
  fi
  look there "log-$NAME" az monitor log-analytics workspace show --workspace-name "log-$NAME" --resource-group "$GROUP" \
    --query name --output tsv
  if [[ -n "$there" ]]; then
    run az monitor log-analytics workspace delete --workspace-name "log-$NAME" --resource-group "$GROUP" --force --yes
  fi

  say "3. The resource group"
  run az group delete --name "$GROUP" --yes
fi

say "4. The deleted vault"
for vault in $vaults; do
  look region "<region>" az keyvault show-deleted --name "$vault" --query properties.location --output tsv
  look protected "false" az keyvault show-deleted --name "$vault" --query properties.purgeProtectionEnabled --output tsv
  if [[ "$protected" == true ]]; then
    echo "$vault is protected from being purged: Azure removes it 7 days after its deletion, and its name is taken until" \
      "then. It costs nothing. To deploy again before, give up.sh another --name."
  elif [[ -n "$region" ]]; then
    run az keyvault purge --name "$vault" --location "$region"
  fi
done

say "5. The record of the deployment"
look there "$NAME" az deployment sub show --name "$NAME" --query name --output tsv
if [[ -n "$there" ]]; then run az deployment sub delete --name "$NAME"; fi
run rm -rf deploy/build
