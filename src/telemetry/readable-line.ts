import { printable } from './printable.ts';

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
