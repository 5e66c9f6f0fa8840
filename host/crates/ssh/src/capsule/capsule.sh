# The capsule: starts a command so that it outlives the connection, and tells of it.
#
# Sent over the channel by which it is asked; nothing is installed. POSIX sh and its builtins, mkdir, rm, dd, wc, sleep; setsid
# where there is one. What is asked comes on standard input: one line and what belongs to it. What is answered goes to
# standard output: lines that begin with a letter, and bytes by their announced number (see wire.rs).
#
# A folder for each capsule:
#   cmd        the command
#   out err    what it wrote, appended by itself: the supervisor is not in the way of the bytes
#   pid        W (claimed), S (supervisor runs) or C (command runs), who, since when, in which boot; a full stop ends it
#   exit       an empty line until the end; then code, sizes of out and err, whether the disk was full, a full stop
#   order      sizes of out and err from time to time, once err has something
#   cancelled  nothing may be started any more
# pid and exit have their room from the beginning and their first line is overwritten in place, so that a disk that is full
# later does not keep the end from being known.
#
# Shells read what is no terminal and no plain file byte by byte, a call of the system for each; so little is read, and only
# when it is needed.
#
# Names begin with _, so that no exported variable of the account is changed for the command. $0 is the shell, $_c this text.
set -fu
umask 077
_root= _b=

# What /proc says of a process: its pid in _p; in _s when it began, empty if it is gone or a zombie.
look() {
  _p= _s=
  if [ -r /proc/self/stat ]; then
    while read -r _l; do
      case $_l in *') '*) _p=${_l%% *} _s=${_l##*) } ;; esac
    done </proc/$1/stat
    case $_s in '' | [ZX]*) _s= ;; *) began $_s ;; esac
  elif kill -0 $1; then
    _p=$1 _s=$(ps -o lstart= -p $1 | tr -c '[:alnum:]\n' _)
    _s=${_s:--}
  fi
} 2>/dev/null
began() { _s=${20-}; }
self() { if [ -r /proc/self/stat ]; then look self; else look $$; fi; }
boot() { [ -n "$_b" ] || { read -r _b </proc/sys/kernel/random/boot_id; } 2>/dev/null || _b=-; }
# Whether a process is there that began then; then being - if that was not noted.
alive() { [ -n "$1" ] && look $1 && [ -n "$_s" ] && { [ $2 = - ] || [ "$_s" = $2 ]; }; }

put() { printf '%s\n' "$2" 1<>"$1"; } 2>/dev/null
nap() { sleep $1 2>/dev/null || sleep 1; }
say() { printf '%s\n' "$*" || gone; } 2>/dev/null
no() { say R "$@"; exit 0; }

# Sizes of out and err in _O and _E.
sizes() {
  _O=0 _E=0
  [ ! -s out ] || _O=$(($(wc -c <out)))
  [ ! -s err ] || _E=$(($(wc -c <err)))
}

# Whether it has ended, with how.
ended() {
  _dot=
  { read -r _code _xO _xE _full _dot <exit; } 2>/dev/null
  [ "$_dot" = . ] && _st=X
}

# What has become of it, in _st: W claimed, R runs, O runs without its supervisor, X ended, K supervisor and command gone,
# S supervisor gone before the command, U claimed by somebody who is gone, B another boot, C cancelled before it began,
# N nothing there.
state() {
  ended && return
  _k=
  boot
  { read -r _k _pp _ps _pb _cp _cs _dot <pid; } 2>/dev/null
  if [ -z "$_k" ]; then
    if [ -e cancelled ]; then _st=C; elif [ -d "$_dir" ]; then _st=U; else _st=N; fi
  elif [ "$_pb" != "$_b" ]; then
    _st=B
  elif alive $_pp $_ps; then
    if [ $_k = W ]; then _st=W; else _st=R; fi
  elif [ $_k = C ]; then
    if alive $_cp $_cs; then _st=O; else _st=K; fi
  elif [ -e cancelled ]; then
    _st=C
  elif [ $_k = W ]; then
    _st=U
  else
    _st=S
  fi
}

