/**
 * What a byte of the image can be in a picture. The kinds of extents that filesystems report, and what
 * only the disk as a whole knows: tables, gaps, slack, what nobody understood, what the map leaves out.
 */
import type { ExtentKind } from '../fs-probes/fs-probe.ts';

export type PictureKind =
  | ExtentKind
  | 'table' // partition tables
  | 'unknown' // mapped whole, because nobody read it
  | 'kept' // free in its filesystem, and mapped nevertheless
  | 'slack' // behind the end of a filesystem, in its partition
  | 'gap' // in no partition
  | 'left-out';

export interface KindStyle {
  readonly kind: PictureKind;
  readonly words: string;
  /** Upper case, or a sign that has no case. No two kinds share one. */
  readonly letter: string;
  /** Colours in pictures, on light and on dark paper. */
  readonly light: string;
  readonly dark: string;
  /** Cell and letter in a terminal: numbers of the 256-colour palette. */
  readonly terminal: readonly [background: number, foreground: number];
  /** Drawn with stripes: nothing that a filesystem speaks for. */
  readonly isStriped: boolean;
}

/**
 * In the order of precedence: where two kinds meet in one byte, the first is shown. What is left out
 * comes first, since the map has decided; then what is small and rare, so that it is not hidden.
 */
// prettier-ignore
export const KIND_STYLES: readonly KindStyle[] = [
  { kind: 'left-out',      words: 'left out',             letter: '.', light: '#eef1f6', dark: '#20262f', terminal: [0, 244], isStriped: false },
  { kind: 'table',         words: 'partition table',      letter: 'T', light: '#1d2633', dark: '#e8edf4', terminal: [60, 15], isStriped: false },
  { kind: 'bad',           words: 'bad blocks',           letter: 'X', light: '#e00000', dark: '#ff4d4d', terminal: [160, 15], isStriped: false },
  { kind: 'boot',          words: 'boot',                 letter: 'B', light: '#9c3a1c', dark: '#d9714f', terminal: [130, 15], isStriped: false },
  { kind: 'superblock',    words: 'superblocks',          letter: 'S', light: '#e2560f', dark: '#ff8a4c', terminal: [202, 16], isStriped: false },
  { kind: 'descriptors',   words: 'group descriptors',    letter: 'G', light: '#d69e00', dark: '#efc23d', terminal: [214, 16], isStriped: false },
  { kind: 'bitmap',        words: 'allocation bitmaps',   letter: 'A', light: '#83930f', dark: '#bccb3a', terminal: [142, 16], isStriped: false },
  { kind: 'fat',           words: 'allocation tables',    letter: 'F', light: '#c77d0a', dark: '#f0ab45', terminal: [172, 16], isStriped: false },
  { kind: 'inode-table',   words: 'inode tables',         letter: 'I', light: '#2b9a5b', dark: '#4bc784', terminal: [35, 16], isStriped: false },
  { kind: 'chunk-tree',    words: 'chunk tree',           letter: 'C', light: '#4b2d94', dark: '#8a6ce0', terminal: [55, 15], isStriped: false },
  { kind: 'log-tree',      words: 'log tree',             letter: 'L', light: '#b04a9a', dark: '#dd86ca', terminal: [133, 15], isStriped: false },
  { kind: 'journal',       words: 'journal',              letter: 'J', light: '#c4247c', dark: '#f064a8', terminal: [162, 15], isStriped: false },
  { kind: 'metadata',      words: 'metadata',             letter: 'M', light: '#7a53c9', dark: '#ab8ff0', terminal: [98, 15], isStriped: false },
  { kind: 'directory',     words: 'directories',          letter: 'N', light: '#0f98ab', dark: '#38c6da', terminal: [37, 16], isStriped: false },
  { kind: 'parity',        words: 'parity',               letter: 'P', light: '#4f6f86', dark: '#86a9c2', terminal: [66, 15], isStriped: false },
  { kind: 'data',          words: 'data',                 letter: 'D', light: '#2f6fd6', dark: '#6aa3f8', terminal: [33, 15], isStriped: false },
  { kind: 'unused-inodes', words: 'unused inodes',        letter: 'U', light: '#a5d8b8', dark: '#2c6e4a', terminal: [151, 16], isStriped: false },
  { kind: 'reserved',      words: 'reserved',             letter: 'R', light: '#94806e', dark: '#b8a28e', terminal: [138, 16], isStriped: false },
  { kind: 'unknown',       words: 'not read',             letter: '?', light: '#8a93a3', dark: '#707b8c', terminal: [245, 16], isStriped: true },
  { kind: 'kept',          words: 'free but mapped',      letter: 'K', light: '#a9bdd6', dark: '#566a83', terminal: [110, 16], isStriped: true },
  { kind: 'slack',         words: 'slack',                letter: '~', light: '#cdb98f', dark: '#8b7a52', terminal: [180, 16], isStriped: true },
  { kind: 'gap',           words: 'gap',                  letter: '-', light: '#c3c8d0', dark: '#4a525e', terminal: [250, 16], isStriped: true },
];

/** How many of them there are: the length of a tally by kind. */
export const KIND_COUNT = KIND_STYLES.length;

/** The place of a kind in `KIND_STYLES`, and so in every tally by kind. */
export const KIND_INDEX: ReadonlyMap<PictureKind, number> = new Map(
  KIND_STYLES.map(({ kind }, index) => [kind, index]),
);

/** What the map leaves out is the paper of every picture, not ink. */
export const LEFT_OUT_INDEX = KIND_INDEX.get('left-out')!;
