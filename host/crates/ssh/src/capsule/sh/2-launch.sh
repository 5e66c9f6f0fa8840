# Launching: a place for the capsule, its claim, and the start of its supervisor.

# Nobody listens any more.
gone() {
  trap '' PIPE
  cd "$_dir" 2>/dev/null && state && [ $_st = R ] || exit 0
  _p= _s=
  { read -r _p _s _dot <scribe; } 2>/dev/null
  alive "$_p" "$_s" || detach scribe 5</dev/null
  exit 0
}

# Runs a part of this text in a session of its own, its input from fd 5. With -f there is no &, so that INT and QUIT are not
# ignored in it.
detach() {
  set -- "$0" -c "$_c" "$0" $1 "$_dir" $_b
  if command -v setsid; then
    $_scope setsid -f "$@" setsid <&5 5<&- || { $_scope setsid "$@" setsid <&5 5<&- & }
  else
    $_scope nohup "$@" '' <&5 5<&- &
  fi
} >/dev/null 2>&1

# Whether logind ends what this account leaves behind at logout, as far as its settings tell.
logind_kills() {
  [ -d $_root/run/systemd/system ] || return 1
  _kill=no
  set +f
  for _f in $_root/usr/lib/systemd/logind.conf $_root/etc/systemd/logind.conf $_root/*/systemd/logind.conf.d/*.conf; do
    [ ! -r "$_f" ] || while read -r _l; do
      case $_l in KillUserProcesses=*) _kill=${_l#*=} ;; esac
    done <"$_f"
  done
  set -f
  case $_kill in [yY1tT]* | [oO][nN]) [ "$(id -u)" != 0 ] ;; *) return 1 ;; esac
}

# Where logind would end the supervisor, it goes into a scope of the account's own service manager, which has to linger.
shelter() {
  _scope=
  logind_kills || return 0
  _user=$(id -un)
  [ -e "$_root/var/lib/systemd/linger/$_user" ] || no linger $_user
  command -v systemd-run >/dev/null || no scope $_user
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  export XDG_RUNTIME_DIR
  systemd-run --user --scope -q true 2>/dev/null </dev/null || no scope $_user
  _scope='systemd-run --user --scope -q'
}

# Exactly $1 bytes of standard input into $2. Nothing follows them before this has answered, so that a head that reads
# ahead takes nothing away; where there is no head -c, dd with what is missing as its block never reads too far.
take() {
  head -c $1 >"$2" 2>/dev/null
  while _n=$(($1 - $(wc -c <"$2"))) && [ $_n -gt 0 ]; do
    [ $_n -lt 65536 ] || _n=65536
    dd bs=$_n count=1 2>/dev/null >"$_tmp/piece"
    if [ ! -s "$_tmp/piece" ] || ! cat "$_tmp/piece" >>"$2"; then
      rm -rf "$_tmp"
      no disk "${2%/*}"
    fi
  done
}

# The next $1 bytes of a file that is standard input.
copy() {
  [ $1 -lt 65536 ] || dd bs=65536 count=$(($1 / 65536)) 2>/dev/null || return 1
  [ $(($1 % 65536)) = 0 ] || dd bs=$(($1 % 65536)) count=1 2>/dev/null
}

# Claims the folder by making it, writes what belongs into it, starts the supervisor. A folder that is there is not touched:
# whatever was asked before has begun it. $1: text or raw; $2 and $3: bytes of the command and of its input, - for none.
launch() {
  _tmp=
  if [ $1 = text ]; then
    IFS= read -r _cmd || exit 0
    _in=
    [ $3 = - ] || IFS= read -r _in || exit 0
  fi
  [ -d "$_base" ] || _m=$(mkdir -p "$_base" 2>&1) || no home "$_m"
  if [ $1 = raw ]; then
    _tmp=$_base/.$_id.$$
    _m=$(mkdir "$_tmp" 2>&1) || no home "$_m"
    take $(($2 + ${3#-})) "$_tmp/all"
    { copy $2 >"$_tmp/cmd" && cat >"$_tmp/in"; } <"$_tmp/all" || { rm -rf "$_tmp"; no disk "$_base"; }
  fi
  [ -e "$_dir" ] || if _m=$(mkdir "$_dir" 2>&1); then begin $1 $3; elif [ ! -d "$_dir" ]; then no home "$_m"; fi
  [ -z "$_tmp" ] || rm -rf "$_tmp"
}

begin() {
  [ -z "$_tmp" ] || rm -f "$_tmp/all"
  boot
  if {
    # Real bytes: on a disk that is full a folder can still be made.
    printf '\n%159s\n' '' >"$_dir/exit" &&
      printf '%-159s\n' "W $$ - $_b ." >"$_dir/pid" && put "$_dir/pid" "W $$ - $_b ." &&
      printf '' >"$_dir/out" && printf '' >"$_dir/err" &&
      if [ $1 = raw ]; then mv "$_tmp/cmd" "$_dir/cmd"; else printf %b "$_cmd" >"$_dir/cmd"; fi &&
      [ -s "$_dir/cmd" ] &&
      input $1 $2
  } 2>/dev/null; then
    shelter
    detach supervise
    exec 5<&-
    _begun=1
  else
    rm -rf "$_dir"
    no disk "$_base"
  fi
}

# Opens the command's input and removes it, so that nobody can read it later.
input() {
  _f=/dev/null
  if [ $2 != - ]; then
    _f=$_dir/in
    if [ $1 = raw ]; then mv "$_tmp/in" "$_f"; else printf %b "$_in" >"$_f"; fi || return 1
  fi
  exec 5<"$_f"
  [ $2 = - ] || rm -f "$_f"
}
