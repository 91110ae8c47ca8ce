#!/usr/bin/env node
// `node scripts/lib/complete-lock.js [--check]`: after `npm install`, adds to package-lock.json the optional packages of
// other platforms where the registry that was asked did not have them. Without them `npm ci` calls the lock incomplete
// and installs nothing, on any platform; with them it passes over what is not for the platform it runs on.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

const cpus = /(?:^|-)(arm64|x64|ia32|arm|ppc64|riscv64|s390x)(?:-|$)/;
const systems = /(?:^|-)(android|darwin|linux|win32|freebsd|openharmony)(?:-|$)/;
const libcs = /-(musl|gnu)$/;

/** What a lock says of a package that is for one platform only; the platform is read from its name. */
function entryFor(name, version, dev) {
  const cpu = cpus.exec(name)?.[1];
  const os = systems.exec(name)?.[1];
  const libc = libcs.exec(name)?.[1];
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(dev ? { dev } : {}),
    ...(libc ? { libc: [libc === 'gnu' ? 'glibc' : 'musl'] } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  };
}

/** Entries that the lock lacks, by their place in node_modules. */
function missingEntries(packages) {
  const missing = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const top = `node_modules/${name}`;
      if (packages[top] === undefined && packages[`${path}/${top}`] === undefined) {
        missing[top] = entryFor(name, version, dev);
      }
    }
  }
  return missing;
}

function main() {
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingEntries(lock.packages);
  const names = Object.keys(missing);
  if (names.length === 0) return;
  if (process.argv.includes('--check')) {
    console.error(
      `package-lock.json lacks ${names.length} optional packages, so that npm ci refuses it: ${names[0]}, …`,
    );
    console.error('run `node scripts/lib/complete-lock.js` and commit the result');
    process.exitCode = 1;
    return;
  }
  const all = Object.entries({ ...lock.packages, ...missing }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(all) }, null, 2)}\n`);
  console.error(`package-lock.json: ${names.length} optional packages of other platforms added`);
}

main();
