/** What tests of commands need: the fakes of all faces, and a command line to run in them. */
import { type FakeWorld, fakeWorld } from '../../front/testing/world.ts';
import { runCli } from '../cli.ts';

export * from '../../front/testing/documents.ts';
export * from '../../front/testing/world.ts';

/** Runs one command line in a world of its own. */
export async function run(argv: string[], world: FakeWorld = fakeWorld()): Promise<{ code: number } & FakeWorld> {
  return { code: await runCli(argv, world.ctx), ...world };
}
