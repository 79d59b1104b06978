import { ConfigurationError } from '../model/errors.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The seconds of an age such as `90m`, `26h` or `2d`.
 *
 * @throws ConfigurationError where it has another form.
 */
export function parseAge(text: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new ConfigurationError([
    {
      subject: '--max-age',
      problem: `"${text}" is not an age.`,
      remedy: 'Give a number over 0 with its unit, s, m, h or d: such as 90m, 26h or 2d.',
    },
  ]);
}
