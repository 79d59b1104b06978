import { readClock } from '../postgres/connection.ts';
import {
  type CheckDefinition,
  type CheckResult,
  examinePostgres,
  examineRedis,
  failed,
  ok,
  warning,
} from './check.ts';

/** Above this, times in logs mislead people. */
const NOTICEABLE_MS = 10_000;
/** AWS refuses requests that are signed five minutes before or after. */
const REFUSED_MS = 5 * 60_000;

const SET_CLOCK =
  'Set the clock of the machine that is wrong: `timedatectl set-ntp true` keeps it right.';

/** The time of a server, read between two times of this machine. */
export interface Reading {
  readonly before: number;
  readonly server: number;
  readonly after: number;
}

/**
 * Compares clocks. The difference counts only as far as the time of the answer cannot explain it.
 *
 * @param precisionMs how far the server's time may be from what it says
 */
export function compareClocks(
  name: string,
  { before, server, after }: Reading,
  { precisionMs, isRefused }: { readonly precisionMs: number; readonly isRefused: boolean },
): CheckResult {
  const ahead = before - (server + precisionMs);
  const behind = server - after;
  const offMs = Math.max(ahead, behind, 0);
  const seconds = Math.round(offMs / 1000);
  if (offMs < NOTICEABLE_MS) return ok(`This machine and ${name} agree.`);
  const detail = `This machine's clock is ${seconds} s ${ahead > behind ? 'ahead of' : 'behind'} ${name}.`;
  return isRefused && offMs >= REFUSED_MS
    ? failed(`${detail} AWS refuses requests that are five minutes off.`, SET_CLOCK)
    : warning(detail, SET_CLOCK);
}

/** Reads a clock of a server. */
async function read(clock: () => Promise<number>): Promise<Reading> {
  const before = Date.now();
  const server = await clock();
  return { before, server, after: Date.now() };
}

export const clockChecks: readonly CheckDefinition[] = [
  {
    id: 'clock-postgres',
    title: 'Clock of Postgres',
    examines: "this machine's clock against that of Postgres, which gives snapshots their times",
    isQuick: true,
    remedy: SET_CLOCK,
    examine: examinePostgres(async (session) => {
      const reading = await read(async () => (await readClock(session)).getTime());
      return [compareClocks('Postgres', reading, { precisionMs: 0, isRefused: false })];
    }),
  },
  {
    id: 'clock-redis',
    title: 'Clock of Redis',
    examines: "this machine's clock against that of Redis, which the buckets use",
    isQuick: true,
    remedy: SET_CLOCK,
    examine: examineRedis(async ({ client }) => {
      const reading = await read(async () => {
        const [seconds, microseconds] = await client.time();
        return Number(seconds) * 1000 + Number(microseconds) / 1000;
      });
      return [compareClocks('Redis', reading, { precisionMs: 0, isRefused: false })];
    }),
  },
];
