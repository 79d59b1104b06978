import type { SealedName } from './sealed-names.ts';

/** The paths of pages. None holds a name, an e-mail address or a token. */
const of = (...parts: readonly string[]) => `/${parts.map(encodeURIComponent).join('/')}`;

export const OVERVIEW = '/';
export const QUEUE = '/queue';
export const HEALTH = '/health';
/** What the form that asks for a snapshot is sent to. */
export const TRIGGER = '/queue/requests';
/** What the form that starts the checks of `doctor` is sent to. */
export const EXAMINE = '/health/checks';
export const SIGN_IN = '/sign-in';
export const SIGN_OUT = '/sign-out';
/** Server-sent events of the overview. */
export const EVENTS = '/events';
export const STYLES_PATH = '/assets/style.css';
export const SCRIPT_PATH = '/assets/live.js';
export const ICON_PATH = '/assets/icon.svg';

export const poolPath = (poolId: string) => of('pools', poolId);
export const snapshotPath = (poolId: string, snapshot: string) =>
  of('pools', poolId, 'snapshots', snapshot);
/** The page that asks before a held snapshot is released, and what its form is sent to. */
export const releasePath = (poolId: string, snapshot: string) =>
  `${snapshotPath(poolId, snapshot)}/release`;
export const discardPath = (poolId: string, snapshot: string) =>
  `${snapshotPath(poolId, snapshot)}/discard`;
export const peoplePath = (poolId: string) => of('pools', poolId, 'people');
export const userPath = (poolId: string, user: SealedName) => of('pools', poolId, 'users', user);
export const groupPath = (poolId: string, group: SealedName) =>
  of('pools', poolId, 'groups', group);
