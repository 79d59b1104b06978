import { writeSync } from 'node:fs';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { printable, printableJson } from '../common/printable.ts';
import type { LogLevel } from '../config/config.ts';
import { describeError, redact } from './redaction.ts';

export type { Logger };

/** Where log lines go; a terminal gets lines for people. */
export interface LogDestination extends DestinationStream {
  readonly isTTY?: boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard error, if left out. */
  readonly destination?: LogDestination;
}

/** A logger of JSON lines, or of readable ones where they go to a terminal; both pass the redaction. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    throughRedaction(destination),
  );
}

/** Redacts whole lines, as nothing gets round that: messages, fields and bound fields alike. */
function throughRedaction(destination: LogDestination | undefined): DestinationStream {
  const stream = destination ?? standardError();
  return {
    write(line) {
      const fields = redact(JSON.parse(line)) as Record<string, unknown>;
      stream.write(stream.isTTY ? readableLine(fields) : `${printableJson(fields)}\n`);
    },
  };
}

/**
 * Both write at once, so that no line is lost where the process ends by a signal; a terminal is
 * written through its stream, where a live display can make way for the line.
 */
function standardError(): LogDestination {
  return process.stderr.isTTY ? process.stderr : { write: writeStandardError };
}

/** How long a writer pauses whose reader is slow and whose descriptor does not block. */
const FULL_PIPE_MS = 10;

/** Drops what cannot be written: a full disk under the log must not end the work. */
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

/** Turns a log line's fields into a line for people: `02:00:01 warn  message key=value …`. */
export function readableLine(line: Record<string, unknown>): string {
  const { time, level, msg, ...fields } = line;
  const words = [
    String(time).slice(11, 19),
    String(level).padEnd(5),
    ...(typeof msg === 'string' ? [msg] : []),
    ...Object.entries(fields).map(([key, value]) => `${key}=${readableValue(value)}`),
  ];
  return `${printable(words.join(' '))}\n`;
}

function readableValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (isError(value)) return JSON.stringify(`${value.name}: ${value.message}`);
  return JSON.stringify(value);
}

function isError(value: unknown): value is { name: string; message: string } {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}
