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
  # Tried for an hour where there is no room even in place; not where the folder was removed.
  until put exit "$_code $_O $_E $_full ." || [ ! -e exit ] || [ $_n = 720 ]; do
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
