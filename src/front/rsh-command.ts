/** The words of `claudecluster rsh`, in one place for those who write them and the one who reads them. */
import { ClusterError } from '../errors.ts';

/** What rsync starts as its remote shell for a transfer with the node at `address`; rsync appends its own words. */
export function rshCommand(program: string[], configFile: string, address: string): string[] {
  return [...program, 'rsh', configFile, address];
}

/** @param argv what follows `rsh`. Throws ClusterError 'usage'. */
export function parseRshWords(argv: string[]): { configFile: string; address: string; rsyncArgv: string[] } {
  const [configFile, address, ...rsyncArgv] = argv;
  if (configFile && address) return { configFile, address, rsyncArgv };
  throw new ClusterError('usage', 'claudecluster rsh is what rsync calls, not a command for people', {
    wanted: 'rsh CONFIG HOST:PORT and what rsync appends',
  });
}
