/** Whether the Node that runs can be handed on alone, and the licence that has to go with it. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** @throws {Error} for a Node that is not one file, or not for Linux with the GNU C library. */
export function requirePortableNode() {
  // Debian's own nodejs is a small program around libnode.so and a dozen more libraries.
  if (process.config.variables.node_shared) {
    throw new Error(
      `${process.execPath} needs libnode beside it; run this with Node from nodejs.org or NodeSource`,
    );
  }
  if (process.report.getReport().header.glibcVersionRuntime === undefined) {
    throw new Error(`${process.execPath} is not a Node for Linux with the GNU C library`);
  }
}

/**
 * The licence of Node and of all that is compiled into it, in the places where packagers put it.
 * @throws {Error} if it is in none: without it Node must not be handed on.
 */
export function findNodeLicense() {
  const given = process.env.NODE_LICENSE;
  const prefix = path.join(path.dirname(process.execPath), '..');
  const places = [
    // Archives of nodejs.org, and container images made of them.
    path.join(prefix, 'LICENSE'),
    // Packages of NodeSource.
    path.join(prefix, 'share/doc/nodejs/LICENSE'),
  ];
  const found = (given === undefined ? places : [given]).find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new Error(
    `the licence of ${process.execPath} is not at ${given ?? places.join(' or ')}; ` +
      `name the LICENSE file of Node ${process.version} in NODE_LICENSE`,
  );
}
