import { formatBytes } from '../common/format.ts';
import { redactUrl } from '../common/redact-url.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { requireUsableRedis } from '../redis/require-usable.ts';
import { parseInfo } from '../redis/server-info.ts';
import { type CheckDefinition, examineRedis, ok, warning } from './check.ts';

const REACH = 'Check that the server runs and that this machine can reach it.';

/** The keys of the queue on trial. A user's rights are by the first part. */
const TRIAL_PREFIX = '{cognito-mirror:doctor}';

/** Above this share of `maxmemory`, a burst of jobs may not fit. */
const FULL = 0.8;

const connectionCheck: CheckDefinition = {
  id: 'redis',
  title: 'Redis',
  examines: 'whether Redis or Valkey can be reached and used: kind, version, mode, role',
  isQuick: true,
  remedy: REACH,
  examine: async ({ config: { redisUrl }, isUsable, openRedis }) => {
    if (!isUsable('REDIS_URL')) return [];
    if (redisUrl === null) return [ok('Not set. `sync` works without it, and workers need it.')];
    const info = await readInfo(await openRedis(redisUrl), 'server');
    const valkey = info.get('valkey_version');
    const server = valkey ? `Valkey ${valkey}` : `Redis ${info.get('redis_version')}`;
    return [ok(`${server}, standalone (${redactUrl(redisUrl)}).`)];
  },
};

const evictionCheck: CheckDefinition = {
  id: 'redis-eviction',
  title: 'Redis eviction',
  examines: 'whether Redis keeps all jobs when its memory is full',
  isQuick: true,
  remedy: REACH,
  examine: examineRedis(async (redis) => {
    await requireUsableRedis(redis);
    return [ok('It drops no jobs when its memory is full, or does not say what it does.')];
  }),
};

const rightsCheck: CheckDefinition = {
  id: 'redis-rights',
  title: 'Redis rights',
  examines:
    'every command of buckets and queues, by a permit and a job on trial; keys and channels too',
  isQuick: false,
  remedy: REACH,
  examine: examineRedis(async (redis) => {
    const [{ assertLimiterUsable }, { assertQueuesUsable }] = await Promise.all([
      import('../quota/clustered/require-usable.ts'),
      import('../runner/worker/check-redis.ts'),
    ]);
    await assertLimiterUsable(redis);
    await assertQueuesUsable(redis, TRIAL_PREFIX);
    return [ok('Every command of a worker is allowed.')];
  }),
};

const memoryCheck: CheckDefinition = {
  id: 'redis-memory',
  title: 'Redis memory',
  examines: 'how much of `maxmemory` is used',
  isQuick: true,
  remedy: REACH,
  examine: examineRedis(async (redis) => {
    const info = await readInfo(redis, 'memory');
    const used = Number(info.get('used_memory') ?? 0);
    const most = Number(info.get('maxmemory') ?? 0);
    if (most === 0) return [ok(`${formatBytes(used)} used, without a limit.`)];
    const detail = `${formatBytes(used)} of ${formatBytes(most)} used.`;
    if (used <= FULL * most) return [ok(detail)];
    const remedy = `Raise the limit: \`CONFIG SET maxmemory ${2 * most}\`, and in its configuration file. Or delete data of other programs.`;
    return [warning(`${detail} When it is full, jobs wait.`, remedy)];
  }),
};

const persistenceCheck: CheckDefinition = {
  id: 'redis-persistence',
  title: 'Redis persistence',
  examines:
    'whether Redis could write its data to disk. None is needed: Postgres has every request',
  isQuick: true,
  remedy: REACH,
  examine: examineRedis(async (redis) => {
    const info = await readInfo(redis, 'persistence');
    const failing = [
      'rdb_last_bgsave_status',
      'aof_last_write_status',
      'aof_last_bgrewrite_status',
    ].filter((name) => info.get(name) === 'err');
    if (failing.length === 0) return [ok('No write to its disk failed.')];
    return [
      warning(
        `It could not write its data to disk (${failing.join(', ')}), and may refuse writes.`,
        'Free space on its disk and look at its log; `redis-cli INFO persistence` shows the state.',
      ),
    ];
  }),
};

export const redisChecks: readonly CheckDefinition[] = [
  connectionCheck,
  evictionCheck,
  rightsCheck,
  memoryCheck,
  persistenceCheck,
];

async function readInfo(
  { client }: RedisConnection,
  section: string,
): Promise<ReadonlyMap<string, string>> {
  return parseInfo(await client.info(section));
}
