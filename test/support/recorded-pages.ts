import type { TestMirror } from './mirror.ts';

/** Records the pages that the service answers from now on, by walk: each as the names on it. */
export function recordPages({ proxy }: Pick<TestMirror, 'proxy'>): Map<string, string[]> {
  const walks = new Map<string, string[]>();
  proxy.after = ({ operation, request }, answer) => {
    const { GroupName, Filter = '' } = request as { GroupName?: string; Filter?: string };
    const kind = { ListGroups: 'groups', ListUsers: 'users', ListUsersInGroup: GroupName }[
      operation
    ];
    if (kind !== undefined) {
      const walk = kind + (/"(.*)"/.exec(Filter)?.[1] ?? '');
      const { Users, Groups } = answer as Record<string, Record<string, string>[] | undefined>;
      const names = (Users ?? Groups ?? []).map((item) => item['Username'] ?? item['GroupName']);
      walks.set(walk, [...(walks.get(walk) ?? []), `${walk}: ${names.join()}`]);
    }
    return answer;
  };
  return walks;
}
