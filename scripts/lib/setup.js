// The steps of scripts/setup.js, each of which does nothing when there is nothing to do.
// Nothing but Node's own modules may be imported here: this runs before node_modules exists.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Setup cannot go on: the message says what to do. */
export class SetupProblem extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * What is needed from the distribution: without `required` nothing works, tests make certificates of their own, CI makes
 * a clean clone, releases of before are built from the history, and without `forFaults` a few tests skip themselves (they say so).
 */
const programs = {
  required: [
    { program: 'etcd', package: 'etcd-server' },
    { program: 'rsync', package: 'rsync' },
  ],
  forTests: [{ program: 'openssl', package: 'openssl' }],
  forHistory: [{ program: 'git', package: 'git' }],
  forFaults: [
    { program: 'nft', package: 'nftables' },
    { program: 'ip', package: 'iproute2' },
    { program: 'etcdctl', package: 'etcd-client' },
  ],
};

/**
 * Prepares the clone for one purpose: 'test', 'versions', 'demo', 'bench', 'sim', or 'ci' (which builds by itself, as a
 * stage of its own). Throws SetupProblem when a person has to do something.
 */
export async function setup(purpose) {
  checkNode(process.versions.node);
  installModules();
  if (purpose === 'sim' || purpose === 'ci') installSimulationNode();
  if (purpose === 'sim') return;
  const forTests = ['test', 'versions', 'ci'].includes(purpose);
  const forHistory = ['versions', 'ci'].includes(purpose);
  installPrograms(
    [...programs.required, ...(forTests ? programs.forTests : []), ...(forHistory ? programs.forHistory : [])],
    { optional: false },
  );
  checkEtcd(spawnSync(findProgram('etcd') ?? 'etcd', ['--version'], { encoding: 'utf8' }).stdout);
  if (forTests) installPrograms(programs.forFaults, { optional: true });
  if (purpose !== 'ci') buildIfStale();
}

const say = (line) => console.error(`setup: ${line}`);

// ------------------------------------------------------------------------------------------------ Node and its modules

/** Throws SetupProblem unless `version` ("20.19.0") is one that we run on. */
export function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupProblem(`Node ${version} is too old: 20.19 or newer is needed (https://nodejs.org/en/download)`);
}

/**
 * Is everything that `lock` (package-lock.json) names installed, by `installed` (node_modules/.package-lock.json)?
 * The content decides, not the time: a checkout that touches the file is no reason to install again.
 * Packages for other platforms are optional in the lock and absent here.
 */
export function modulesAreCurrent(lock, installed) {
  return Object.entries(lock.packages ?? {}).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed.packages?.[path];
    return present === undefined ? entry.optional === true : present.version === entry.version;
  });
}

function installModules() {
  const lock = readJson(join(root, 'package-lock.json'));
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (lock !== null && installed !== null && modulesAreCurrent(lock, installed)) return;
  say(`npm ci (${installed === null ? 'there is no node_modules' : 'node_modules is older than package-lock.json'})`);
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** What the simulation's processes run on where it can be had; a run has the same trace on any Node. */
const quickNode = '24.21.0';
const quickNodePackage = `node-${process.platform}-${process.arch}`;
const quickNodeRoot = join(root, 'node_modules', '.cache', `simulation-node-${quickNode}`);

/** The Node for the simulation: the quick one if setup could get it, else the one that runs this. */
export function simulationNode() {
  const file = join(quickNodeRoot, 'node_modules', quickNodePackage, 'bin', 'node');
  return isExecutable(file) ? file : process.execPath;
}

/** Node 24 takes two thirds of the time that Node 20 takes for a seed. Without it everything works, longer. */
function installSimulationNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24 || simulationNode() !== process.execPath) return;
  say(`npm install ${quickNodePackage}@${quickNode} (for the simulation only)`);
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  mkdirSync(quickNodeRoot, { recursive: true });
  if (tryRun(['npm', 'install', '--prefix', quickNodeRoot, ...quiet, `${quickNodePackage}@${quickNode}`])) return;
  say(`it could not be had: the simulation runs on Node ${process.versions.node}, about half as long again`);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

// ------------------------------------------------------------------------------------------------ programs

