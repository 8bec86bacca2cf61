import { spawnSync } from 'node:child_process';

/**
 * Compiles the sources once before the tests: command-line tests start the program as it ships, and
 * Node 20 cannot load a TypeScript file as a worker thread. Tests of sources run even if others do not
 * compile; the type check is a step of its own.
 */
export function setup(): void {
  spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
