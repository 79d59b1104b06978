import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { CliProcess } from '../support/cli.ts';
import type { CliMirror } from '../support/cli-mirror.ts';
import { everyKeyOf } from '../support/redis-keys.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import type { TestRedis } from '../support/redis-server.ts';
import type { Listener } from './listener.ts';
import type { Marks } from './marks.ts';

/** Everything that a mirror has written so far, by output channel. */
export class Outlets {
  readonly #seen = new Map<string, Set<string>>();

  note(outlet: string, text: string): void {
    const texts = this.#seen.get(outlet) ?? new Set();
    this.#seen.set(outlet, texts.add(text));
  }

  /** Records what a program writes, even if it fails. */
  async noteOutput({ result }: CliProcess): Promise<void> {
    const { stdout, stderr } = await result;
    this.note('standard output', stdout);
    this.note('standard error', stderr);
  }

  noteUrls(server: string, { heard }: Listener): void {
    this.note(`URLs of ${server}`, heard.join('\n'));
  }

  /** Records a server's answer with its headers. */
  async noteAnswer(url: string, headers: Record<string, string> = {}): Promise<number> {
    const answer = await fetch(url, { headers });
    const head = JSON.stringify([...answer.headers]);
    this.note('answers over HTTP', `${answer.status} ${head}\n${await answer.text()}`);
    return answer.status;
  }

  /** The channels that wrote something. */
  get names(): string[] {
    return [...this.#seen].filter(([, texts]) => [...texts].some(Boolean)).map(([name]) => name);
  }

  /** Every kind of mark that was found, with its channel and line. */
  find(marks: Marks): string[] {
    return [...this.#seen].flatMap(([outlet, texts]) => {
      const lines = [...texts].flatMap((text) => text.split('\n'));
      const found = lines.flatMap((line) =>
        marks.in(line).map((kind) => `${outlet}: ${kind} in ${line.slice(0, 500)}`),
      );
      return [...new Set(found)];
    });
  }
}

/** Columns of the machinery's tables that hold people's data, as what they are for. */
const DATA = ['username', 'sub', 'group_name', 'token', 'attributes', 'description'];

/** Records the rows about runs, without the columns that hold people's data. */
export async function noteDatabase(outlets: Outlets, mirror: CliMirror): Promise<void> {
  const tables = await mirror.rows<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname = 'mirror' UNION ALL SELECT 'directory.snapshots'`,
  );
  for (const { name } of tables) {
    const found = await mirror
      .rows<{ row: unknown }>(`SELECT to_jsonb(t) - $1::text[] AS row FROM ${name} AS t`, [DATA])
      .catch(ignoreDropped);
    for (const { row } of found) outlets.note('tables of the machinery', JSON.stringify(row));
  }
}

/** A stage may be dropped in between. */
function ignoreDropped(error: { code?: string }): [] {
  if (error.code !== '42P01') throw error;
  return [];
}

/** Notes the command lines and titles of all processes, until the function that it gives is called. */
export function noteProcesses(outlets: Outlets, except: readonly number[]): () => Promise<void> {
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      for (const name of await readdir('/proc')) {
        if (!/^\d+$/.test(name) || except.includes(Number(name))) continue;
        for (const file of ['cmdline', 'comm']) {
          // A process may end in between.
          const text = await readFile(join('/proc', name, file), 'utf8').catch(() => '');
          outlets.note('processes', text.replaceAll('\0', ' '));
        }
      }
      await sleep(500, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return () => {
    stop.abort();
    return watching;
  };
}

/** Notes every command that reaches a Redis, and at the end every key with its value. */
export async function noteRedis(
  outlets: Outlets,
  { url }: TestRedis,
): Promise<() => Promise<void>> {
  const redis = new Redis(url);
  const stop = await monitorRedis(url, (words) =>
    outlets.note('commands to Redis', JSON.stringify(words)),
  );
  return async () => {
    await stop();
    for (const text of await everyKeyOf(redis)) outlets.note('keys of Redis', text);
    redis.disconnect();
  };
}
