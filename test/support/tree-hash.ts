import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/**
 * One line for every file, folder and link below `folder`: path, type and mode, owner, size and the
 * SHA-256 of the content. Two trees are equal exactly if their lines are.
 */
export function hashTree(folder: string): readonly string[] {
  const lines: string[] = [];
  visit(folder, '', lines);
  return lines.toSorted();
}

function visit(root: string, relative: string, lines: string[]): void {
  for (const name of readdirSync(path.join(root, relative))) {
    const inner = path.join(relative, name);
    const full = path.join(root, inner);
    const stats = lstatSync(full);
    const facts = `${inner} ${stats.mode.toString(8)} ${stats.uid}:${stats.gid}`;
    if (stats.isDirectory()) {
      lines.push(facts);
      visit(root, inner, lines);
    } else if (stats.isFile()) {
      const digest = createHash('sha256').update(readFileSync(full)).digest('hex');
      lines.push(`${facts} ${stats.nlink} ${stats.size} ${digest}`);
    } else if (stats.isSymbolicLink()) {
      lines.push(`${facts} -> ${readlinkSync(full)}`);
    } else {
      lines.push(`${facts} ${stats.rdev}`);
    }
  }
}
