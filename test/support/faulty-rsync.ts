/**
 * An rsync that fails on request. It stands first in PATH and calls the real one; what it does to a receiving run (the
 * only one that a staging node starts itself) is read from a file, so that a test can change it while a cluster runs.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** fails: at once. cut: killed half-way. corrupt: what arrived is changed behind its back. */
export type RsyncFault = 'fails' | 'cut' | 'corrupt';

export interface FaultyRsync {
  /** Put this first in PATH. */
  bin: string;
  /** null: rsync works again. */
  set(fault: RsyncFault | null): void;
}

export function faultyRsync(dir: string): FaultyRsync {
  const bin = join(dir, 'bin');
  const file = join(dir, 'fault');
  mkdirSync(bin, { recursive: true });
  const script = join(bin, 'rsync');
  writeFileSync(
    script,
    `#!/bin/sh
fault=$(cat '${file}' 2>/dev/null)
for last in "$@"; do :; done
case "$fault:$*" in
  # The sender decides how fast it goes: half-way is half-way on any machine.
  cut:"--server --sender "*) shift; exec /usr/bin/rsync --server --bwlimit=500 "$@" ;;
  :* | *--server*) exec /usr/bin/rsync "$@" ;;
esac
case "$fault:$last" in
  fails:*.partial | fails:*.partial/) echo 'rsync: connection unexpectedly closed' >&2; exit 12 ;;
  cut:*.partial | cut:*.partial/)
    /usr/bin/rsync "$@" & child=$!
    sleep 1; kill -9 $child; wait $child; exit $? ;;
  corrupt:*.partial | corrupt:*.partial/)
    /usr/bin/rsync "$@" || exit $?
    chmod u+w "$last" 2>/dev/null; printf 'x' >> "$last/NOTES.txt"; exit 0 ;;
esac
exec /usr/bin/rsync "$@"
`,
  );
  chmodSync(script, 0o755);
  return {
    bin,
    set: (fault) => (fault === null ? rmSync(file, { force: true }) : writeFileSync(file, fault)),
  };
}
