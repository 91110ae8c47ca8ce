#!/usr/bin/env node
// Writes src/grpc/generated/ from proto/claudecluster.proto: the messages and methods of the wire contract as TypeScript
// has them. `--check` writes nothing and fails when what is there is not what the contract says.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repo = dirname(dirname(fileURLToPath(import.meta.url)));
const place = join(repo, 'src', 'grpc', 'generated');

/** As loadProto() in src/grpc/proto.ts reads the contract: another choice there makes other types true. */
const reading = ['--longs=Number', '--enums=String', '--defaults', '--oneofs'];
/** `XMessage` is what arrives, with every field; `XInput` is what may be sent. */
const names = ['--inputTemplate=%sInput', '--outputTemplate=%sMessage'];
const modules = ['--grpcLib=@grpc/grpc-js', '--targetFileExtension=.ts', '--importFileExtension=.ts'];

/** @param {string} outDir */
function generate(outDir) {
  const loader = dirname(createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json'));
  const program = join(loader, 'build', 'bin', 'proto-loader-gen-types.js');
  const argv = [program, ...reading, ...names, ...modules, '--includeComments', '-I', 'proto', '-O', outDir];
  execFileSync(process.execPath, [...argv, '--', 'claudecluster.proto'], { cwd: repo, stdio: 'inherit' });
}

/** @param {string} dir @returns {Record<string, string>} path → content */
function contents(dir) {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(dir.length), readFileSync(path, 'utf8')]));
}

const fresh = mkdtempSync(join(tmpdir(), 'claudecluster-proto-'));
try {
  generate(fresh);
  if (!process.argv.includes('--check')) {
    rmSync(place, { recursive: true, force: true });
    cpSync(fresh, place, { recursive: true });
  } else if (JSON.stringify(contents(fresh)) !== JSON.stringify(contents(place))) {
    console.error('src/grpc/generated is not what proto/ says: run `npm run proto` and commit the result');
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