# The supervisor, in a session of its own; and from it the command, in another: so that it cannot end its supervisor by
# ending its own group.
supervise() {
  trap '' HUP INT QUIT TERM PIPE
  self
  _who="$_p $_s $_b"
  put "$_dir/pid" "S $_who ."
  [ ! -e "$_dir/cancelled" ] || exit 0
  (
    self
    put "$_dir/pid" "C $_who $_p $_s ."
    trap - HUP INT QUIT TERM PIPE
    CORRAL_TASK=$_id
    export CORRAL_TASK
    exec $1 "$0" "$_dir/cmd"
  ) >>"$_dir/out" 2>>"$_dir/err"
  _code=$?
  cd "$_dir" || exit 0
  _full=-
  printf %4096s x >probe || _full=full
  sizes
  _n=0
  until put exit "$_code $_O $_E $_full ." || [ $_n = 720 ]; do
    _n=$((_n + 1))
    sleep 5
  done
} 2>/dev/null

# Notes sizes when err has grown: those before and those now.
note() {
  if [ $_E -gt $_nE ]; then
    printf '%s %s\n' $_nO $_nE $_O $_E >>order
    _nE=$_E
  fi
  _nO=$_O
} 2>/dev/null

# Keeps the order of the outputs while nobody is attached.
scribe() {
  cd "$_dir" || exit 0
  self
  put scribe "$_p $_s ."
  sizes
  _nO=$_O _nE=$_E _t=1
  while state && [ $_st = R ]; do
    sleep $_t
    _E=$_nE
    if [ -s err ]; then
      sizes
      _t=1
    elif [ $_t -lt 8 ]; then
      _t=$((_t * 2))
    fi
    note
  done
}

# What was started by detach reads no further.
case ${1-} in
supervise | scribe)
  _dir=$2 _id=${2##*/} _b=$3
  $1 "$4"
  exit 0
  ;;
esac

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

# The same, looked at again where it could be just about to change. What was claimed and does not begin within some
# seconds is kept from beginning before that is told.
settle() {
  _n=0 _again=0
  while state; do
    case $_st in
    U) _n=$((_n + 6)) ;;
    W) _n=$((_n + 1)) ;;
    R | O | X) return ;;
    *) [ $_again -lt 2 ] || return; _again=$((_again + 1)) ;;
    esac
    [ $_n -lt 300 ] || [ -e cancelled ] || echo unborn >cancelled
    [ $_n -lt 320 ] || return
    nap 0.1
  done
} 2>/dev/null

# Tells the end and waits for leave to forget the capsule.
end() {
  say "$@"
  IFS=' ' read -r _a || exit 0
  [ "$_a" != release ] || { cd / && rm -rf "$_dir"; }
  exit 0
}

# The end as it is known from the state.
verdict() {
  case $_st in
  X) end X $_code $_xO $_xE $_full ;;
  C)
    { read -r _a <cancelled; } 2>/dev/null || _a=-
    end C $_a
    ;;
  N) end N ;;
  *) end L $_st ;;
  esac
}

send() { say "$1 $3" && copy $3 <&$2 || gone; }

# Sends what is there up to these sizes, in pieces of 8 MiB.
upto() {
  while [ $_o -lt $1 ] || [ $_e -lt $2 ]; do
    _n=$(($1 - _o))
    [ $_n -le 8388608 ] || _n=8388608
    [ $_n -le 0 ] || { send O 3 $_n; _o=$((_o + _n)); }
    _n=$(($2 - _e))
    [ $_n -le 8388608 ] || _n=8388608
    [ $_n -le 0 ] || { send E 4 $_n; _e=$((_e + _n)); }
  done
}

# What was written while nobody was attached, in the order that was kept.
replay() {
  [ -s order ] && [ $_E -gt $_e ] || return 0
  _skip=$(($(wc -l <order) / 1000)) _line=0
  while read -r _a _z; do
    _line=$((_line + 1))
    [ $_line -gt $_skip ] || continue
    _line=0
    [ $_a -le $_O ] && [ $_z -le $_E ] && upto $_a $_z
  done <order
} 2>/dev/null

# Moves a file that is open to an offset without reading it.
seek() { [ $1 = 0 ] || dd bs=1 skip=$1 count=0 2>/dev/null; }

