import { createRequire } from 'node:module';

/** Fields from minutes, or seconds, to days of the week, as cron-parser knows them; or a name. */
const SHAPE = /^(@\w+|\S+(\s+\S+){4,5})$/;

/** cron-parser draws what `H` stands for anew each time it is asked: such a time would wander. */
const DRAWN = /(^|[\s,])H/i;

/** True if the text is a cron expression that comes due at some time. */
export function isCronPattern(text: string): boolean {
  if (!SHAPE.test(text) || DRAWN.test(text)) return false;
  // Loaded when asked: most commands are told of no schedule, and would wait for it at their start.
  const require = createRequire(import.meta.url);
  const { CronExpressionParser } = require('cron-parser') as typeof import('cron-parser');
  try {
    CronExpressionParser.parse(text, { tz: 'UTC' }).next();
    return true;
  } catch {
    return false;
  }
}

/** True if the text names a zone of the IANA database. */
export function isTimezone(text: string): boolean {
  // Newer versions of Node take offsets such as +02:00 as well, which cron-parser does not.
  if (!/^[a-z]/i.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
