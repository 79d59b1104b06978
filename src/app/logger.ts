import { LOG_LEVELS, type LogLevel } from '../config/config.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';

/** What a mirror logs to: any logger with these methods, such as pino's. */
export interface MirrorLogger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** The program's logger for what a caller gave: every line passes the redaction. */
export function openLogger(logger: MirrorLogger | LogLevel | undefined): Logger {
  if (logger === undefined) return createLogger({ level: 'silent' });
  if (typeof logger === 'string') return createLogger({ level: logger });
  return createLogger({
    level: readLevel(logger),
    destination: {
      write(line) {
        const { level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
        // The caller's logger adds its own time.
        delete fields['time'];
        logger[toMethod(level)](fields, typeof msg === 'string' ? msg : '');
      },
    },
  });
}

/** A logger such as pino's has a level, and receives no line below it. */
function readLevel(logger: MirrorLogger & { readonly level?: unknown }): LogLevel {
  return LOG_LEVELS.find((level) => level === logger.level) ?? 'info';
}

function toMethod(level: unknown): keyof MirrorLogger {
  switch (level) {
    case 'trace':
    case 'debug':
      return 'debug';
    case 'info':
    case 'warn':
      return level;
    default:
      return 'error';
  }
}
