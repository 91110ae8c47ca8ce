/** Entry of the bundle: `claudecluster …`. The only place that ends the process. */
import { runCli } from './cli.ts';
import { systemContext } from './compose/system-context.ts';

async function main(): Promise<void> {
  // grpc-js gives an IP address as TLS server name, which Node calls deprecated: nothing that an operator could mend.
  process.noDeprecation = true;
  const ctx = systemContext(process, (code) => process.exit(code));
  const code = await runCli(process.argv.slice(2), ctx);
  // What was written must leave the process before it ends.
  await ctx.stdout.write('');
  await ctx.stderr.write('');
  process.exit(code);
}

void main();
