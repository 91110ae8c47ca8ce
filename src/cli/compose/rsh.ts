/** `claudecluster rsh` (hidden): rsync's remote shell, a pipe into the cluster's own channel. No SSH, no keys but ours (P9). */
import type { ExitCode } from '../../front/exit-codes.ts';
import { parseRshWords } from '../../front/rsh-command.ts';

export async function rsh(argv: string[]): Promise<ExitCode> {
  const { configFile, address, rsyncArgv } = parseRshWords(argv);
  const [{ runRsh }, { loadClientConfig }, { openTransferPipe }, { loadTls }] = await Promise.all([
    import('../../adapters/rsync/rsh.ts'),
    import('../../daemon/config.ts'),
    import('../../grpc/transfer-client.ts'),
    import('../../grpc/tls.ts'),
  ]);
  return runRsh({
    argv: rsyncArgv,
    openPipe: (direction, hash, capabilities) => {
      const tls = loadTls(loadClientConfig(configFile).tls);
      return openTransferPipe(address, tls, { direction, hash, capabilities });
    },
  });
}
