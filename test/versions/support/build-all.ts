/** Before any test: the releases that it is about are built, one after the other, or the run ends with what is missing. */
import { buildOf } from './build.ts';
import { chosenReleases } from './releases.ts';

export default async function setUp(): Promise<void> {
  for (const release of chosenReleases()) {
    const { version } = await buildOf(release);
    process.stdout.write(`${release.name} is ${version.buildHash.slice(0, 12)}\n`);
  }
}
