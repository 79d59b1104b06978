/** The seconds between two times; negative if `to` is earlier. */
export function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}

export function addSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}

/** A date, or a date with a time; in UTC unless an offset follows. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/** Parses a time by ISO 8601. A date alone is its beginning. Returns null for any other text. */
export function parseTime(text: string): Date | null {
  const [, day, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  if (day === undefined) return null;
  // JavaScript would read the 31st of a short month as a day of the next one.
  const isDay = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day) ?? false;
  const at = new Date(`${day}T${time}${zone}`);
  return isDay && !Number.isNaN(at.getTime()) ? at : null;
}
