# shellcheck shell=bash
# What the Compose files say, a line for each value, as scripts/kubernetes.sh and scripts/swarm.sh ask for it.

# LEAVES: awk that makes of YAML, as docker compose config prints it, a line for each value: its path, a tab, and the value as a JSON string.
# shellcheck disable=SC2016,SC2034
LEAVES='
  function path(    i, all) { for (i = 1; i <= depth; i++) all = all "/" key[i]; return all }
  function leaf(text) {
    if (text ~ /^\047/) { text = substr(text, 2, length(text) - 2); gsub(/\047\047/, "\047", text); gsub(/[\\"]/, "\\\\&", text) }
    else if (text ~ /^"/) text = substr(text, 2, length(text) - 2)
    else gsub(/[\\"]/, "\\\\&", text)
    gsub(/\$\$/, "$", text)
    if (text != "null" && text != "{}") print path() "\t\"" text "\""
    else print path() "\t"
  }
  function push(name) { at[++depth] = indent; key[depth] = name }
  # A text of several lines, which are indented by as much as its first one.
  function end(    text) {
    if (!block) return
    text = several
    if (block == "|-") sub(/\n$/, "", text)
    gsub(/[\\"]/, "\\\\&", text)
    gsub(/\n/, "\\n", text)
    gsub(/\$\$/, "$", text)
    block = several = ""
    print path() "\t\"" text "\""
  }
  {
    match($0, /^ */)
    indent = RLENGTH
    if (block && (several == "" || $0 == "" || indent >= margin)) {
      if (several == "") margin = indent
      several = several substr($0, margin + 1) "\n"
      next
    }
    end()
    text = substr($0, indent + 1)
    while (depth && at[depth] >= indent) depth--
    while (sub(/^- /, "", text)) {
      push(number[path()]++)
      indent += 2
    }
    if (match(text, /^[A-Za-z0-9_.\/-]+:( |$)/)) {
      push(substr(text, 1, index(text, ":") - 1))
      text = substr(text, RLENGTH + 1)
    }
    if (text ~ /^\|-?$/) block = text
    else if (text != "") leaf(text)
  }
  END { end() }'

leaves=''

# TREE: awk that makes YAML of such lines again. What the schema of a stack has as a number or a truth is no string.
# shellcheck disable=SC2016,SC2034
TREE='
  {
    tab = index($0, "\t")
    where = substr($0, 1, tab - 1)
    value = substr($0, tab + 1)
    depth = split(substr(where, 2), part, "/")
    for (same = 1; same < depth && part[same] == before[same]; same++);
    for (i = same; i <= depth; i++) {
      printf "%*s%s", 2 * (i - 1), "", part[i] ~ /^[0-9]+$/ ? "-" : part[i] ":"
      print i < depth ? "" : " " typed()
    }
    split("", before)
    for (i = 1; i <= depth; i++) before[i] = part[i]
  }
  function typed() {
    if (value == "") return ""
    if (where ~ /\/(read_only|init|internal|external|attachable|disable)$/ || where ~ /\/deploy\/.*(replicas|pids|parallelism|max_failure_ratio|max_attempts)$/ ||
        where ~ /\/ports\/[0-9]+\/(target|published)$/ || where ~ /\/(mode|size|retries)$/ && value ~ /^"[0-9]+"$/) gsub(/"/, "", value)
    gsub(/\$/, "$$", value)
    return value
  }'

value() { sed -n "s,^/$1	,,p" <<< "$leaves"; }           # of a path, as a JSON string
text() { value "$1" | sed 's/^"//; s/"$//'; }            # without its quotes
values() { sed -n "s,^/$1/[0-9]*	,,p" <<< "$leaves" | paste -sd , - | sed 's/..*/[&]/'; } # of a list, as one of JSON
names() { sed -n "s,^/$1/\([^/	]*\)[/	].*,\1,p" <<< "$leaves" | awk '!seen[$0]++'; } # the keys under a path

keeps_data() { grep -q "^/services/$1/volumes/[0-9]*/type	\"volume\"" <<< "$leaves"; }
dns() { tr '_.' '--' <<< "$1"; }       # a name as Kubernetes takes it