/** Where a program is; undefined when it is nowhere. The sbin directories are looked at too: users often lack them. */
export function findProgram(program, path = process.env.PATH ?? '') {
  const directories = [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean);
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Throws SetupProblem when what `etcd --version` said is of one that is too old; what cannot be read may well do. */
export function checkEtcd(said) {
  const [, version = '', major, minor] = /^etcd Version: ((\d+)\.(\d+)\S*)/m.exec(said ?? '') ?? [];
  if (version === '' || Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 4)) return;
  throw new SetupProblem(
    `etcd ${version} is too old: 3.4 or newer is needed, as Debian 12 and Ubuntu 24.04 have it. ` +
      'Put the directory of a newer one first in PATH, and try again',
  );
}

/** What a person would type, in one line. */
export function commandByHand(packages) {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

function installPrograms(wanted, { optional }) {
  const missing = wanted.filter(({ program }) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = missing.map((each) => each.package);
  const names = missing.map((each) => each.program).join(' and ');
  const apt = aptGet();
  if (apt !== null) {
    say(`apt-get install ${packages.join(' ')} (${names} missing)`);
    if (!aptInstall(apt, packages) && !optional) {
      throw new SetupProblem(`apt-get could not install ${packages.join(' ')}. Try: ${commandByHand(packages)}`);
    }
    if (packages.includes('etcd-server')) stopPackagedEtcd(apt);
    return;
  }
  if (optional) return say(`${names} not found: the tests that cut the network or load the store will skip themselves`);
  const how = findProgram('apt-get')
    ? `run this once, then try again:\n\n  ${commandByHand(packages)}\n`
    : `install ${packages.join(' and ')} with this system's package manager, then try again`;
  throw new SetupProblem(`${names} not found. ${how[0].toUpperCase()}${how.slice(1)}`);
}

/** The beginning of an apt-get command line that needs no password; null when there is none. */
function aptGet() {
  if (findProgram('apt-get') === undefined) return null;
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  if (process.getuid?.() === 0) return env;
  const sudo = findProgram('sudo');
  if (sudo === undefined) return null;
  return spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? [sudo, '-n', ...env] : null;
}

/** Installs, with a fresh package list when a package is unknown or the list that we have is too old to fetch by. */
function aptInstall(prefix, packages) {
  const apt = (...args) => tryRun([...prefix, 'apt-get', ...args]);
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  const known = packages.every((name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0);
  if (known && install()) return true;
  say('apt-get update');
  return apt('update', '-q') && install();
}

/** Debian's package starts an etcd of its own at once, which nobody asked for. Only called right after we installed it. */
function stopPackagedEtcd(prefix) {
  if (!existsSync('/run/systemd/system')) return;
  say('systemctl disable --now etcd (the service that the package just started; each node runs its own)');
  tryRun([...prefix, 'systemctl', 'disable', '--now', 'etcd']);
}

// ------------------------------------------------------------------------------------------------ build

const sources = ['src', 'proto', 'scripts/build.js', 'scripts/write-version.js', 'package.json', 'package-lock.json'];

function buildIfStale() {
  const built = modifiedMs(join(root, 'dist', 'version.json'));
  const isTest = (name) => name.endsWith('.test.ts');
  const newest = Math.max(...sources.map((path) => newestMs(join(root, path), isTest)));
  if (built >= newest) return;
  say(`npm run build (${built === 0 ? 'there is no dist' : 'dist is older than its sources'})`);
  run('npm', ['run', '--silent', 'build']);
}

/** The latest modification of a file below a path, in ms; 0 when there is nothing. */
function newestMs(path, leaveOut) {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return 0;
  if (!entry.isDirectory()) return entry.mtimeMs;
  const below = readdirSync(path).filter((name) => !leaveOut(name));
  return Math.max(0, ...below.map((name) => newestMs(join(path, name), leaveOut)));
}

function modifiedMs(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

// ------------------------------------------------------------------------------------------------ running things

/** Output goes to stderr: stdout belongs to whoever called setup. */
function tryRun([command, ...args]) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
}

function run(command, args) {
  if (!tryRun([command, ...args])) throw new SetupProblem(`${[command, ...args].join(' ')} failed`);
}
