/** Types of setup.js, which is plain JavaScript because it runs before node_modules exists. */
export class SetupProblem extends Error {
  exitCode: number;
}
export function setup(purpose: 'test' | 'versions' | 'demo' | 'bench' | 'sim' | 'ci'): Promise<void>;
export function checkNode(version: string): void;
export function checkEtcd(said: string | null): void;

interface LockFile {
  packages?: Record<string, { version?: string; optional?: boolean }>;
}
export function modulesAreCurrent(lock: LockFile, installed: LockFile): boolean;
export function findProgram(program: string, path?: string): string | undefined;
export function commandByHand(packages: string[]): string;
/** Absolute path of the Node that the simulation's processes run on. */
export function simulationNode(): string;
