import type { Moment } from '../../model/history.ts';
import type { StateDataset } from '../../model/snapshot.ts';
import type { SealedSnapshot } from '../sealed-snapshot.ts';
import type { AnswerDatabase, Statements } from './database.ts';
import { type HeldParts, hasSameParts, type PartFiles } from './part-files.ts';

/** The archive of one pool, opened for questions. */
export interface ArchiveContext {
  readonly poolId: string;
  readonly url: string;
  /** Every sealed snapshot, oldest first. */
  readonly sealed: readonly SealedSnapshot[];
  /** Those whose objects are there, oldest first. */
  readonly snapshots: readonly SealedSnapshot[];
  readonly parts: PartFiles;
  readonly database: AnswerDatabase;
}

/** The place of a snapshot among those that are there. The caller got the moment from this archive. */
export function positionOf({ snapshots }: ArchiveContext, { snapshot }: Moment): number {
  const position = snapshots.findIndex((each) => each.snapshot === snapshot);
  if (position < 0) throw new Error(`The archive has no snapshot ${snapshot}.`);
  return position;
}

/** A connection, with the parts that its statements read. */
export class Reading {
  readonly statements: Statements;
  readonly #context: ArchiveContext;
  readonly #held: HeldParts[] = [];

  private constructor(context: ArchiveContext, statements: Statements) {
    this.#context = context;
    this.statements = statements;
  }

  static async open(context: ArchiveContext): Promise<Reading> {
    return new Reading(context, await context.database.connect());
  }

  /** The parts of a dataset at a position, until the reading is closed. */
  async hold(position: number, dataset: StateDataset): Promise<HeldParts> {
    const held = await this.#context.parts.hold(this.#snapshot(position), dataset);
    this.#held.push(held);
    return held;
  }

  /** Runs `work` with the table of a dataset at a position. */
  async using<T>(
    position: number,
    dataset: StateDataset,
    work: (table: string) => Promise<T>,
  ): Promise<T> {
    const held = await this.#context.parts.hold(this.#snapshot(position), dataset);
    try {
      return await work(held.table);
    } finally {
      held.release();
    }
  }

  /**
   * The rows that a statement gives in each snapshot, oldest first. Snapshots with the same parts are
   * read once.
   *
   * @param select makes the statement from the table of the dataset
   */
  async *walk<Row>(
    dataset: StateDataset,
    select: (table: string) => string,
    values: string[] = [],
  ): AsyncIterable<{ readonly at: Date; readonly rows: readonly Row[] }> {
    let rows: Row[] = [];
    for (const [position, { snapshotAt }] of this.#context.snapshots.entries()) {
      if (position === 0 || !this.isSame(position - 1, dataset)) {
        rows = await this.using(position, dataset, (table) =>
          this.statements.rows<Row>(select(table), values),
        );
      }
      yield { at: snapshotAt, rows };
    }
  }

  /** True if the snapshot after this position has the same rows. */
  isSame(position: number, dataset: StateDataset): boolean {
    return hasSameParts(this.#snapshot(position), this.#snapshot(position + 1), dataset);
  }

  close(): void {
    for (const held of this.#held) held.release();
    this.statements.close();
  }

  #snapshot(position: number): SealedSnapshot {
    return this.#context.snapshots[position] as SealedSnapshot;
  }
}

/** Runs `work` with a reading, and closes it. */
export async function withReading<T>(
  context: ArchiveContext,
  work: (reading: Reading) => Promise<T>,
): Promise<T> {
  const reading = await Reading.open(context);
  try {
    return await work(reading);
  } finally {
    reading.close();
  }
}
