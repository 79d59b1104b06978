import type { Passing, Server } from './machine.ts';

/** A step of a snapshot, known by what a machine asks of a server for it. */
export interface Moment {
  readonly server: Server;
  readonly passes: RegExp;
  /** How often it comes in a small snapshot, at least where nothing goes wrong. */
  readonly often: number;
}

const service = (operation: string) =>
  new RegExp(`AWSCognitoIdentityProviderService\\.${operation}\\r`, 'i');

/** The steps in their order. */
export const MOMENTS = {
  describe: { server: 'service', passes: service('DescribeUserPool'), often: 1 },
  plan: { server: 'postgres', passes: /INSERT INTO mirror\.stage_\d+_walks/, often: 2 },
  'read a page': { server: 'service', passes: service('ListUsers(InGroup)?'), often: 8 },
  'list groups': { server: 'service', passes: service('ListGroups'), often: 1 },
  'stage a page': { server: 'postgres', passes: /commit-pages-\d+/, often: 6 },
  'merge reads': { server: 'postgres', passes: /ranked\.place/, often: 3 },
  'confirm a user': { server: 'service', passes: service('AdminGetUser'), often: 1 },
  'publish users': { server: 'postgres', passes: /INSERT INTO directory\.users/, often: 1 },
  'publish memberships': {
    server: 'postgres',
    passes: /DELETE FROM directory\.memberships/,
    often: 1,
  },
  'commit the publication': {
    server: 'postgres',
    passes: /published_at = clock_timestamp((?!COMMIT)[\s\S])*COMMIT/,
    often: 1,
  },
  'drop the stage': { server: 'postgres', passes: /DROP TABLE IF EXISTS mirror\.stage/, often: 1 },
  'read rows to archive': {
    server: 'postgres',
    passes: /COPY \(SELECT row_to_json/,
    often: 3,
  },
  'store a part': { server: 's3', passes: /^PUT \/\S*part-\d+/, often: 6 },
  'list the archive': { server: 's3', passes: /^GET \/\S*list-type/, often: 2 },
  'store the manifest': { server: 's3', passes: /^PUT \/\S*manifests\//, often: 1 },
  'mark the archive': { server: 'postgres', passes: /archived_at = clock_timestamp/, often: 1 },
  'commit the archive': {
    server: 'postgres',
    passes: /archived_at = clock_timestamp((?!COMMIT)[\s\S])*COMMIT/,
    often: 1,
  },
  'take a permit': { server: 'redis', passes: /evalsha/i, often: 20 },
} as const satisfies Record<string, Moment>;

export type MomentName = keyof typeof MOMENTS;

/** True where what passes by begins this step, if need be together with what came before. */
export function begins({ server, passes }: Moment, passing: Passing): boolean {
  if (passing.server !== server) return false;
  const { text, earlier } = passing;
  return passes.test(text) || (passes.test(earlier + text) && !passes.test(earlier));
}
