import type { Call } from './call.ts';
import * as groupWrites from './group-writes.ts';
import { adminListGroupsForUser, listGroups, listUsers, listUsersInGroup } from './lists.ts';
import type { Bucket } from './quota.ts';
import { adminGetUser, describeUserPool, listUserPools } from './reads.ts';
import type { Operation } from './requests.ts';
import * as userWrites from './user-writes.ts';

/** An operation: the quota that it draws on, and what makes its answer's JSON. */
export interface OperationEntry {
  /** Null for writes: the simulator does not limit them. */
  readonly bucket: Bucket | null;
  readonly run: (call: Call) => string;
}

export const OPERATIONS: Readonly<Record<Operation, OperationEntry>> = {
  ListUsers: { bucket: 'UserList', run: listUsers },
  ListUsersInGroup: { bucket: 'UserList', run: listUsersInGroup },
  ListGroups: { bucket: 'UserPoolResourceRead', run: listGroups },
  ListUserPools: { bucket: 'UserPoolRead', run: listUserPools },
  DescribeUserPool: { bucket: 'UserPoolRead', run: describeUserPool },
  AdminGetUser: { bucket: 'UserRead', run: adminGetUser },
  AdminListGroupsForUser: { bucket: 'UserResourceRead', run: adminListGroupsForUser },
  AdminCreateUser: { bucket: null, run: userWrites.adminCreateUser },
  AdminDeleteUser: { bucket: null, run: userWrites.adminDeleteUser },
  AdminUpdateUserAttributes: { bucket: null, run: userWrites.adminUpdateUserAttributes },
  AdminEnableUser: { bucket: null, run: userWrites.adminEnableUser },
  AdminDisableUser: { bucket: null, run: userWrites.adminDisableUser },
  CreateGroup: { bucket: null, run: groupWrites.createGroup },
  UpdateGroup: { bucket: null, run: groupWrites.updateGroup },
  DeleteGroup: { bucket: null, run: groupWrites.deleteGroup },
  AdminAddUserToGroup: { bucket: null, run: groupWrites.adminAddUserToGroup },
  AdminRemoveUserFromGroup: { bucket: null, run: groupWrites.adminRemoveUserFromGroup },
};