follow() {
  trap '' PIPE
  cd "$_dir" 2>/dev/null || { _st=N; verdict; }
  _o=$1 _e=$2 _st=R _k=C
  [ $_begun = 1 ] || settle
  case $_begun$_st$_k in
  1*) ;;
  0O*) say S orphan ;;
  0[RX]* | 0?C) say S ;;
  *) verdict ;;
  esac
  _st=N
  [ -r out ] && [ -r err ] || verdict
  exec 3<out 4<err
  sizes
  _nO=$_O _nE=$_E
  [ $_o -le $_O ] && [ $_e -le $_E ] || end L short
  seek $_o <&3 && seek $_e <&4 || end L short
  replay
  pursue
}

# Sends what comes until the end. The state is looked at before the sizes, so that these are not older; whether all is well
# only from time to time.
pursue() {
  _idle=0 _again=0 _since=0 _quiet=0 _waited=0 _round=0 _notes=0 _st=R
  while :; do
    _round=$((_round + 1))
    if ended; then :; elif [ $((_round % 8)) = 0 ] || [ $_st != R ]; then state; fi
    sizes
    case $_st in
    X) [ $_O -ge $_xO ] && [ $_E -ge $_xE ] && _O=$_xO _E=$_xE ;;
    [RO]) _again=0 ;;
    W)
      # The supervisor was started and says nothing: after half a minute it may not begin any more.
      _waited=$((_waited + 1))
      [ $_waited -lt 150 ] || [ -e cancelled ] || echo unborn >cancelled
      [ $_waited -lt 160 ] || { _st=C _again=3; }
      ;;
    *) _again=$((_again + 1)) ;;
    esac
    if [ $_o -gt $_O ] || [ $_e -gt $_E ]; then
      [ -e out ] && [ -e err ] || _st=N
      [ $_st = N ] || end L short
      verdict
    fi
    _n=$((_O - _o + _E - _e))
    if [ $_n -gt 0 ]; then
      # After some notes at most two a second, so that they do not become many.
      if [ $_notes -lt 200 ] || [ $_since -ge 500 ]; then
        note
        _since=0 _notes=$((_notes + 1))
      fi
      [ $_idle -lt 2 ] || _idle=2
      [ $_n -lt 262144 ] || _idle=-1
      _quiet=0
      upto $_O $_E
    fi
    [ $_st != X ] && [ $_again -lt 3 ] || verdict
    rest
  done
}

# A pause that grows while nothing comes; from time to time a sign of life, by which it is learnt that nobody listens.
rest() {
  case $_idle in
  -1) _t=000 ;;
  0) _t=020 ;;
  1) _t=030 ;;
  2) _t=050 ;;
  3) _t=100 ;;
  *) _t=200 ;;
  esac
  [ $_t = 000 ] || nap 0.$_t
  _idle=$((_idle + 1)) _since=$((_since + ${_t#0})) _quiet=$((_quiet + 1))
  [ $_quiet -lt 25 ] || { _quiet=0; say H; }
}

# Removes capsules that the host has done with.
forget() {
  set -- $*
  for _f; do
    case $_f in -* | *[!0-9a-f-]*) ;; *) rm -rf "$_base/$_f" ;; esac
  done
}

# Removes what has ended, or was never begun, a week ago. Bounded; the next time takes the rest.
clean() {
  find "$_base" -type d -name '*-*' -mtime +7 2>/dev/null | head -n 100 | while read -r _dir; do
    cd "$_dir" && state && case $_st in [ROW]) ;; *) rm -rf "$_dir" ;; esac
  done
}

IFS=' ' read -r _token _op _id _rest || exit 0
printf '\ncorral %s 1\n' "$_token"
case $_id in '' | -* | *[!0-9a-f-]*) no id ;; esac
_base=${XDG_STATE_HOME:-${HOME:+$HOME/.local/state}}
case $_base in /*) ;; *) no nohome ;; esac
_base=$_base/corral/jobs _dir=$_base/$_id _begun=0
set -- $_rest
case $_op in
launch)
  _from="$1 $2"
  shift 2
  launch $1 $2 $3
  shift 3
  [ $_begun = 0 ] || say S
  [ $# = 0 ] || (forget "$@")
  [ "${1-}" != clean ] || (clean)
  follow $_from
  ;;
attach) follow $1 $2 ;;
stat)
  if cd "$_dir" 2>/dev/null; then settle; else _st=N; fi
  case $_st in R) say S ;; O) say S orphan ;; *) verdict </dev/null ;; esac
  ;;
forget) forget $_rest ;;
*) no op ;;
esac
