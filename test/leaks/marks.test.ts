import { expect, test } from 'vitest';
import { Marks } from './marks.ts';

const SECRET = 'sEcr3t/+of "mine" é';

const WRITTEN: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in upper case': (text) => text.toUpperCase(),
  'in a URL': encodeURIComponent,
  'in a query': (text) => new URLSearchParams({ text }).toString().replaceAll('+', '%20'),
  'in JSON': (text) => JSON.stringify({ text }),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64, one byte later': (text) => Buffer.from(`{${text}}`).toString('base64'),
  'in base64, two bytes later': (text) => Buffer.from(`{"${text}"}`).toString('base64'),
  'in base64 for a URL': (text) => Buffer.from(`?${text}?`).toString('base64url'),
};

test.each(Object.entries(WRITTEN))('a mark is found %s', (_, write) => {
  const marks = new Marks();
  const word = marks.word('user name');
  marks.add('password', SECRET);
  expect(marks.in(`before ${write(word)} after`)).toEqual(['user name']);
  expect(marks.in(`before ${write(SECRET)} after`)).toEqual(['password']);
});

test('a word is found by a part of it, as the messages of parsers have it', () => {
  const marks = new Marks();
  const word = marks.word('e-mail');
  const quoted = (text: string): string => {
    try {
      return JSON.parse(text);
    } catch (error) {
      return String(error);
    }
  };
  for (const text of [word, `{"Users":[{"Email":${word}}]}`]) {
    expect([text, marks.in(quoted(text))]).toEqual([text, ['e-mail']]);
  }
});

test('what holds no mark is found to hold none', () => {
  const marks = new Marks();
  const word = marks.word('user name');
  marks.add('password', SECRET);
  expect(marks.in(`${word.slice(0, 7)} ${SECRET.slice(0, -1)} "level":"info"`)).toEqual([]);
});

test('a text that would be found anywhere is refused', () => {
  expect(() => new Marks().add('password', 'test')).toThrow(RangeError);
});
