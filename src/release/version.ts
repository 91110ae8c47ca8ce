/** version.json, read at the edge: inside, a VersionInfo is trusted. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import satisfies from 'semver/functions/satisfies.js';
import valid from 'semver/functions/valid.js';
import validRange from 'semver/ranges/valid.js';
import { z } from 'zod';
import { ClusterError } from '../errors.ts';
import type { ReleaseNeeds, ReleaseRef, VersionInfo } from '../ports/releases.ts';

const protocolNumber = z.int().min(0).max(1_000_000);

/** Unknown needs stay: preflight refuses a build that needs what it cannot judge. */
const needsSchema = z
  .looseObject({
    protocol: protocolNumber.optional(),
    from: z
      .string()
      .refine((range) => validRange(range) !== null, 'a semver range')
      .optional(),
    through: z
      .string()
      .refine((version) => valid(version) !== null, 'a semver version')
      .optional(),
  })
  .refine(
    ({ from, through }) => from === undefined || through === undefined || satisfies(through, from),
    'through must be a version that from takes',
  );

/** Unknown fields are left out, not refused: a newer build may say more about itself. */
const versionSchema = z.object({
  buildHash: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
  builtAt: z.string().refine((value) => !Number.isNaN(Date.parse(value)), 'an ISO 8601 time'),
  gitCommit: z.string().max(200),
  version: z.string().min(1).max(200),
  protocol: z
    .object({ min: protocolNumber, max: protocolNumber })
    .refine(({ min, max }) => min <= max, 'min must not be above max'),
  node: z.string().max(200),
  needs: needsSchema.optional(),
});

const stampAgain = 'stamp the build: node scripts/write-version.js DIR';

async function readStamp(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new ClusterError(
        'release-invalid',
        `${file} is missing`,
        { seen: 'no version.json', wanted: 'a stamped build', next: stampAgain },
        cause,
      );
    }
    throw new ClusterError(
      'release-invalid',
      `cannot read ${file}`,
      { seen: (cause as Error).message, next: 'check the disk and the permissions' },
      cause,
    );
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const seen = `malformed JSON: ${(cause as Error).message}`;
    throw new ClusterError(
      'release-invalid',
      `${file} is malformed`,
      { seen, wanted: 'a JSON object', next: stampAgain },
      cause,
    );
  }
}

/**
 * Reads `dir`/version.json. It says what a build claims to be; only a hash of the tree says whether that is true.
 * Throws ClusterError 'release-invalid' that tells a missing stamp from a malformed one, and names the field.
 */
export async function readVersion(dir: string): Promise<VersionInfo> {
  const file = join(dir, 'version.json');
  const parsed = versionSchema.safeParse(parseJson(await readStamp(file), file));
  if (parsed.success) {
    const { needs, ...rest } = parsed.data;
    return needs === undefined ? rest : { ...rest, needs: needs as ReleaseNeeds };
  }
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'the whole of it';
  throw new ClusterError('release-invalid', `${file} is malformed: ${field}`, {
    seen: issue?.message ?? 'not as expected',
    wanted: 'buildHash, builtAt, gitCommit, version, protocol {min, max} and node',
    next: stampAgain,
  });
}

/** The short form that records and statuses carry. */
export function releaseRef(version: VersionInfo): ReleaseRef {
  return { buildHash: version.buildHash, version: version.version, gitCommit: version.gitCommit };
}
