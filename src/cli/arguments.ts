import { ActionRequiredError } from '../index.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The seconds of an age such as `90m`, `26h` or `2d`.
 *
 * @throws ActionRequiredError if it has another form
 */
export function parseAge(text: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new ActionRequiredError([
    {
      subject: '--max-age',
      problem: `"${text}" is not an age.`,
      remedy: 'Give a number over 0 with its unit (s, m, h or d), such as 90m, 26h or 2d.',
    },
  ]);
}
