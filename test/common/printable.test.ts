import { expect, test } from 'vitest';
import { printable } from '../../src/common/printable.ts';

test('escapes everything that a terminal would act on', () => {
  expect(printable('a\u001b[31mb\u0007\n\t\r')).toBe('a\\u001b[31mb\\u0007\\n\\t\\r');
  expect(printable('user\u202etxt.exe\u2066x\u200f')).toBe('user\\u202etxt.exe\\u2066x\\u200f');
  expect(printable('\u009b2J\u0000\u2028\ud800')).toBe('\\u009b2J\\u0000\\u2028\\ud800');
  expect(printable('\u{e0041}')).toBe('\\u{e0041}');
});

test('keeps ordinary text of any script and joined emoji', () => {
  const text = 'Zoë 日本語 שלום 👩‍👩‍👧 \\ "quotes"';
  expect(printable(text)).toBe(text);
});
