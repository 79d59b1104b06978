/** The receipt of an erasure: proof of what was done, without personal data. */
export interface ErasureReceipt {
  readonly program: string;
  readonly id: string;
  readonly poolId: string;
  readonly beganAt: Date;
  readonly erasedAt: Date;
  /** For each person, the keyed hash of the `sub`; null without MIRROR_HASH_KEY. */
  readonly persons: readonly (string | null)[];
  /** True if later snapshots leave the persons out. */
  readonly suppress: boolean;
  readonly reason: string | null;
  /** Deleted rows by table. */
  readonly database: Readonly<Record<string, number>>;
  /** The snapshots that were revised. */
  readonly archive: readonly object[];
  /** Objects that Object Lock keeps, with the date. */
  readonly waiting: readonly object[];
}

/** What an erasure cannot reach: a person must see to it. */
export const OUT_OF_REACH = [
  'backups and dumps of the database',
  'replicas and their files',
  'the WAL, and archived WAL',
  'copies of the archive, and exported files such as access reviews and reports',
  'restored sessions of other programs, and their logs',
] as const;

/** Formats a receipt. The same content gives the same bytes. */
export function formatErasureReceipt(receipt: ErasureReceipt): Buffer {
  const document = {
    version: 1,
    kind: 'erasure',
    program: receipt.program,
    id: receipt.id,
    poolId: receipt.poolId,
    beganAt: receipt.beganAt.toISOString(),
    erasedAt: receipt.erasedAt.toISOString(),
    persons: receipt.persons,
    suppress: receipt.suppress,
    reason: receipt.reason,
    database: receipt.database,
    archive: receipt.archive,
    waiting: receipt.waiting,
    outOfReach: OUT_OF_REACH,
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}
