#!/bin/sh
# deploy [VERSION]: what a deployment looks like. Touches nothing but the version file of this demo machine.
new=${1:-next}
old=$(cat "$HOME/version")
say() { printf '\033[36m==>\033[0m %s\n' "$1"; }
ok() { printf '    \033[32mok\033[0m  %s\n' "$1"; }
say "deploy @SERVICE@ $old -> $new on @NAME@ (@ENV@, @REGION@)"
say "fetch artifact"
for part in 20 40 60 80 100; do
  printf '    @SERVICE@-%s.tar.zst  %3d %%\n' "$new" "$part"
  sleep 0.15
done
ok "checksum matches"
say "migrate configuration"
echo "warning: key 'workers' is deprecated, use 'pool.size'" >&2
sleep 0.3
ok "config/app.toml"
say "restart @SERVICE@"
sleep 0.5
if [ @FAILS@ = yes ]; then
  for try in 1 2 3; do
    printf '    \033[33mhealth check %s of 3: 503 Service Unavailable\033[0m\n' "$try"
    sleep 0.3
  done
  printf '\033[1;31mERROR\033[0m @SERVICE@ did not become healthy, rolled back to %s\n' "$old" >&2
  exit 1
fi
ok "health check: 200 in 18 ms"
echo "$new" > "$HOME/version"
printf '\033[1;32mdone\033[0m @SERVICE@ %s serves on @NAME@\n' "$new"
