import type { Redis } from 'ioredis';
import { explainRedisError, type RedisProblem } from './redis-errors.ts';

/** A command with harmless arguments: `['HSET', key, 'field', 'value']`. */
export type Command = readonly [name: string, ...args: (string | number)[]];

/**
 * Lets Redis check commands without executing them: within MULTI it checks the name, rights, keys,
 * channels and memory of each, and DISCARD drops them. Nothing is written.
 *
 * @returns the first refusal, with all commands refused for the same reason. Null if all are allowed.
 */
export async function dryRun(
  client: Redis,
  commands: readonly Command[],
  user: string,
): Promise<RedisProblem | null> {
  // Sent together, so that no other command of this client gets between them.
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
  const reason = extractReason(first.error);
  const alike = refused.filter(({ error }) => extractReason(error) === reason);
  const names = [...new Set(alike.map(({ name }) => name))];
  return explainRedisError(first.error, { user, commands: names });
}

/** Messages that differ only in the command have the same reason. */
function extractReason({ message }: Error): string {
  return message.replaceAll(/['`].*/gs, '');
}
