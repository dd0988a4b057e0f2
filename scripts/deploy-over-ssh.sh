#!/usr/bin/env bash
# Usage: bash scripts/deploy.sh --host USER@SERVER[:FOLDER] [TAG] [--restart]
#        bash scripts/deploy.sh --host USER@SERVER[:FOLDER] --follow
#
# Deploys this project to a server, by ssh, as scripts/deploy-over-ssh.sh: sends what git tracks, never secrets/ or .env, and where the
# server's REGISTRY is localhost the image, too, of which only those layers travel that the server lacks. Then scripts/deploy.sh runs there,
# goes on if the connection ends, and what it says is shown here. If it fails, the files there are those of before again.
#
# TAG is what is deployed, with the files of git's tag TAG or vTAG, or else of the last commit. Without TAG it is that commit.
# FOLDER is the project's on the server, $HOME and the project's name if none is given. --follow shows the last deploy there.
# DEPLOY_SSH is the ssh to use, with its options.
#
# Exit status: that of scripts/deploy.sh there; 1 if nothing was begun there; 2 if it is not known here how it ended.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# --- There, by functions that are sent: the server may have nothing yet -----------------------------------------------------------

# enter FOLDER: makes sure that something can be deployed to it.
enter() {
  local tool
  mkdir -p "$1" && cd "$1" || return
  for tool in docker setsid tar; do command -v "$tool" > /dev/null || { echo "$tool is missing" >&2; return 1; }; done
  docker version > /dev/null && docker compose version > /dev/null || return
  [ ! -e .git ] || { echo "$1 is a checkout of git: git pull and deploy there, or remove its .git first" >&2; return 1; }
}

# unpack FOLDER COUNT < TAR: so many files to FOLDER/files. Prints what is set on the server; one that has no settings is given the files.
unpack() {
  set -e
  umask 022
  mkdir -p "$1/files"
  cd "$1/files"
  : > ../images
  tar -x --no-same-owner --no-same-permissions -f -
  [ "$(find . -type f -o -type l | wc -l)" = "$2" ]
  if [ ! -e ../../../../.env ]; then
    [ -e ../../now ] || { cp -RpP . ../../../.. && ln -sT "$PWD" ../../now; }
    echo new
    return
  fi
  export COMPOSE_ENV_FILES=$PWD/../../../../.env
  . scripts/lib.sh
  say "registry $(setting REGISTRY)"
  say "platform $(docker version -f '{{.Server.Os}}/{{.Server.Arch}}')"
  say "image docker-compose.yml app IMAGE $(setting IMAGE)"
  # mixnet:begin
  [[ $(setting COMPOSE_FILE) != *docker-compose.betanet.yml* ]] ||
    say "image docker-compose.betanet.yml betanet-mixnode-1 MIXNODE_IMAGE $(setting MIXNODE_IMAGE)"
  # mixnet:end
}

# pull FOLDER SENT: an image that becomes its service's when the deploy begins.
pull() { docker pull --quiet "$2" > /dev/null && echo "$2 localhost/${2#*/}" >> "$1/images"; }

# begin FOLDER ARGUMENT...: in a session of its own, which goes on without the connection.
begin() {
  cd "$1/files" || return
  # shellcheck disable=SC2016 # expanded there
  setsid bash -c 'bash scripts/deploy-over-ssh.sh there "$@"; status=$?
    cut -d " " -f 1 ../images | xargs -r docker image rm > /dev/null 2>&1
    echo "$status" > ../status' _ "${@:2}" > ../log 2>&1 < /dev/null &
  echo $! > ../process
}

# said FOLDER FROM: what the deploy in it says from that byte on, until it ends.
said() { cd "$1" && tail -c "+$2" -f --pid "$(cat process)" log; }
outcome() { cat "$1/status" 2> /dev/null || echo killed; }
last() { find "$1/var/deploys" -maxdepth 2 -name process | sort | tail -n 1; }

# --- There, in var/deploys/MOMENT/files ---------------------------------------------------------------------------------------------

files() { (cd "$1" && find . -type f -o -type l) | sort; }

# differ FOLDER: which of its files are not the same here.
differ() {
  files "$1" | while read -r file; do
    if ! cmp -s "$1/$file" "$file" || { [ -x "$1/$file" ] && [ ! -x "$file" ]; }; then say "${file#./}"; fi
  done
}

