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

/** A time that ends a range: a date includes its whole day. Any other text stays as it is. */
export function includeWholeDay(text: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59.999` : text;
}

/**
 * The port of `--port`.
 *
 * @throws ActionRequiredError if it is not one
 */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  const problem = `${JSON.stringify(text)} is not a port.`;
  throw ActionRequiredError.of('--port', problem, 'Give a port such as 8080, or 0 for a free one.');
}
