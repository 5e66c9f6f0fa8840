# Following: what has become of it, and all that it writes.

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
