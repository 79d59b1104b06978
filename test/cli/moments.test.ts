import { describe, expect, it } from 'vitest';
import { formatInZone, formatSpan, fromNow } from '../../src/cli/display/timestamps.ts';
import { AT, minutes } from './status-fixtures.ts';

describe('moments', () => {
  it.each([
    [-5, '0 s'],
    [59.4, '59 s'],
    [60, '1 min'],
    [3_600, '1 h'],
    [18_720, '5 h 12 min'],
    [273_600, '3 d 4 h'],
  ])('a span of %d seconds is %s', (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });

  it('are relative to now, and in zones with and without summer time', () => {
    expect(fromNow(minutes(3), AT)).toBe('in 3 min');
    expect(fromNow(minutes(-3), AT)).toBe('3 min ago');
    const summer = new Date('2026-07-01T22:30:00Z');
    expect(formatInZone(summer, 'Europe/Berlin')).toBe('Thu 2026-07-02 00:30 Europe/Berlin');
    expect(formatInZone(summer, 'Asia/Kolkata')).toBe('Thu 2026-07-02 04:00 Asia/Kolkata');
  });

  it('are in UTC where this machine does not know the zone', () => {
    expect(formatInZone(AT, 'Mars/Olympus')).toBe('Sat 2026-11-21 20:48 UTC');
  });
});
