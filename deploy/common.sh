# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used by the scripts that read this
# What the scripts beside it share. Every command is printed before it runs; with --dry-run it is only printed.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export AZURE_CORE_ONLY_SHOW_ERRORS=true
DRY_RUN="${DRY_RUN:-no}"
OUTPUTS=deploy/build/outputs.json

say() { printf '\n==> %s\n' "$*"; }

stop() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 2
}

# The comment at the top of a script is its help.
usage() {
  awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
}

# `options SPEC... -- WORD...` reads a command line into variables. A SPEC is `--name=VARIABLE` for an option with a value,
# `--flag:VARIABLE=VALUE` for one without, `this|that>VARIABLE` for a word, `*>VARIABLE` for any.
options() {
  local specs=() spec word words
  while [[ "$1" != -- ]]; do specs+=("$1") && shift; done
  shift
  while (($#)); do
    word="$1"
    shift
    if [[ "$word" == --help || "$word" == -h ]]; then usage && exit; fi
    for spec in "${specs[@]}"; do
      case "$spec" in
        "$word="*)
          (($#)) && [[ -n "$1" && "$1" != --* ]] || stop "$word needs a value, see --help"
          printf -v "${spec#*=}" '%s' "$1"
          shift
          continue 2
          ;;
        "$word:"*)
          spec="${spec#*:}"
          printf -v "${spec%%=*}" '%s' "${spec#*=}"
          continue 2
          ;;
        *">"*)
          words="|${spec%>*}|"
          if [[ "$word" == -* || ("$words" != "|*|" && "$words" != *"|$word|"*) ]]; then continue; fi
          printf -v "${spec##*>}" '%s' "$word"
          continue 2
          ;;
      esac
    done
    stop "unknown option $word, see --help"
  done
}

show() { # Print a command as it can be typed.
  printf '+'
  local word
  for word in "$@"; do
    case "$word" in
      *[!A-Za-z0-9_./:=@,+-]*) printf " '%s'" "${word//\'/\'\\\'\'}" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
}

run() {
  show "$@"
  if [[ "$DRY_RUN" == no ]]; then "$@"; fi
}

# `look VARIABLE STAND_IN COMMAND...`: the command's answer goes into the variable, and nothing where Azure says that there
# is no such thing. Any other failure stops the script. In a dry run the stand-in is the answer.
look() {
  local variable="$1" found="$2" errors
  shift 2
  show "$@"
  if [[ "$DRY_RUN" == no ]]; then
    errors="$(mktemp)"
    if ! found="$("$@" 2>"$errors")"; then
      # A broken CLI, or another subscription, says nothing about what was asked for.
      if grep -qE "ModuleNotFoundError|SubscriptionNotFound" "$errors" ||
        ! grep -qiE "not ?found|could not be found|does not exist|doesn't exist|run 'az login'|delegated" "$errors"; then
        cat "$errors" >&2
        rm -f "$errors"
        stop "this failed: $*"
      fi
      found=""
    fi
    rm -f "$errors"
    if [[ "$found" == None ]]; then found=""; fi
  fi
  printf -v "$variable" '%s' "$found"
}

# Repeat a command on storage until it works, for at most 10 minutes: a role takes a while to be known everywhere. From
# outside of a closed network no waiting helps; there Azure says AuthorizationFailure, where a role is missing it says
# AuthorizationPermissionMismatch.
await() {
  show "$@"
  if [[ "$DRY_RUN" == yes ]]; then return; fi
  local turn answer
  for turn in {1..40}; do
    if answer="$("$@" 2>&1)"; then return; fi
    if grep -qE "AuthorizationFailure|not authorized to perform this operation\.|network rules|PublicAccess" <<<"$answer" &&
      ! grep -q "PermissionMismatch" <<<"$answer"; then
      stop "storage is closed to this machine. Run the same command from inside of the network: what is made stays.
$answer"
    fi
    sleep "${PAUSE_S:-15}"
  done
  "$@"
}

needs() { # The tools that a script calls.
  if [[ "$DRY_RUN" == yes ]]; then return; fi
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || stop "$tool is not on the PATH: see docs/how-to/run-on-azure.md"
  done
}

# `output NAME`: one of what main.bicep gave, as up.sh kept it.
output() {
  if [[ -f "$OUTPUTS" ]]; then
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]]["value"])' "$OUTPUTS" "$1"
  elif [[ "$DRY_RUN" == yes ]]; then
    printf '<%s>' "$1"
  else
    stop "$OUTPUTS is not there: run deploy/up.sh first"
  fi
}

# `digest FILE...`: twelve digits that change when one of the files does.
digest() {
  python3 -c 'import hashlib, sys
print(hashlib.sha256(b"".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest()[:12])' "$@"
}

# What `az ml` needs to know every time.
in_workspace() {
  WORKSPACE="$(output workspace)"
  GROUP="$(output resourceGroup)"
  MEDIA="$(output mediaAccount)"
  WORK="$(output workAccount)"
  # Endpoints are named once a region; the accounts already have what sets ours apart.
  ISOLATED="$(output isolated)" # Python's True or False
  SUFFIX="${MEDIA: -6}"
  if [[ "$MEDIA" == "<"* ]]; then SUFFIX="<suffix>"; fi
  THERE=(--resource-group "$GROUP" --workspace-name "$WORKSPACE")
}

# NAME is that of the deployment in OUTPUTS; another one that was asked for ends the script before anything is made.
check_name() {
  if [[ "$GROUP" != rg-* ]]; then
    NAME="${NAME:-triptych}"
  elif [[ -n "$NAME" && "rg-$NAME" != "$GROUP" ]]; then
    stop "--name is $NAME, and $OUTPUTS is that of ${GROUP#rg-}: run deploy/up.sh --name $NAME first"
  else
    NAME="${GROUP#rg-}"
  fi
}

# `create_endpoint KIND NAME FILE [OPTION...]`, unless it is there.
create_endpoint() {
  local there="" kind="$1" name="$2" file="$3"
  shift 3
  look there "" az ml "$kind-endpoint" show --name "$name" "${THERE[@]}" --query name --output tsv
  if [[ -z "$there" ]]; then run az ml "$kind-endpoint" create --name "$name" --file "$file" "${THERE[@]}" "$@"; fi
}

# `model_of WORKLOAD`: the name of its model goes into MODEL.
model_of() {
  case "$1" in
    faq) MODEL=faq-matcher ;;
    shelf) MODEL=shelf-detector ;;
    video) MODEL=video-styles ;;
  esac
}

# The promoted version of MODEL goes into `version`; nothing, where none is.
find_promoted() {
  look version "<version>" az ml model list --name "$MODEL" "${THERE[@]}" \
    --query "[?tags.\"triptych.promoted\"=='true'].version | [0]" --output tsv
}

# In a job of GitHub's that may ask for tokens: sign in again. Anywhere else whoever signed in stays so.
sign_in_again() {
  if [[ -z "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" || -z "${AZURE_CLIENT_ID:-}" || -z "${AZURE_TENANT_ID:-}" ]]; then return; fi
  python3 -c 'import json, os, urllib.request
request = urllib.request.Request(
    os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=api://AzureADTokenExchange",
    headers={"Authorization": "Bearer " + os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]},
)
print(json.load(urllib.request.urlopen(request, timeout=60))["value"])' |
    { read -r token && az login --service-principal --username "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" \
      --federated-token "$token" --output none; }
}
