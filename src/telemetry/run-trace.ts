import { AsyncLocalStorage } from 'node:async_hooks';
import type * as Api from '@opentelemetry/api';
import { MirrorError } from '../model/errors.ts';
import type { AttemptReport, CallObserver } from './calls.ts';
import type { Phase } from './snapshot-progress.ts';
import type { RunEnd, RunTrace, SpanAttributes } from './tracing.ts';

/** What a walk did, counted while it is read. */
interface WalkCounts {
  pages: number;
  items: number;
  calls: number;
  throttled: number;
  /** Seconds that its calls waited for permits. */
  waited: number;
  attempt: number | null;
}

/** The codes of errors that end a walk's turn and do not count as failures. */
const NOT_FAILED = ['paused', 'interrupted', 'lease_lost'];

const PREFIX = 'cognito_mirror.';

/** The walk whose calls are made: it follows the calls through everything that waits. */
const WALKS = new AsyncLocalStorage<WalkCounts>();

/** Starts a span; the first of a run gets the ids of the run. */
export type StartSpan = (name: string, options: Api.SpanOptions, parent: Api.Context) => Api.Span;

interface RunTraceOptions {
  readonly api: typeof Api;
  readonly poolId: string;
  /** The context of the span over all. */
  readonly context: Api.Context;
  readonly startSpan: StartSpan;
  /** Starts the span over all, with its ids. */
  readonly startRoot: (startTime: number) => Api.Span;
}

/** A trace that is exported. */
export class ExportedRunTrace implements RunTrace {
  readonly #options: RunTraceOptions;

  constructor(options: RunTraceOptions) {
    this.#options = options;
  }

  async walk<T>(
    attributes: SpanAttributes,
    read: (attempt: (number: number) => void) => Promise<T>,
  ): Promise<T> {
    const span = this.#start('walk', attributes);
    const counts: WalkCounts = {
      pages: 0,
      items: 0,
      calls: 0,
      throttled: 0,
      waited: 0,
      attempt: null,
    };
    try {
      return await WALKS.run(counts, () =>
        read((number) => {
          counts.attempt = number;
          span.addEvent('restart');
        }),
      );
    } catch (error) {
      this.#markFailed(span, error);
      throw error;
    } finally {
      const { waited, attempt, ...rest } = counts;
      span.setAttributes(
        prefixed({
          ...rest,
          wait_seconds: Math.round(waited * 1000) / 1000,
          ...(attempt !== null && { attempt }),
        }),
      );
      span.end();
    }
  }

  recordPhase(phase: Phase, seconds: number): void {
    // Walks have spans of their own.
    if (phase === 'walk' || phase === 'done') return;
    const now = Date.now();
    this.#start(phase, {}, now - seconds * 1000).end(now);
  }

  observe<T extends CallObserver | undefined>(observer: T): CallObserver {
    return {
      recordAttempt(report: AttemptReport) {
        observer?.recordAttempt(report);
        const counts = WALKS.getStore();
        if (counts === undefined) return;
        counts.calls += 1;
        counts.waited += report.waitedSeconds;
        if (report.outcome === 'throttled') counts.throttled += 1;
      },
      recordPage(operation: string, items: number) {
        observer?.recordPage(operation, items);
        const counts = WALKS.getStore();
        if (counts === undefined) return;
        counts.pages += 1;
        counts.items += items;
      },
    };
  }

  end({ outcome, seconds, failure, attributes }: RunEnd): void {
    const { api, poolId, startRoot } = this.#options;
    const now = Date.now();
    const root = startRoot(now - seconds * 1000);
    root.setAttributes(prefixed({ pool: poolId, outcome, ...attributes }));
    if (failure !== null) {
      root.setStatus({ code: api.SpanStatusCode.ERROR, message: failure });
    }
    root.end(now);
  }

  #start(name: string, attributes: SpanAttributes, startTime = Date.now()): Api.Span {
    const { poolId, context, startSpan } = this.#options;
    const all = prefixed({ pool: poolId, ...attributes });
    return startSpan(name, { startTime, attributes: all }, context);
  }

  /** Texts of other programs' errors can quote anything, so only their name is used. */
  #markFailed(span: Api.Span, error: unknown): void {
    const { code, message } =
      error instanceof MirrorError
        ? error
        : { code: error instanceof Error ? error.name : 'unknown', message: 'unexpected' };
    span.setAttribute('error.type', code);
    if (NOT_FAILED.includes(code)) return;
    span.setStatus({ code: this.#options.api.SpanStatusCode.ERROR, message });
  }
}

function prefixed(attributes: SpanAttributes): SpanAttributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [PREFIX + name, value]),
  );
}
