# Stands in the script that ends processes (../cancel.rs): what is known of a capsule's beyond their mark. And where there is
# no folder nothing was ever started: then it is made, so that a launch that is still on its way starts nothing.
umask 077
marked=
base=${XDG_STATE_HOME:-${HOME:+$HOME/.local/state}}/corral/jobs
dir=$base/@ID@
case $base in
/corral/jobs) ;;
*)
  [ -d "$base" ] || mkdir -p "$base" 2>/dev/null
  if mkdir "$dir" 2>/dev/null; then
    echo cancel >"$dir/cancelled"
    echo "corral-cancel 0 0 "
    exit 0
  fi
  ;;
esac
since() {
  began=
  { read -r began </proc/$1/stat; } 2>/dev/null
  set -- ${began##*) }
  began=${20-}
}
known() {
  k= dot=
  { read -r k p s b c cs dot <"$dir/pid"; } 2>/dev/null
  { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
  if [ "$k" != C ] && [ -z "$marked" ] && [ -d "$dir" ]; then
    marked=1
    echo cancel >"$dir/cancelled"
  fi
  [ -n "$k" ] && [ "$b" = "$boot" ] || return
  since $p
  if [ "$k" != W ] && [ "$began" = "$s" ]; then above=$p; else above=; fi
  [ "$k" = C ] || return
  sids="$sids $c"
  since $c
  if [ "$began" = "$cs" ]; then roots=$c; else roots=; fi
}
