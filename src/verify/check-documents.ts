import { createHash } from 'node:crypto';
import { type DocumentLink, parseRemoval, parseRevision } from '../archive/amendments.ts';
import type { Destination } from '../archive/destination.ts';
import { OversizeError } from '../archive/errors.ts';
import {
  isPartBelow,
  isPartOf,
  manifestKey,
  partsPrefix,
  removalKey,
  revisionKey,
} from '../archive/layout.ts';
import {
  type ManifestObject,
  type ParsedManifest,
  parseManifest,
  type Unreadable,
} from '../archive/manifest.ts';
import { readWhole } from '../archive/read-object.ts';
import type { ChangeCounts } from '../model/change-counts.ts';
import { type ArchivedCounts, DATASETS } from '../model/snapshot.ts';
import { sumChanges } from './check-changes.ts';
import type { SignatureChecker } from './check-signature.ts';
import type { Finding, FindingCode } from './findings.ts';
import type { ListedSnapshot } from './list-archive.ts';

/** What the documents of one snapshot say, as far as they can be trusted. Revisions keep its columns. */
export interface SnapshotDocuments {
  readonly snapshot: string;
  /** Null if the manifest is missing. */
  readonly manifestSha256: string | null;
  /** Null if the manifest is missing or cannot be read. */
  readonly manifest: ParsedManifest | null;
  /** True if the manifest has a signature, sound or not. */
  readonly isSigned: boolean;
  /** The rows of each dataset, by the newest document that can be trusted; null without one. */
  readonly counts: ArchivedCounts | null;
  /** The changes since the snapshot before, by the same document; null if it has none. */
  readonly changes: ChangeCounts | null;
  /** The objects that must be there now. */
  readonly objects: readonly ManifestObject[];
  /** The keys of every object that the manifest or a revision named, also of those replaced since. */
  readonly named: readonly string[];
  /** The keys that a removal says were deleted; null without a removal that can be trusted. */
  readonly removed: ReadonlySet<string> | null;
  /** The newest of manifest and revisions, which an amendment would follow; null without any. */
  readonly newest: DocumentLink | null;
  /** The keys of the documents and their signatures that belong to the snapshot. */
  readonly keys: readonly string[];
  /** How many documents were read. */
  readonly documents: number;
  readonly findings: readonly Finding[];
}

export interface DocumentContext {
  readonly destination: Destination;
  readonly poolId: string;
  readonly signatures: SignatureChecker;
  /** Decides if documents must be signed: true from the first signed manifest on. */
  readonly needsSignature: boolean;
  readonly signal: AbortSignal;
}

/** Reads and checks the manifest of a snapshot, then its revisions and its removal. */
export async function checkDocuments(
  context: DocumentContext,
  listed: ListedSnapshot,
): Promise<SnapshotDocuments> {
  const check = new DocumentCheck(context, listed.snapshot);
  await check.readManifest(listed.hasManifest);
  await check.readRevisions(listed.revisions);
  if (listed.hasRemoval) await check.readRemoval();
  return check.result();
}

type Document = { readonly poolId: string; readonly snapshot: string };

class DocumentCheck {
  readonly #context: DocumentContext;
  readonly #snapshot: string;
  readonly #findings: Finding[] = [];
  readonly #keys: string[] = [];
  #manifest: ParsedManifest | null = null;
  #manifestSha256: string | null = null;
  #isSigned = false;
  #counts: ArchivedCounts | null = null;
  #changes: ChangeCounts | null = null;
  #objects: readonly ManifestObject[] = [];
  readonly #named = new Set<string>();
  #removed: ReadonlySet<string> | null = null;
  #newest: DocumentLink | null = null;
  #documents = 0;

  constructor(context: DocumentContext, snapshot: string) {
    this.#context = context;
    this.#snapshot = snapshot;
  }

