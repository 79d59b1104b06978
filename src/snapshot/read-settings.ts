import { NotAuthorizedError, ServiceUnavailableError } from '../cognito/errors.ts';
import type { SettingsReads } from '../cognito/settings-reads.ts';
import { mapParallel } from '../common/parallel.ts';
import { MirrorError } from '../model/errors.ts';
import type { Json, Settings } from '../model/pool-settings.ts';
import {
  createSettingsStage,
  dropSettingsStage,
  readStagedSettings,
  type StagedSetting,
  stageSettings,
} from '../postgres/store/stage-settings.ts';
import type { ReadOperation } from '../quota/quotas.ts';
import type { SnapshotContext } from './context.ts';

/** Calls at a time; the buckets limit their rate. */
const CONCURRENCY = 4;

/** The parts of DescribeUserPool. */
const OF_THE_POOL = ['pool', 'password_policy', 'schema', 'triggers'];

/**
 * Stages the settings of the pool, if the snapshot keeps them. What an earlier run read is not read
 * again. No decision of the snapshot depends on it: a call that fails after its retries leaves its part
 * out, and the part keeps its last version.
 */
export async function readSettings(context: SnapshotContext, signal: AbortSignal): Promise<void> {
  const { db, lease, cognito } = context;
  if (cognito.settings === null) {
    await dropSettingsStage(db, lease);
    return;
  }
  await createSettingsStage(db, lease);
  const staged = await readStagedSettings(db, lease);
  await new SettingsReader(context, cognito.settings, staged, signal).readAll();
}

class SettingsReader {
  readonly #context: SnapshotContext;
  readonly #reads: SettingsReads;
  readonly #staged: Map<string, Json>;
  readonly #signal: AbortSignal;
  /** Why no call of an operation is worth a try: without the right, each would be denied. */
  readonly #refused = new Map<ReadOperation, string>();
  /** Why no call at all is worth a try: the service did not answer the last one. */
  #unavailable: string | null = null;

  constructor(
    context: SnapshotContext,
    reads: SettingsReads,
    staged: Map<string, Json>,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#reads = reads;
    this.#staged = staged;
    this.#signal = signal;
  }

  async readAll(): Promise<void> {
    const reads = this.#reads;
    const signal = this.#signal;
    const domains = await this.#readPool();
    await this.#readPart('mfa', 'GetUserPoolMfaConfig', () => reads.mfa(signal));
    await this.#readPart('tags', 'ListTagsForResource', () => reads.tags(signal));
    await this.#readServers();
    const clients = await this.#list('client/', 'ListUserPoolClients', () =>
      reads.listClients(signal),
    );
    const providers = await this.#list('provider/', 'ListIdentityProviders', () =>
      reads.listProviders(signal),
    );
    await this.#readEach('client/', 'DescribeUserPoolClient', clients, (id) =>
      reads.client(id, signal),
    );
    await this.#readEach('provider/', 'DescribeIdentityProvider', providers, (name) =>
      reads.provider(name, signal),
    );
    await this.#readEach('domain/', 'DescribeUserPoolDomain', domains, (name) =>
      reads.domain(name, signal),
    );
    // Only sign-in pages have a look, and only a domain has those.
    const ui = domains?.length === 0 ? [] : domains && ['ALL', ...(clients ?? [])];
    await this.#readEach('ui/', 'GetUICustomization', ui, (id) => reads.ui(id, signal));
    if (clients === null && ui !== null) {
      await this.#leaveOut(['ui/'], 'The list of clients could not be read.');
    }
  }

  /** @returns the names of the pool's domains; null if they could not be read. */
  async #readPool(): Promise<readonly string[] | null> {
    const known = this.#staged.get('domain/');
    if (known !== undefined) return known as string[];
    const lost = [...OF_THE_POOL, 'domain/', 'ui/'];
    const read = await this.#try('DescribeUserPool', lost, () =>
      this.#reads.describePool(this.#signal),
    );
    if (read === null) return null;
    await this.#stage([...toRows('', read.parts), isRead('domain/', read.domains)]);
    return read.domains;
  }

  async #readServers(): Promise<void> {
    const part = 'resource_server/';
    if (this.#staged.has(part)) return;
    const servers = await this.#try('ListResourceServers', [part], () =>
      this.#reads.resourceServers(this.#signal),
    );
    if (servers !== null) {
      await this.#stage([...toRows(part, servers), isRead(part, [...servers.keys()])]);
    }
  }

  /** @returns the ids of a list; null if it could not be read. */
  async #list(
    part: string,
    operation: ReadOperation,
    list: () => Promise<string[]>,
  ): Promise<readonly string[] | null> {
    const known = this.#staged.get(part);
    if (known !== undefined) return known as string[];
    const ids = await this.#try(operation, [part], list);
    if (ids !== null) await this.#stage([isRead(part, ids)]);
    return ids;
  }

  async #readEach(
    prefix: string,
    operation: ReadOperation,
    ids: readonly string[] | null,
    read: (id: string) => Promise<Settings | null>,
  ): Promise<void> {
    await mapParallel(ids ?? [], CONCURRENCY, (id) =>
      this.#readPart(prefix + id, operation, () => read(id)),
    );
  }

  async #readPart(
    part: string,
    operation: ReadOperation,
    read: () => Promise<Settings | null>,
  ): Promise<void> {
    if (this.#staged.has(part)) return;
    const settings = await this.#try(operation, [part], async () => ({ value: await read() }));
    if (settings !== null) await this.#stage([isRead(part, settings.value)]);
  }

  /** Makes a call. If it fails, its parts are left out, and the result is null. */
  async #try<T>(
    operation: ReadOperation,
    parts: readonly string[],
    read: () => Promise<T>,
  ): Promise<T | null> {
    let reason = this.#unavailable ?? this.#refused.get(operation) ?? null;
    if (reason === null) {
      try {
        return await read();
      } catch (error) {
        this.#signal.throwIfAborted();
        reason = this.#explain(operation, error);
      }
    }
    await this.#leaveOut(parts, reason);
    return null;
  }

  #explain(operation: ReadOperation, error: unknown): string {
    if (error instanceof NotAuthorizedError) {
      const reason = `The credentials may not call cognito-idp:${operation}.`;
      this.#refused.set(operation, reason);
      return reason;
    }
    // Errors of other programs can quote anything.
    const reason = error instanceof MirrorError ? error.message : 'It failed unexpectedly.';
    if (error instanceof ServiceUnavailableError) this.#unavailable = reason;
    return reason;
  }

  #leaveOut(parts: readonly string[], unread: string): Promise<void> {
    return this.#stage(parts.map((part) => ({ part, settings: null, unread })));
  }

  #stage(rows: readonly StagedSetting[]): Promise<void> {
    const { db, lease } = this.#context;
    return stageSettings(db, lease, rows);
  }
}

function isRead(part: string, settings: StagedSetting['settings']): StagedSetting {
  return { part, settings, unread: null };
}

function toRows(prefix: string, settings: ReadonlyMap<string, Settings>): StagedSetting[] {
  return [...settings].map(([id, own]) => isRead(prefix + id, own));
}
