import { describe, expect, test } from 'vitest';
import { findEntry } from './auth-file.ts';

const encode = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });
const file = (auths: Record<string, { auth?: string; identitytoken?: string }>) => ({ auths, credHelpers: {} });

describe('findEntry', () => {
  const auths = file({
    'quay.io': encode('host:1'),
    'quay.io/team': encode('team:2'),
    'quay.io/team/os': encode('repo:3:with:colons'),
    'https://index.docker.io/v1/': encode('hub:4'),
    'https://old.example': encode('old:5'),
    'http://older.example:5000/v2/': encode('older:6'),
    'helper.example': {},
    'space.example/team': encode('space:7'),
  });
  test.each([
    ['quay.io', 'team/os', 'repo', '3:with:colons'],
    ['quay.io', 'team/os/part', 'repo', '3:with:colons'],
    ['quay.io', 'team/other', 'team', '2'],
    ['quay.io', 'teams/os', 'host', '1'],
    ['docker.io', 'library/debian', 'hub', '4'],
    ['old.example', 'x', 'old', '5'],
    ['older.example:5000', 'x', 'older', '6'],
  ])('for %s/%s', (registry, repository, username, password) => {
    expect(findEntry(auths, registry, repository)).toEqual({ username, password });
  });

  test.each([
    ['quay.io:443'],
    ['helper.example'],
    ['nothing.example'],
    ['space.example'],
    ['__proto__'],
    ['constructor'],
  ])('finds none for %s', (registry) => {
    expect(findEntry(auths, registry, 'team-b/os')).toBeUndefined();
  });

  test('gives an identity token rather than the password beside it', () => {
    const entry = { ...encode('<token>:'), identitytoken: 'secret' };
    expect(findEntry(file({ 'a.b': entry }), 'a.b', 'x')).toEqual({ identityToken: 'secret' });
  });

  test('refuses an entry that is not name and password', () => {
    expect(() => findEntry(file({ 'a.b': encode('nocolon') }), 'a.b', 'x')).toThrow(
      expect.objectContaining({ code: 'CREDENTIALS_INVALID' }),
    );
  });
});