# put FOLDER BEFORE: its files become those of here, and what only BEFORE has is removed. A file that is the same is not written, since
# containers restart for one that was.
put() {
  comm -13 <(files "$1") <(files "$2") | while read -r file; do
    rm -f "$file"
    rmdir -p "${file%/*}" 2> /dev/null || true
  done
  differ "$1" | while read -r file; do
    mkdir -p "./$(dirname "$file")"
    cp -pP "$1/$file" "$file.sent"
    mv -fT "$file.sent" "$file"
  done
}

# there TAG FROM [--restart]: deploys what was sent.
there() {
  local sent=$PWD now=var/deploys/now begun=var/deploys/begun before changed runs status=0
  cd ../../../..
  DEPLOY_FROM=$2 alone
  before=$(readlink "$now") || before=$sent/../found
  mkdir -p "$before"
  if [ -e "$begun" ]; then             # one that was broken off
    put "$before" "$(cat "$begun")"
  elif [ ! -e "$now" ]; then           # what the first one finds
    files "$sent" | while read -r file; do
      [ ! -e "$file" ] || { mkdir -p "$before/$(dirname "$file")" && cp -pP "$file" "$before/$file"; }
    done
  else
    changed=$(differ "$before" | list)
    [ -z "$changed" ] ||
      die "changed on the server, and would be lost: $changed; commit that, or put back there what var/deploys/now has; nothing was changed"
  fi
  runs=$(setting TAG 2> /dev/null) || runs=""
  say "$sent" > "$begun"
  put "$sent" "$before"
  while read -r pulled image; do docker tag "$pulled" "$image"; done < "$sent/../images"
  # shellcheck disable=SC2086 # none or one
  DEPLOY_FROM=$2 bash scripts/deploy.sh "$1" ${3:-} 2>&1 | tee "$sent/../said" || status=$?
  if [ "$status" = 1 ]; then
    put "$before" "$sent"
    # What it had replaced, and put back, has the settings of the files sent.
    if grep -q '^Replacing' "$sent/../said"; then bash scripts/deploy.sh "$runs" || status=2; fi
    say "The files on the server are those of before."
  else
    ln -sfnT "$sent" "$now"
  fi
  rm "$begun"
  find var/deploys -maxdepth 1 -name '20*' | sort | head -n -10 | while read -r folder; do
    [ "$folder/files" -ef "$now" ] || rm -rf "$folder"
  done
  return "$status"
}

if [ "${1:-}" = there ]; then
  there "${@:2}"
  exit
fi

# --- Here ---------------------------------------------------------------------------------------------------------------------

host="" tag="" restart="" follow=""
while [ $# -gt 0 ]; do
  case $1 in
    --host) host=${2:-}; [ $# = 1 ] || shift ;;
    --restart) restart=--restart ;;
    --follow) follow=yes ;;
    -*) die "there is no option $1: see --help" ;;
    *) [ -z "$tag" ] || die "one TAG at a time: see --help"; tag=$1 ;;
  esac
  shift
