/** Every help topic. Their texts are loaded when they are asked for. */
import type { Topic } from './topic.ts';

interface TopicListing {
  /** As in `bmap help formats`. */
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Topic>;
}

/** In the order of the manual page. */
export const TOPICS: readonly TopicListing[] = [
  {
    name: 'formats',
    summary: 'what images may be packed in, and which tables and filesystems are read',
    load: async () => (await import('./formats.ts')).formatsTopic,
  },
  {
    name: 'maps',
    summary: 'block maps: where they are looked for, versions, signatures',
    load: async () => (await import('./maps.ts')).mapsTopic,
  },
  {
    name: 'safety',
    summary: 'what is left out of a map, and what is refused',
    load: async () => (await import('./safety.ts')).safetyTopic,
  },
  {
    name: 'exit-codes',
    summary: 'what the exit codes mean',
    load: async () => (await import('./exit-status.ts')).exitStatusTopic,
  },
  {
    name: 'environment',
    summary: 'environment variables that are read',
    load: async () => (await import('./environment.ts')).environmentTopic,
  },
];
