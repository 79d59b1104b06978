import { setTimeout as delay } from 'node:timers/promises';
import { ResumableError } from '../model/errors.ts';
import type { Destination } from './destination.ts';

/** A response can break off; a command that reads for hours should not fail for that. */
const ATTEMPTS = 4;
const WAIT_MS = 500;

/**
 * Reads something, and reads it again if that failed with an error that may pass.
 *
 * @throws the last ResumableError, or any other error at once
 */
export async function retryReading<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ResumableError) || attempt === ATTEMPTS) throw error;
      await delay(WAIT_MS * attempt, undefined, { signal });
    }
  }
}

/**
 * The chunks of an object's stream.
 *
 * @throws ResumableError if it breaks off
 */
export async function* readChunks(
  stream: AsyncIterable<Buffer>,
  { url }: Destination,
  key: string,
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    throw new ResumableError(
      `${url}: reading ${key} failed before its end. Run the command again.`,
      { cause },
    );
  }
}
