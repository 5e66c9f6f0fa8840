#!/bin/sh
# status: one look at the machine.
cat "$HOME/motd"
printf '\033[1m%-14s\033[0m %s\n' service "@SERVICE@ $(cat "$HOME/version")" role "@ROLE@" environment "@ENV@" region "@REGION@"
printf '\033[1m%-14s\033[0m \033[32m●\033[0m active\n' state
errors=$(grep -c ERROR "$HOME/app.log")
printf '\033[1m%-14s\033[0m \033[31m%s errors\033[0m in %s lines\n' log "$errors" "$(wc -l < "$HOME/app.log" | tr -d ' ')"
