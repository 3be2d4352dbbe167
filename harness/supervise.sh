#!/bin/sh
# Keeps one temporary folder and the process groups that run in it, and ends both when standard input closes:
# the pipe's other end is held by the owner, so this happens in whatever way the owner ends, SIGKILL included.
#
# Prints the folder, then answers each line of standard input with one line:
#   adopt <pid>       the process group led by this pid is now the one that is kept
#   signal <name>     sends the signal to that group
#   empty             waits, five seconds at most, until the group has no process any more
# Usage: supervise.sh
set -u
# Only standard input ends this script: not a signal, and not an answer that nobody reads any more.
trap '' INT TERM HUP QUIT PIPE

folder=$(mktemp -d "${TMPDIR:-/tmp}/shardline-XXXXXX") || exit 1
echo "$folder"

group=

wait_until_empty() {
  tries=50
  while [ "$tries" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do
    sleep 0.1
    tries=$((tries - 1))
  done
}

while read -r word argument; do
  case $word in
    adopt) group=$argument ;;
    signal) kill -s "$argument" -- "-$group" 2>/dev/null ;;
    empty) wait_until_empty ;;
  esac
  echo done 2>/dev/null
done

if [ -n "$group" ]; then
  # A stopped process hears TERM only once it goes on. It has five seconds for an orderly end.
  kill -s TERM -- "-$group" 2>/dev/null
  kill -s CONT -- "-$group" 2>/dev/null
  wait_until_empty
  kill -s KILL -- "-$group" 2>/dev/null
fi
# A killed process may still be writing its last file while the folder is emptied.
tries=50
until rm -rf -- "$folder" 2>/dev/null || [ "$tries" -eq 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
