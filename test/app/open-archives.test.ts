import { expect, test } from 'vitest';
import { workFolderError } from '../../src/app/open-archives.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';

const errorOf = (code: string) => Object.assign(new Error(`${code}: mkdir`), { code });

test.each(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'EEXIST'])(
  'a work folder that fails with %s asks for another MIRROR_HOME',
  (code) => {
    const error = workFolderError(errorOf(code), '/srv/mirror/work');
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain(`/srv/mirror/work (${code}). Set it to a folder`);
  },
);

test.each(['ENOSPC', 'EDQUOT', 'EMFILE'])('%s keeps its own remedy', (code) => {
  const error = errorOf(code);
  expect(workFolderError(error, '/srv/mirror/work')).toBe(error);
});
