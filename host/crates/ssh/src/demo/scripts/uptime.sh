#!/bin/sh
# uptime: as the machine of the story would say it.
days=$(( $(printf %s "@NAME@" | cksum | cut -d' ' -f1) % 90 + 3 ))
read -r one five fifteen _ < /proc/loadavg 2>/dev/null || { one=0.31; five=0.28; fifteen=0.22; }
printf ' %s up %s days,  4:12,  1 user,  load average: %s, %s, %s\n' "$(date +%H:%M:%S)" "$days" "$one" "$five" "$fifteen"
