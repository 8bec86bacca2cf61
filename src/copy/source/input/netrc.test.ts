import { describe, expect, it } from 'vitest';

import { parseNetrc } from './netrc.ts';

const FILE = `
# a comment with machine host.org login no password no
machine host.org login me password geheim
machine other.org
\tlogin "my name"   # behind it
\taccount x
\tpassword "with \\"quotes\\" and \\\\"
macdef init
machine trap.org login no password no

machine HOST.net password only
default login anonymous password guest
machine behind.org login late password late
`;

describe('parseNetrc', () => {
  it.each([
    ['host.org', 'me', 'geheim'],
    ['HOST.ORG', 'me', 'geheim'],
    ['other.org', 'my name', 'with "quotes" and \\'],
    ['host.net', '', 'only'],
    ['trap.org', 'anonymous', 'guest'],
    ['unknown.org', 'anonymous', 'guest'],
    ['behind.org', 'late', 'late'],
  ])('%s', (host, user, password) => {
    expect(parseNetrc(FILE, host)).toEqual({ user, password });
  });

  it('has no answer without an entry', () => {
    expect(parseNetrc('machine host.org login me password x', 'other.org')).toBeUndefined();
    expect(parseNetrc('', 'host.org')).toBeUndefined();
    expect(parseNetrc('rubbish machine host.org login me', 'host.org')).toBeUndefined();
    expect(
      parseNetrc('macdef x\nmachine host.org login me password x', 'host.org'),
    ).toBeUndefined();
  });
});
