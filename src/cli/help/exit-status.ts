import { EXIT } from '../exit-codes.ts';
import { list, paragraph, type Topic, type TopicEntry } from './topic.ts';

/** In the words of docs/exit-codes.md. */
const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  usage: 'the command line asks for something that makes no sense',
  corrupt:
    'the bytes are wrong: an empty image, a damaged map; with --strict also a filesystem that was mapped whole because it is damaged',
  unsupported:
    "the bytes may be right, but use something that is not understood: an image packed twice, a virtual machine's disk; with --strict also a filesystem with such a feature",
  mismatch: 'checksums, sizes or counts differ; bmap check and bmap verify list what',
  refused:
    'a guard said no: the image or target is in use, locked, read-only, the wrong one, or its filesystem cannot punch holes',
  system:
    'the operating system failed a request, the folder of temporary files has no room, or the image changed while it was read',
  losesData: 'a map leaves out blocks that are used (bmap check)',
  someTargetsFailed: 'some of several targets of a copy failed',
  bug: 'a bug in bmap: the text says where to report it',
  hungUp: 'ended by SIGHUP',
  interrupted: 'interrupted by SIGINT (Ctrl-C)',
  terminated: 'ended by SIGTERM',
};

/** Every exit code with its meaning, ascending. */
export const EXIT_STATUSES: readonly TopicEntry[] = Object.entries(MEANINGS).map(
  ([key, meaning]) => [String(EXIT[key as keyof typeof EXIT]), meaning],
);

export const exitStatusTopic: Topic = {
  title: 'Exit status',
  blocks: [
    list(EXIT_STATUSES),
    paragraph(
      'An unknown code is a failure. With every code but 0 no map was written, and a map file that was there before is untouched.',
    ),
    paragraph(
      'A failed copy says in its last line what it left of its target: untouched (not a byte was written), partial (some of the image is there) or unverified (all of it was written, but not proven to be right).',
    ),
    paragraph(
      'Under the name bmaptool there are only 0, 1 (any failure, Ctrl-C too) and 2 (a wrong command line).',
    ),
  ],
};
