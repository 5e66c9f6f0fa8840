#!/bin/sh
# backup: copies this demo machine's files into its own backups folder.
stamp=$(date +%Y%m%d-%H%M%S)
target=$HOME/backups/$stamp
mkdir -p "$target" || exit 1
printf '\033[36m==>\033[0m backup of @SERVICE@ on @NAME@ to backups/%s\n' "$stamp"
total=0
for file in app.log version motd config/app.toml; do
  cp "$HOME/$file" "$target/" || { printf '\033[1;31mERROR\033[0m cannot copy %s\n' "$file" >&2; exit 1; }
  bytes=$(wc -c < "$HOME/$file" | tr -d ' ')
  total=$((total + bytes))
  printf '    %-18s %8s bytes\n' "$file" "$bytes"
  sleep 0.2
done
[ @ROLE@ = db ] && echo "warning: last full base backup is 6 days old" >&2
printf '\033[1;32mdone\033[0m 4 files, %s bytes\n' "$total"