done
[[ $host =~ ^[^-:/[:space:]][^:/[:space:]]*(:.+)?$ ]] || die "--host is '$host': name a server, as deploy@server or deploy@server:/srv/app"
folder=$(sed -n 's/^name: //p' docker-compose.yml)
[[ $host != *:* ]] || folder=${host#*:}
server=${host%%:*}

work=$(mktemp -d)
store=""
read -r -a ssh <<< "${DEPLOY_SSH:-ssh}"
ssh+=(-o ControlMaster=auto -o "ControlPath=$work/s" -o ControlPersist=600 -o ServerAliveInterval=5 -o ServerAliveCountMax=3)
finish() {
  "${ssh[@]}" -O exit "$server" > /dev/null 2>&1 || true
  [ -z "$store" ] || docker rm --force --volumes "$store" > /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# on FUNCTION ARGUMENT...: carried out by the server's bash, whatever shell its user has there.
on() {
  local command
  command=$({ declare -f "$1"; printf '%q ' "$@"; } | sed "s/'/'\\\\''/g")
  "${ssh[@]}" "$server" "bash -c '$command'"
}

# to_its_end FOLDER: shows what the deploy in it says, over as many connections as it takes, and ends as it does.
to_its_end() {
  local lost=0 status
  : > "$work/log"
  while [ "$lost" -le 24 ]; do
    if on said "$1" $(($(wc -c < "$work/log") + 1)) | tee -a "$work/log" && status=$(on outcome "$1"); then
      [ "$status" != killed ] || { (die "the deploy was killed on the server: call this again, which mends it") || exit 2; }
      exit "$status"
    fi
    lost=$((lost + 1))
    say "No connection to $server; the deploy goes on there" >&2
    sleep 5
  done
  (die "no connection to $server for two minutes: bash scripts/deploy.sh --host $host --follow shows how the deploy goes on there") || exit 2
}

for tool in git ssh tar; do command -v "$tool" > /dev/null || die "$tool is missing here: install it"; done
if [ -n "$follow" ]; then
  last=$(on last "$folder") || die "$server does not answer: the line above says why"
  [ -n "$last" ] || die "there was no deploy by ssh in $folder of $server"
  to_its_end "${last%/process}"
fi

changes=$(git status --porcelain) || die "this is no checkout of git, which says what belongs to the project: git init, and commit it"
[ -z "$changes" ] || die "not committed, and so not deployed: $(cut -c 4- <<< "$changes" | list); commit that first, or git stash"
commit=$(git rev-parse -q --verify "refs/tags/${tag:-/}^{commit}" || git rev-parse -q --verify "refs/tags/v${tag:-/}^{commit}" ||
  git rev-parse HEAD)
[ -n "$tag" ] || tag=$(git rev-parse --short HEAD)
own=$(git ls-tree -r --name-only "$commit" | grep -E '^(\.env$|var/|secrets/)' | grep -v '^secrets/dev/' | list) || true
[ -z "$own" ] || die "git tracks what is the server's own: git rm --cached $own, and commit that"

on enter "$folder" || die "nothing can be deployed to $folder of $server: the line above says why; nothing was changed"

say "Sending ${commit:0:12} to $host"
moment=$(date -u +%Y-%m-%dT%H%M%SZ)
there=$folder/var/deploys/$moment
git archive "$commit" > "$work/files.tar"
count=$(tar -tf "$work/files.tar" | grep -cv '/$')
on unpack "$there" "$count" < "$work/files.tar" > "$work/settings" ||
  die "not all came to $server: the line above says why; nothing was changed"
[ "$(cat "$work/settings")" != new ] || die "$folder of $server has the project now, and no settings: there, bash scripts/secrets.sh, \
cp .env.example .env, and into it COMPOSE_FILE and what else docs/production.md says; then this again"

# The image goes by a registry that lives for as long as this takes, and that the server reaches through the connection.
if [ "$(sed -n 's/^registry //p' "$work/settings")" = localhost ]; then
  platform=$(docker version -f '{{.Server.Os}}/{{.Server.Arch}}' 2> /dev/null) || platform=none
  if [ "$platform" != "$(sed -n 's/^platform //p' "$work/settings")" ]; then
    say "The server builds the image: this machine's Docker is for $platform"
  else
    store=$(docker run --detach --publish 127.0.0.1::5000 registry:2) || die "no registry starts here: the line above says why; nothing was changed"
    port=$(docker port "$store" 5000 | sed -n '1s/.*://p')
    far=$("${ssh[@]}" -O forward -R "0:127.0.0.1:$port" "$server") ||
      die "$server forwards no port: AllowTcpForwarding remote in its sshd_config, or a REGISTRY; nothing was changed"
    mkdir "$work/files"
    tar -xf "$work/files.tar" -C "$work/files"
    while read -r _ file service variable name <&3; do
      say "Building $name:$tag"
      (cd "$work/files" && env COMPOSE_PROFILES="" TAG="$tag" "$variable=127.0.0.1:$port/$name" docker compose -f "$file" build --quiet \
        --build-arg VERSION="$tag" --build-arg REVISION="$commit" "$service") || die "it cannot be built: see above; nothing was changed"
      docker push --quiet "127.0.0.1:$port/$name:$tag" > /dev/null && docker image rm "127.0.0.1:$port/$name:$tag" > /dev/null
      say "Sending $name:$tag"
      on pull "$there" "localhost:$far/$name:$tag" < /dev/null ||
        die "the image did not come to $server: the line above says why; nothing was changed"
    done 3< <(grep '^image ' "$work/settings")
  fi
fi

say "Deploying $tag on $server"
# shellcheck disable=SC2086 # none or one
on begin "$there" "$tag" "$(id -un)@$(uname -n)" $restart < /dev/null ||
  die "it could not be begun on $server: the line above says why; nothing was changed"
to_its_end "$there"
