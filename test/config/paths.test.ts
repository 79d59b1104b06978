import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { problemsOf } from './support.ts';

describe('a path', () => {
  test.each([
    ['MIRROR_HOME', '~/m'],
    ['MIRROR_HOME', '~ann/m'],
    ['MIRROR_CONFIG', '~/mirror.yaml'],
    ['ARCHIVE_URL', 'file:///~/archive'],
    ['ARCHIVE_URL', 'file://~/archive'],
  ])('that starts with ~ is refused: %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(`^${name}: the path starts with ~, which only a shell expands`),
    ]);
  });

  test.each([
    ['MIRROR_HOME', '/srv/a\nb'],
    ['MIRROR_HOME', 'a\u001b[31mb'],
    ['MIRROR_CONFIG', '/etc/a\tb.yaml'],
    ['ARCHIVE_URL', 'file:///srv/a%0Ab'],
  ])('with a control character is refused: %s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(`^${name}: the path has a line break or another control character`),
    ]);
  });

  test('may have a tilde, quotes and spaces elsewhere', () => {
    expect(loadConfig({ MIRROR_HOME: "/srv/~ann's mirror" }).home).toBe("/srv/~ann's mirror");
  });
});
