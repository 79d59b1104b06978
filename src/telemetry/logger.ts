import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { printable, printableJson } from '../common/printable.ts';
import type { LogLevel } from '../config/config.ts';
import { describeError, redact } from './redaction.ts';

export type { Logger };

/**
 * The logger of the snapshot or walk for which code runs that is shared by many, such as a client of the
 * service. Its lines carry the pool, the snapshot and the walk.
 */
export const LOG_SCOPE = new AsyncLocalStorage<Logger>();

/** Receives log lines. A terminal gets readable lines instead of JSON. */
interface LogDestination extends DestinationStream {
  readonly isTTY?: boolean;
}

interface LoggerOptions {
  readonly level: LogLevel;
  /** Default: standard error. */
  readonly destination?: LogDestination;
}

/** Creates a logger that writes redacted JSON lines, or readable lines to a terminal. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    redactLines(destination),
  );
}

/** Redacts whole lines, so that messages, fields and bound fields are all covered. */
function redactLines(destination: LogDestination | undefined): DestinationStream {
  const stream = destination ?? openStandardError();
  return {
    write(line) {
      const fields = redact(JSON.parse(line)) as Record<string, unknown>;
      stream.write(stream.isTTY ? formatReadable(fields) : `${printableJson(fields)}\n`);
    },
  };
}

/**
 * Both streams write synchronously, so that no line is lost if a signal ends the process. A terminal
 * is written through its stream, so that a live display can make room for the line.
 */
function openStandardError(): LogDestination {
  return process.stderr.isTTY ? process.stderr : { write: writeStandardError };
}

/** The pause before another attempt to write to a full, non-blocking pipe. */
const FULL_PIPE_MS = 10;

/** Drops a line that cannot be written: a full disk under the log must not stop the work. */
function writeStandardError(line: string): void {
  let rest = Buffer.from(line);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(2, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
}

/** Formats a log line's fields for people: `02:00:01 warn  message key=value …`. */
function formatReadable(line: Record<string, unknown>): string {
  const { time, level, msg, ...fields } = line;
  const words = [
    String(time).slice(11, 19),
    String(level).padEnd(5),
    ...(typeof msg === 'string' ? [msg] : []),
    ...Object.entries(fields).map(([key, value]) => `${key}=${formatValue(value)}`),
  ];
  return `${printable(words.join(' '))}\n`;
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (isError(value)) return JSON.stringify(`${value.name}: ${value.message}`);
  return JSON.stringify(value);
}

function isError(value: unknown): value is { name: string; message: string } {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}
