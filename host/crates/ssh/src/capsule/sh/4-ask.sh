# What is asked, and clearing up.

# Removes capsules that the host has done with.
forget() {
  for _f; do
    case $_f in -* | *[!0-9a-f-]*) ;; *) rm -rf "$_base/$_f" ;; esac
  done
}

# Removes what ended, or was claimed and never begun, a week ago. Bounded; the next time takes the rest.
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
*) no op ;;
esac
