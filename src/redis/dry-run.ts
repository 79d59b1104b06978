import type { Redis } from 'ioredis';
import { explain, type RedisProblem } from './redis-errors.ts';

/** A command with harmless arguments: `['HSET', key, 'field', 'value']`. */
export type Command = readonly [name: string, ...args: (string | number)[]];

/**
 * Has Redis check commands without running them: within MULTI it checks name, rights, keys,
 * channels and memory of each, and DISCARD then drops them all. So it costs no write.
 *
 * @returns what Redis refuses, with the names of all commands that it refuses for that reason.
 */
export async function dryRun(
  client: Redis,
  commands: readonly Command[],
  user: string,
): Promise<RedisProblem | null> {
  // In one go: no other command of this client may come in between.
  const sent = [['MULTI'] as Command, ...commands, ['DISCARD'] as Command];
  const answers = await Promise.allSettled(
    sent.map(([name, ...args]) => client.call(name, ...args)),
  );
  const refused = answers.flatMap((answer, index) =>
    answer.status === 'rejected'
      ? [{ name: sent[index]?.[0] ?? '', error: answer.reason as Error }]
      : [],
  );
  const [first] = refused;
  if (first === undefined) return null;
  const alike = refused.filter(({ error }) => reasonOf(error) === reasonOf(first.error));
  const names = [...new Set(alike.map(({ name }) => name))];
  return explain(first.error, { user, commands: names });
}

/** Messages that differ in the command alone have one reason. */
function reasonOf({ message }: Error): string {
  return message.replaceAll(/['`].*/gs, '');
}
