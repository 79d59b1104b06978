import type { CallObserver } from './calls.ts';
import type { Phase } from './snapshot-progress.ts';

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** True if the standard variables of OpenTelemetry ask for traces. */
export function asksForTraces(env: Variables): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim();
  if (exporter) return exporter !== 'none';
  return Boolean(
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() || env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim(),
  );
}

/** The attributes of a span. None is personal data: no user, no name of a group, no token. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** How a run ended. */
export interface RunEnd {
  readonly outcome: string;
  /** How long it took. */
  readonly seconds: number;
  /** Why it failed, in a text that may be logged; else null. */
  readonly failure: string | null;
  readonly attributes: SpanAttributes;
}

/** The trace of one run on a pool's snapshot: one span over all, below it a span for each phase and walk. */
export interface RunTrace {
  /** Traces a walk, with the calls that `read` makes. It calls `attempt` at each restart. */
  walk<T>(
    attributes: SpanAttributes,
    read: (attempt: (number: number) => void) => Promise<T>,
  ): Promise<T>;
  /** Adds a phase that ended just now. */
  recordPhase(phase: Phase, seconds: number): void;
  /** Also counts calls for the walk that makes them. */
  observe<T extends CallObserver | undefined>(observer: T): T | CallObserver;
  /** Ends the trace. Only the process that ends the run calls it. */
  end(ended: RunEnd): void;
}

/** Exports traces. */
export interface Tracing {
  /** Begins the trace of a run in this process; below the active span of the program, if there is one. */
  begin(poolId: string): RunTrace;
  /** The trace of a run that several processes work on. All that name the same key add to one trace. */
  join(poolId: string, key: string): RunTrace;
  /** Sends what is left, for at most a second. */
  close(): Promise<void>;
}

/** The trace of a run while traces are off: it does nothing. */
export const NO_TRACE: RunTrace = {
  walk: (_, read) => read(() => {}),
  recordPhase() {},
  observe: (observer) => observer,
  end() {},
};
