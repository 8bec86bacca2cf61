/** What a user reads about a filesystem that was mapped whole: that, then why and where, then what to do. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { MemoryReader } from '../../src/image/memory-reader.ts';
import { decideMapping, surveyImage } from '../../src/scan/scan-image.ts';

/** In the demo image: the FAT volume, and behind it the ext4 one with its superblock 1024 bytes in. */
const FAT_BYTE = 2 ** 20;
const EXT_BYTE = 17 * 2 ** 20;
const SUPERBLOCK_BYTE = EXT_BYTE + 1024;

function readDemo(): Buffer {
  return gunzipSync(readFileSync('test-images/images/demo.img.gz'));
}

async function findOne(image: Uint8Array, code: string): Promise<string | undefined> {
  const report = decideMapping(await surveyImage(new MemoryReader(image)));
  return report.findings.find((finding) => finding.code === code)?.text;
}

it('damage: with the command that looks for more of it', async () => {
  const image = readDemo();
  // s_free_blocks_count, which nothing but the checksum protects.
  image[SUPERBLOCK_BYTE + 0x0c]! ^= 1;
  expect(await findOne(image, 'ext.superblock-checksum')).toBe(
    'partition 2: mapped whole: ext superblock at byte 1024: the checksum does not match. Run e2fsck -f and scan again',
  );
});

it('an image that was cut: with the question that comes first', async () => {
  const image = readDemo().subarray(0, EXT_BYTE + 2 ** 20);
  expect(await findOne(image, 'ext.truncated')).toMatch(
    /^partition 2: mapped whole: ext superblock.* and only 1048576 are here\. Is the image complete\?$/,
  );
});

it('what is not supported: with the reason alone, since no check would help', async () => {
  const image = readDemo();
  // BPB_RootEntCnt: 16 entries of 32 bytes fill a sector, 17 do not.
  image.writeUInt16LE(17, FAT_BYTE + 0x11);
  expect(await findOne(image, 'fat.uneven-root')).toMatch(
    /^partition 1: mapped whole: FAT boot sector at byte 17: a root directory of 17 entries .* agreed upon$/,
  );
});
