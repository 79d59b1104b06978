import type { Redis } from 'ioredis';

/**
 * Reserves the next permit of a bucket, and gives the milliseconds until it is due. Permits are
 * `minTime` apart on Redis's own clock, so the callers' clocks do not matter. Redis keeps `minTime`:
 * a limiter's first call sets it for all processes.
 */
export const RESERVE_PERMIT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local kept = redis.call('HMGET', KEYS[1], 'minTime', 'next', 'at')
local minTime = tonumber(ARGV[1])
if ARGV[3] == '0' and kept[1] then minTime = tonumber(kept[1]) end
local next = tonumber(kept[2] or now)
local at = tonumber(kept[3] or now)
-- Redis's clock was set back, as it can be when a replica takes over.
if at > now then next = next - (at - now) end
local due = math.max(next, now)
redis.call('HSET', KEYS[1], 'minTime', minTime, 'next', due + minTime, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(due - now) + ARGV[2])
-- Redis cuts fractions off a reply, which would make permits early.
return math.ceil(due - now)
`;

/** How long Redis keeps a bucket after its last use. */
const KEPT_MS = 600_000;

interface PermitCommands {
  reservePermit(key: string, minTime: number, keptMs: number, isFirst: 0 | 1): Promise<number>;
}

/** Adds the script to a client. ioredis loads it again after Redis has lost it. */
export function definePermitScript(client: Redis): Redis & PermitCommands {
  client.defineCommand('reservePermit', { numberOfKeys: 1, lua: RESERVE_PERMIT });
  return client as Redis & PermitCommands;
}

/** A permit that Redis has reserved. */
interface Reservation {
  /** Milliseconds from the answer until the permit is due; never too short. */
  readonly waitMs: number;
  /** When it is due by `performance.now()`; the base for "too late". */
  readonly dueAt: number;
}

/** Reserves the permits of one bucket for this process. */
export class PermitReserver {
  readonly #client: PermitCommands;
  readonly #key: string;
  readonly #minTime: number;
  readonly #times = new PermitTimes();
  #isFirst = true;

  constructor(client: PermitCommands, key: string, minTime: number) {
    this.#client = client;
    this.#key = key;
    this.#minTime = minTime;
  }

  /** While Redis is down this waits. Rejects if Redis refuses the script. */
  async reserve(): Promise<Reservation> {
    const sentAt = performance.now();
    const isFirst = this.#isFirst ? 1 : 0;
    const waitMs = await this.#client.reservePermit(this.#key, this.#minTime, KEPT_MS, isFirst);
    this.#isFirst = false;
    const dueAt = this.#times.compute({ sentAt, answeredAt: performance.now(), waitMs });
    return { waitMs, dueAt };
  }

  /** True if a permit that was due at `dueAt` may still be used. */
  isInTime(dueAt: number): boolean {
    return performance.now() - dueAt <= LATEST * this.#minTime;
  }
}

/** How many round trips to remember. */
const ROUND_TRIPS = 16;

/**
 * Computes when permits are due on this process's clock, in milliseconds. Redis counts the wait from
 * the moment its script ran, between request and answer. A late answer must not make the permit
 * late, so that moment is estimated as the request plus the shortest of the last round trips.
 */
export class PermitTimes {
  readonly #roundTrips: number[] = [];

  compute(permit: { sentAt: number; answeredAt: number; waitMs: number }): number {
    this.#roundTrips.push(permit.answeredAt - permit.sentAt);
    if (this.#roundTrips.length > ROUND_TRIPS) this.#roundTrips.shift();
    return permit.sentAt + Math.min(...this.#roundTrips) + permit.waitMs;
  }
}

/**
 * How late a permit may be used, as a part of `minTime`. Permits in Redis are at least `minTime`
 * apart. One is used from 1 ms before it is due (a timer's error) to this part of `minTime` after,
 * plus the network's round trip r. So the permits used in a sliding second are due within
 * 1 s + LATEST × minTime + r + 1 ms, which are at most
 * ⌊1 s / minTime + LATEST + (r + 1 ms) / minTime⌋ + 1. With the `minTime` of `computePace` that is
 * at most ⌈rate⌉ + 1 while LATEST × minTime + r + 1 ms is below (⌈rate⌉ + 1) × minTime - 1 s, which
 * is 63 ms at 24 a second. The rest (about 36 ms) is for the way to the service. A smaller part would
 * discard more permits on a busy machine.
 */
export const LATEST = 0.6;
