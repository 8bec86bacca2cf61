/** The packages that are handed on, and the text of every one's licence. */
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LICENSE_FILE = /^licen[cs]e(\.|$)/i;

/** What is compiled into a package, under terms of its own. */
const INSIDE = {
  package: 'ext2fs',
  what: 'libext2fs of e2fsprogs, as WebAssembly in ext2fs',
  license: 'LGPL-2.0-only',
  text: fileURLToPath(new URL('LGPL-2.0.txt', import.meta.url)),
  source: 'https://github.com/balena-io/node-ext2fs',
};

/**
 * Packages that come without the text. The text is that of another package by the same authors under
 * the same licence, or, where the README offers a choice, of Apache-2.0, which is our own file.
 */
const TEXT_OF = {
  '@koromix/koffi-linux-arm64': 'koffi',
  '@koromix/koffi-linux-x64': 'koffi',
  '@nodable/entities': 'fast-xml-parser',
  fatfs: 'Apache-2.0',
  fifolock: 'Apache-2.0',
  'struct-fu': 'Apache-2.0',
};

/** Every package in a flat `node_modules`. @throws {Error} if one of them holds another. */
export function listPackages(modules) {
  const folders = readdirSync(modules).flatMap((entry) =>
    entry.startsWith('@')
      ? readdirSync(path.join(modules, entry)).map((inner) => path.join(modules, entry, inner))
      : [path.join(modules, entry)],
  );
  return folders.toSorted().map((folder) => {
    if (existsSync(path.join(folder, 'node_modules'))) throw new Error(`${folder} holds packages`);
    const { name, version, license } = JSON.parse(
      readFileSync(path.join(folder, 'package.json'), 'utf8'),
    );
    return { name, version, license, folder };
  });
}

/**
 * Puts the texts that are missing into the packages' folders.
 * @throws {Error} for a package without a text that is not in the table above.
 */
export function addMissingLicenses(packages, apacheText) {
  const holder = packages.find(({ name }) => name === INSIDE.package);
  if (holder === undefined) throw new Error(`${INSIDE.package} is not installed`);
  copyFileSync(INSIDE.text, path.join(holder.folder, path.basename(INSIDE.text)));
  for (const { name, folder } of packages.filter((one) => licenseFile(one) === undefined)) {
    const donor = TEXT_OF[name];
    const text =
      donor === 'Apache-2.0'
        ? apacheText
        : licenseFile(packages.find((one) => one.name === donor) ?? { folder });
    if (text === undefined) {
      throw new Error(`${name} comes without the text of its licence: see TEXT_OF`);
    }
    copyFileSync(text, path.join(folder, 'LICENSE'));
  }
}

/** What is in the archive beside bmap, as a table. Paths are relative to `root`. */
export function formatNotices(packages, root) {
  const rows = packages.map((one) => {
    const text = path.relative(root, licenseFile(one));
    return `| ${one.name} | ${one.version} | ${one.license} | ${text} |`;
  });
  const { folder } = packages.find(({ name }) => name === INSIDE.package);
  const insideText = path.relative(root, path.join(folder, path.basename(INSIDE.text)));
  return `# What else is in here

Nothing of it was changed; of koffi only the library for this platform is in. The source of ${INSIDE.what}, is at
${INSIDE.source}.

| what | version | licence | text |
| ---- | ------- | ------- | ---- |
| Node.js | ${process.version.slice(1)} | MIT and others | lib/node.LICENSE |
| ${INSIDE.what} | as in ext2fs | ${INSIDE.license} | ${insideText} |
${rows.join('\n')}
`;
}

function licenseFile({ folder }) {
  const name = readdirSync(folder).find((entry) => LICENSE_FILE.test(entry));
  return name === undefined ? undefined : path.join(folder, name);
}
