import scripts from 'bottleneck/lib/Scripts.js';

/**
 * What is changed in Bottleneck's scripts, each piece of text found exactly once. They are of
 * version 2.19.5, which package.json pins; with another text the change fails at the start.
 */
const IN_EVERY_SCRIPT = [
  {
    // The caller's own clock: after one that is an hour ahead, a right one would wait an hour.
    from: 'local now = tonumber(ARGV[1])',
    to: `local time = redis.call('time')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000`,
  },
];
const IN_REGISTER = [
  {
    // The next slot is at most as far off as there are clients, each with one wait. Further off,
    // Redis's own clock was set back, as it is where another machine takes over. A second more
    // leaves room for slots given out at an earlier, slower pace.
    from: 'local wait = math.max(nextRequest - now, 0)',
    to: `local clients = redis.call('zcard', client_last_seen_key)
local furthest = minTime * (clients + 1) + 1000
local wait = math.max(math.min(nextRequest - now, furthest), 0)`,
  },
  // Redis cuts fractions off an answer, so that turns would come early.
  { from: 'return {true, wait, reservoir}', to: 'return {true, math.ceil(wait), reservoir}' },
  // PEXPIRE takes whole milliseconds alone.
  {
    from: 'local ttl = (nextRequest + groupTimeout) - now',
    to: 'local ttl = math.ceil((nextRequest + groupTimeout) - now)',
  },
];

/** Bottleneck's scripts by name, on Redis's clock. */
export function clusterScripts(): ReadonlyMap<string, string> {
  return new Map(
    scripts.names.map((name) => {
      const changes = name === 'register' ? [...IN_EVERY_SCRIPT, ...IN_REGISTER] : IN_EVERY_SCRIPT;
      return [name, changes.reduce(change, scripts.payload(name))];
    }),
  );
}

function change(text: string, { from, to }: { from: string; to: string }): string {
  const [before, after, ...more] = text.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`Bottleneck's scripts are others than expected: not once \`${from}\`.`);
  }
  return before + to + after;
}
