import { execFileSync } from 'node:child_process';

/**
 * Builds the program once before the tests: command-line tests start the program as it ships, and
 * Node 20 cannot load a TypeScript file as a worker thread. What does not compile is not tested.
 */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