  async readManifest(isListed: boolean): Promise<void> {
    const { poolId } = this.#context;
    const key = manifestKey(poolId, this.#snapshot);
    if (!isListed) {
      this.#keys.push(key, `${key}.sig`);
      this.#add('missing', key, 'Other documents of the snapshot are there, but not its manifest.');
      return;
    }
    const read = await this.#read(key, parseManifest, (manifest) => manifest.publishedAt);
    if (read === null) return;
    this.#manifestSha256 = read.sha256;
    this.#manifest = read.document;
    this.#isSigned = read.isSigned;
    if (read.document !== null) this.#accept(key, read.sha256, read.document);
  }

  async readRevisions(numbers: readonly number[]): Promise<void> {
    const { poolId } = this.#context;
    for (let number = 1; number <= Math.max(0, ...numbers); number += 1) {
      const key = revisionKey(poolId, this.#snapshot, number);
      if (!numbers.includes(number)) {
        this.#add('missing', key, 'A later revision is there, but not this one.');
        continue;
      }
      const read = await this.#read(key, parseRevision, (revision) => revision.revisedAt);
      if (!read?.isTrusted || read.document === null) continue;
      if (read.document.revision !== number) {
        this.#add('altered', key, `It says that it is revision ${read.document.revision}.`);
      } else if (this.#follows(key, read.document.follows)) {
        this.#accept(key, read.sha256, read.document);
      }
    }
  }

  async readRemoval(): Promise<void> {
    const key = removalKey(this.#context.poolId, this.#snapshot);
    const read = await this.#read(key, parseRemoval, (removal) => removal.removedAt);
    if (!read?.isTrusted || read.document === null) return;
    if (!this.#follows(key, read.document.follows)) return;
    const { objects } = read.document;
    const { poolId } = this.#context;
    if (!this.#areOwn(key, objects, (each) => isPartOf(poolId, this.#snapshot, each))) return;
    const removed = new Set(objects);
    this.#removed = removed;
    this.#objects = this.#objects.filter((object) => !removed.has(object.key));
  }

  result(): SnapshotDocuments {
    return {
      snapshot: this.#snapshot,
      manifestSha256: this.#manifestSha256,
      manifest: this.#manifest,
      isSigned: this.#isSigned,
      counts: this.#counts,
      changes: this.#changes,
      objects: this.#objects,
      named: [...this.#named],
      removed: this.#removed,
      newest: this.#newest,
      keys: this.#keys,
      documents: this.#documents,
      findings: this.#findings,
    };
  }

  #add(code: FindingCode, key: string, detail: string): void {
    this.#findings.push({ code, key, snapshot: this.#snapshot, detail });
  }

  /**
   * Reads a document and checks its signature and that it is about this snapshot.
   *
   * @returns null if it was deleted since the listing; its content is null if it cannot be used.
   */
  async #read<T extends Document>(
    key: string,
    parse: (bytes: Buffer) => T | Unreadable,
    signedAt: (document: T) => string,
  ): Promise<ReadDocument<T> | null> {
    const { destination, poolId, signatures, signal } = this.#context;
    this.#keys.push(key, `${key}.sig`);
    const bytes = await readWhole(destination, key, signal).catch((error: unknown) => {
      if (error instanceof OversizeError) return error;
      throw error;
    });
    if (bytes instanceof OversizeError) {
      this.#add('altered', key, 'It is too large for a document.');
      return null;
    }
    if (bytes === null) {
      this.#add('missing', key, 'It was deleted during the check.');
      return null;
    }
    this.#documents += 1;
    const parsed = parse(bytes);
    const isReadable = !('problem' in parsed);
    const isOwn = isReadable && parsed.poolId === poolId && parsed.snapshot === this.#snapshot;
    if (!isReadable) this.#add('altered', key, `It cannot be read: ${parsed.problem}.`);
    else if (!isOwn) {
      this.#add('altered', key, `It is a document of ${parsed.poolId}/${parsed.snapshot}.`);
    }
    const at = isOwn ? new Date(signedAt(parsed)) : null;
    const signature = await signatures.check({ key, bytes, at }, signal);
    if (signature.state === 'wrong') {
      this.#add(signature.code, key, `Its signature: ${signature.detail}`);
    }
    const isMissing = signature.state === 'unsigned' && this.#needsSignature();
    if (isMissing) this.#add('unsigned', key, `${key}.sig is missing.`);
    return {
      document: isOwn ? parsed : null,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      isSigned: signature.state !== 'unsigned',
      isTrusted: signature.state === 'signed' || (signature.state === 'unsigned' && !isMissing),
    };
  }

  /** The documents beside a signed manifest must be signed too. */
  #needsSignature(): boolean {
    return this.#context.needsSignature || this.#isSigned;
  }

  /** Requires that a document names only objects of its snapshot. */
  #areOwn(key: string, objects: readonly string[], isOwn: (object: string) => boolean): boolean {
    const foreign = objects.find((each) => !isOwn(each));
    if (foreign === undefined) return true;
    this.#add('altered', key, `It names ${foreign}, which is outside of its snapshot.`);
    return false;
  }

  #follows(key: string, follows: DocumentLink): boolean {
    const newest = this.#newest;
    if (newest?.key === follows.key && newest.sha256 === follows.sha256) return true;
    const detail = `It follows ${follows.key} with SHA-256 ${follows.sha256}, and what is there is ${newest === null ? 'nothing that can be trusted' : `${newest.key} with ${newest.sha256}`}.`;
    this.#add('broken-chain', key, detail);
    return false;
  }

  /** Takes the objects of a manifest or a revision, if they are those of this snapshot. */
  #accept(
    key: string,
    sha256: string,
    {
      objects,
      counts,
    }: { readonly objects: readonly ManifestObject[]; readonly counts: ArchivedCounts },
  ): void {
    const { poolId } = this.#context;
    const prefixes = new Map(
      objects.map(({ key: part, format, dataset }) => [
        part,
        partsPrefix(format, dataset, poolId, this.#snapshot),
      ]),
    );
    const areOwn = this.#areOwn(key, [...prefixes.keys()], (part) =>
      isPartBelow(prefixes.get(part) ?? '', part),
    );
    if (objects.length === 0) this.#add('rows', key, 'It names no objects.');
    for (const format of new Set(objects.map((object) => object.format))) {
      for (const dataset of [...DATASETS, 'settings'] as const) {
        const counted = counts[dataset];
        const parts = objects.filter((part) => part.format === format && part.dataset === dataset);
        const rows = parts.reduce((sum, part) => sum + part.rows, 0);
        if (parts.length > 0 ? rows === counted : counted === undefined) continue;
        const detail = `It counts ${counted ?? 'no'} ${dataset}, but its ${parts.length} ${format} objects have ${rows}.`;
        this.#add('rows', key, detail);
      }
    }
    const { changes, problems } = sumChanges(objects);
    for (const problem of problems) this.#add('rows', key, problem);
    this.#newest = { key, sha256 };
    this.#counts = counts;
    this.#changes = changes;
    this.#objects = areOwn ? objects : [];
    if (areOwn) for (const part of prefixes.keys()) this.#named.add(part);
  }
}

interface ReadDocument<T> {
  readonly document: T | null;
  readonly sha256: string;
  readonly isSigned: boolean;
  /** False if its signature is missing or wrong: an amendment then changes nothing. */
  readonly isTrusted: boolean;
}
