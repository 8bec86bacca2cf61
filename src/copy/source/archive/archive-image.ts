/** Takes the image out of an archive. There must be exactly one, or its name must be given. */
import { UnsupportedError, UsageError } from '../../../errors/errors.ts';
import { HEAD_BYTES } from '../formats.ts';
import type { ArchiveMember, ArchiveMembers } from './archive-member.ts';
import { judgeName, looksLikeText } from './image-name.ts';

export interface ArchiveOptions {
  /** What messages call the archive. */
  readonly structure: string;
  /** The member that the user wants: its path in the archive, or the last part of it. */
  readonly wanted: string | undefined;
}

/** Archives with more images than this have them counted instead of listed. */
const MAX_LISTED = 20;

/** An archive up to its first image. */
export class ArchiveImage {
  readonly #members: AsyncIterator<ArchiveMember>;
  readonly #options: ArchiveOptions;
  /** The image; its content must be read before `assertNoOther` is called. */
  readonly member: ArchiveMember;

  private constructor(
    members: AsyncIterator<ArchiveMember>,
    member: ArchiveMember,
    options: ArchiveOptions,
  ) {
    this.#members = members;
    this.#options = options;
    this.member = member;
  }

  /**
   * @throws {UsageError} kind `no-such-member` if the wanted member is not there.
   * @throws {UnsupportedError} kind `no-image-member`.
   */
  static async find(archive: ArchiveMembers, options: ArchiveOptions): Promise<ArchiveImage> {
    const members = archive[Symbol.asyncIterator]();
    const passed: string[] = [];
    const member = await findImage(members, options.wanted, passed);
    if (member !== undefined) return new ArchiveImage(members, member, options);
    const place = { structure: options.structure };
    const names = passed.length === 0 ? 'it is empty' : `it has ${list(passed)}`;
    if (options.wanted !== undefined) {
      const text = `${options.structure}: there is no file ${options.wanted} in it; ${names}`;
      throw new UsageError('no-such-member', text);
    }
    const text = `no image is in this archive; ${names}. Name a member with --member`;
    throw new UnsupportedError('no-image-member', place, text);
  }

  /**
   * Reads the rest of the archive. @throws {UnsupportedError} kind `several-members`, which lists all
   * images, if this was not the only one. @throws whatever the rest of a damaged archive makes it throw.
   */
  async assertNoOther(): Promise<void> {
    const { structure, wanted } = this.#options;
    const names = [this.member.name];
    for (;;) {
      const other = await findImage(this.#members, wanted, []);
      if (other === undefined) break;
      names.push(other.name);
    }
    if (names.length === 1) return;
    const advice =
      wanted === undefined ? 'choose one with --member NAME' : 'give the whole path after --member';
    const text = `this archive has ${names.length} images: ${list(names)}; ${advice}`;
    throw new UnsupportedError('several-members', { structure }, text);
  }
}

/** The next image, or undefined at the end of the archive. Names of what is passed over are collected. */
async function findImage(
  members: AsyncIterator<ArchiveMember>,
  wanted: string | undefined,
  passed: string[],
): Promise<ArchiveMember | undefined> {
  for (;;) {
    const result = await members.next();
    if (result.done === true) return undefined;
    const member = result.value;
    if (await isImage(member, wanted)) return member;
    if (member.isFile) passed.push(member.name);
  }
}

async function isImage(member: ArchiveMember, wanted: string | undefined): Promise<boolean> {
  const { name } = member;
  if (!member.isFile) return false;
  if (wanted !== undefined) {
    return name === wanted.replace(/^(?:\.\/)+/, '') || name.endsWith(`/${wanted}`);
  }
  const judgement = judgeName(name);
  if (judgement !== 'unknown') return judgement === 'image';
  // Placeholders such as .gitkeep are empty, which counts as text.
  return !looksLikeText(await member.content.peek(HEAD_BYTES));
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).join(', ');
  return names.length <= MAX_LISTED ? shown : `${shown} and ${names.length - MAX_LISTED} more`;
}
