import { expect, test } from 'vitest';
import {
  formatBytes,
  formatDuration,
  formatInZone,
  formatRelative,
  formatSpan,
  formatTimestamp,
} from '../../src/common/format.ts';
import { formatCount } from '../../src/common/text.ts';
import { AT, minutes } from './status-fixtures.ts';

test.each([
  [0, '0:00'],
  [61.4, '1:01'],
  [3_600, '1:00:00'],
  [22_320, '6:12:00'],
])('a duration of %d seconds is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  [-5, '0 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [3_600, '1 h'],
  [18_720, '5 h 12 min'],
  [273_600, '3 d 4 h'],
])('a span of %d seconds is %s', (seconds, text) => {
  expect(formatSpan(seconds)).toBe(text);
});

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [7_140_000, '7.1 MB'],
  [161_000_000, '161 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('a count has thousands separators', () => {
  expect(formatCount(1_234_567.8)).toBe('1,234,568');
});

test('a time is shown in UTC, relative to now, and in zones with and without summer time', () => {
  expect(formatTimestamp(AT)).toBe('2026-11-21T20:48:00Z');
  expect(formatRelative(minutes(3), AT)).toBe('in 3 min');
  expect(formatRelative(minutes(-3), AT)).toBe('3 min ago');
  const summer = new Date('2026-07-01T22:30:00Z');
  expect(formatInZone(summer, 'Europe/Berlin')).toBe('Thu 2026-07-02 00:30 Europe/Berlin');
  expect(formatInZone(summer, 'Asia/Kolkata')).toBe('Thu 2026-07-02 04:00 Asia/Kolkata');
});

test('a time in an unknown zone is shown in UTC', () => {
  expect(formatInZone(AT, 'Mars/Olympus')).toBe('Sat 2026-11-21 20:48 UTC');
});
