import type { LossReason, TargetPool } from '../model/restore.ts';
import { decodeName } from '../model/storable.ts';
import { attributesToCreate } from './compare-attributes.ts';
import { signInAddress } from './compare-user.ts';
import { type LossCount, LossTally } from './plan.ts';
import type { SourceUser } from './source-user.ts';

/** The limits of one import job (developer guide, "Importing users from a CSV file"). */
const MOST_ROWS = 500_000;
const MOST_BYTES = 100 * 1024 * 1024;
const LONGEST_ROW = 16_000;

/** What the file of an import job has, and what that way loses. */
export interface ImportCsvSummary {
  readonly users: number;
  readonly bytes: number;
  /** True if one job cannot take the file. */
  readonly isTooLarge: boolean;
  /** By reason: users and attributes that are not in the file. */
  readonly losses: readonly LossCount[];
  /** What the form has no place for: the users of the file come back without it. */
  readonly lost: {
    readonly memberships: number;
    /** Disabled users come back enabled. */
    readonly disabled: number;
    readonly links: number;
    readonly secondFactors: number;
  };
}

/** Writes the lines of the file, and counts. */
export class ImportCsv {
  readonly #header: readonly string[];
  readonly #pool: TargetPool;
  readonly #omitted: ReadonlySet<string>;
  readonly #losses = new LossTally();
  readonly #lost = { memberships: 0, disabled: 0, links: 0, secondFactors: 0 };
  #users = 0;
  #bytes = 0;

  /**
   * @param header the columns as GetCSVHeader gives them
   * @param omitted attributes that a snapshot may lack because of privacy rules
   */
  constructor(header: readonly string[], pool: TargetPool, omitted: ReadonlySet<string>) {
    this.#header = header;
    this.#pool = pool;
    this.#omitted = omitted;
  }

  get headerLine(): string {
    return this.#count(`${this.#header.join(',')}\n`);
  }

  /** The line of a user; empty if the job would refuse it. */
  line(user: SourceUser): string {
    const { status, groupNames, enabled, identities, mfaSettings } = user;
    if (!user.isKnown) return '';
    if (status === 'EXTERNAL_PROVIDER') return this.#leaveOut('federated-profile');
    if (status === 'UNCONFIRMED') return this.#leaveOut('unconfirmed');
    const hasNames = this.#pool.usernameAttributes.length === 0;
    const name = hasNames ? user.username : signInAddress(user, this.#pool);
    if (name === null) return this.#leaveOut('no-address');
    const { attributes, losses } = attributesToCreate(user, this.#pool, this.#omitted);
    if (losses.some(({ reason }) => reason === 'attribute-required')) {
      return this.#leaveOut('attribute-required');
    }
    const values = new Map(Object.entries(attributes));
    if (!this.#isVerified(values)) return this.#leaveOut('no-verified-address');
    const fields = this.#header.map((column) => this.#field(column, values, decodeName(name)));
    const line = `${fields.join(',')}\n`;
    if (line.length > LONGEST_ROW) return this.#leaveOut('attribute-invalid');
    for (const { reason } of losses) this.#losses.add({ reason, entity: 'user', whole: false });
    this.#users += 1;
    this.#lost.memberships += groupNames.length;
    if (!enabled) this.#lost.disabled += 1;
    this.#lost.links += identities.length;
    if (mfaSettings.length > 0) this.#lost.secondFactors += 1;
    return this.#count(line);
  }

  get summary(): ImportCsvSummary {
    return {
      users: this.#users,
      bytes: this.#bytes,
      isTooLarge: this.#users > MOST_ROWS || this.#bytes > MOST_BYTES,
      losses: this.#losses.all,
      lost: this.#lost,
    };
  }

  /** Each user needs a verified address of a kind that the pool verifies. */
  #isVerified(values: ReadonlyMap<string, string>): boolean {
    return this.#pool.autoVerifiedAttributes.some(
      (name) => values.has(name) && values.get(`${name}_verified`) === 'true',
    );
  }

  #field(column: string, values: ReadonlyMap<string, string>, name: string): string {
    if (column === 'cognito:username') return escapeField(name);
    if (column === 'cognito:mfa_enabled') {
      return String(this.#pool.mfaConfiguration === 'ON' && values.has('phone_number'));
    }
    const value = values.get(column) ?? '';
    if (value === '' && column.endsWith('_verified')) return 'false';
    if (!/[\r\n]/.test(value)) return escapeField(value);
    // The form has no quotes, so a line cannot hold it.
    this.#losses.add({ reason: 'attribute-invalid', entity: 'user', whole: false });
    return '';
  }

  #leaveOut(reason: LossReason): string {
    this.#losses.add({ reason, entity: 'user', whole: true });
    return '';
  }

  #count(line: string): string {
    this.#bytes += Buffer.byteLength(line);
    return line;
  }
}

/** The form has no quotes: a backslash stands before a comma. */
function escapeField(value: string): string {
  return value.replaceAll(',', '\\,');
}
