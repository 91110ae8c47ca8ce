import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRelease } from '../../../test/support/releases.ts';
import { tempDir } from '../../../test/support/temp.ts';
import { importerOf } from './releases.ts';

it('a build of this host is not taken in where the configuration keeps the disk free for something else', async () => {
  const scratch = tempDir('importer');
  const dir = join(scratch, 'build');
  await makeRelease(dir);
  const base = join(scratch, 'node');
  const refused = importerOf({ diskReserveBytes: Number.MAX_SAFE_INTEGER })(base, dir);
  await expect(refused).rejects.toMatchObject({ code: 'disk' });
  await importerOf({ diskReserveBytes: 0 })(base, dir);
  expect(readdirSync(join(base, 'releases'))).toHaveLength(1);
});
