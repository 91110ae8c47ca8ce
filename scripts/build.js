#!/usr/bin/env node
/**
 * Makes a release: two bundles that run with nothing but Node, and the files that libraries look for at run time.
 * The same source gives the same bytes and modes in any directory, under any umask: a build's hash is its name.
 */
import { realpathSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';
import { isMain, readOptions } from './script-support.js';
import { writeVersion } from './write-version.js';

const defaultRepo = dirname(dirname(fileURLToPath(import.meta.url)));
const help = `Usage: node scripts/build.js [--out DIR] [--repo DIR]

Bundles src/cli/main.ts to DIR/index.js and src/trial/guard-main.ts to DIR/guard.js (default DIR: dist), with the
wire contracts that they load, and stamps the result. DIR is replaced as a whole when everything worked.
Exit codes: 0 built, 1 failed, 2 usage.
`;

/**
 * Libraries that read a file beside their own source. In a bundle `__dirname` is the release, so each look-up is
 * pointed at a copy below proto/. A library that no longer says what is replaced here stops the build.
 */
const lookUps = [
  {
    file: /[\\/]etcd3[\\/]lib[\\/]connection-pool\.js$/,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the library's source, as text
    replace: [['`${__dirname}/../proto/rpc.proto`', '`${__dirname}/proto/etcd3/rpc.proto`']],
    from: '../proto',
    to: 'etcd3',
  },
  ...['v1', 'v1alpha'].map((version) => ({
    file: new RegExp(
      `[\\\\/]@grpc[\\\\/]reflection[\\\\/]build[\\\\/]src[\\\\/]implementations[\\\\/]reflection-${version}\\.js$`,
    ),
    replace: [
      [
        `'../../proto/grpc/reflection/${version}/reflection.proto'`,
        `'proto/grpc-reflection/${version}/reflection.proto'`,
      ],
    ],
    from: '../../proto/grpc/reflection',
    to: 'grpc-reflection',
  })),
];

/** esbuild plugin; adds to `copies` (directory in the release → directory to copy) what the bundle turns out to need. */
function redirectLookUps(copies) {
  return {
    name: 'redirect-look-ups',
    setup(build) {
      for (const { file, replace, from, to } of lookUps) {
        build.onLoad({ filter: file }, async ({ path }) => {
          let contents = await readFile(path, 'utf8');
          for (const [seen, wanted] of replace) {
            if (!contents.includes(seen))
              return { errors: [{ text: `${path} no longer contains ${seen}: adapt scripts/build.js` }] };
            contents = contents.replaceAll(seen, wanted);
          }
          copies.set(`proto/${to}`, resolve(dirname(path), from));
          return { contents, loader: 'js' };
        });
      }
    },
  };
}

async function bundle({ repo, entry, outfile, shebang, packageInfo, copies }) {
  await esbuild({
    entryPoints: [entry],
    outfile,
    absWorkingDir: repo,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    charset: 'utf8',
    legalComments: 'none',
    sourcemap: false,
    // A third less to parse at every start of a verb; names stay, for the stacks in a node's log.
    minifyWhitespace: true,
    minifySyntax: true,
    // Names of modules appear in the output: they must not depend on where a linked node_modules really is.
    preserveSymlinks: true,
    define: {
      CLAUDECLUSTER_BUNDLED: 'true',
      // CommonJS has none. Source may ask for it only where CLAUDECLUSTER_BUNDLED is not defined.
      'import.meta.url': '"file:///bundled"',
      CLAUDECLUSTER_PACKAGE: JSON.stringify(JSON.stringify(packageInfo)),
    },
    // Directives such as TypeScript's paths are not for the bundle, and a stray tsconfig above must not matter.
    tsconfigRaw: '{}',
    banner: shebang ? { js: '#!/usr/bin/env node' } : {},
    plugins: [redirectLookUps(copies)],
    logLevel: 'warning',
    logOverride: { 'empty-import-meta': 'error', 'unsupported-dynamic-import': 'error' },
  });
  const text = await readFile(outfile, 'utf8');
  if (text.includes(repo)) throw new Error(`${outfile} holds the path ${repo}: the build would not be reproducible`);
}

/** Modes and nothing but modes: what the umask made of them must not reach the hash. */
async function normaliseModes(dir, executable) {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await normaliseModes(path, []);
    else await chmod(path, executable.includes(entry.name) ? 0o555 : 0o444);
  }
}

/** Refuses to replace a directory that a node runs from. */
async function checkTarget(out) {
  const stats = await lstat(out).catch(() => null);
  if (stats?.isSymbolicLink()) {
    throw new Error(
      `${out} is a link: it looks like the live release of a node. Build elsewhere (--out DIR) and update to it`,
    );
  }
}

async function fill(directory, { repo, entries }) {
  const manifest = JSON.parse(await readFile(join(repo, 'package.json'), 'utf8'));
  const { name, version, engines, claudecluster } = manifest;
  const packageInfo = { name, version, protocol: claudecluster.protocol, node: engines.node };
  const copies = new Map([['proto/claudecluster.proto', join(repo, 'proto', 'claudecluster.proto')]]);
  for (const { entry, outfile, shebang } of entries) {
    await bundle({ repo, entry, outfile: join(directory, outfile), shebang, packageInfo, copies });
  }
  for (const [to, from] of copies) {
    await mkdir(dirname(join(directory, to)), { recursive: true });
    await cp(from, join(directory, to), { recursive: true });
  }
  const own = { name, version, private: true, type: 'commonjs', engines, claudecluster };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  await normaliseModes(
    directory,
    entries.filter(({ shebang }) => shebang).map(({ outfile }) => outfile),
  );
}

const releaseEntries = [
  { entry: 'src/cli/main.ts', outfile: 'index.js', shebang: true },
  { entry: 'src/trial/guard-main.ts', outfile: 'guard.js', shebang: false },
];

/**
 * Builds `repo` into `out` and stamps it; returns the stamp. `out` is the old build or the new one, never a part:
 * the new one is made beside it and renamed.
 */
export async function buildRelease({
  repo = defaultRepo,
  out = join(defaultRepo, 'dist'),
  entries = releaseEntries,
} = {}) {
  const source = realpathSync(repo);
  const target = resolve(out);
  await checkTarget(target);
  const fresh = `${target}.new-${process.pid}`;
  const old = `${target}.old-${process.pid}`;
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true });
    await fill(fresh, { repo: source, entries });
    const version = await writeVersion(fresh);
    await rename(target, old).catch((thrown) => {
      if (thrown.code !== 'ENOENT') throw thrown;
    });
    await rename(fresh, target);
    return version;
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

async function main(argv) {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help);
    return 0;
  }
  const options = readOptions(argv, ['out', 'repo']);
  if (options === null) {
    process.stderr.write(help);
    return 2;
  }
  try {
    const repo = options.repo ?? defaultRepo;
    const version = await buildRelease({ repo, out: options.out ?? join(repo, 'dist') });
    process.stdout.write(`${JSON.stringify(version)}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`build: ${thrown.message}\n`);
    return 1;
  }
}

if (isMain(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
