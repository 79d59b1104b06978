import { z } from 'zod';
import { CONFIG_FILE } from './file-schema.ts';

/**
 * The JSON Schema of the file that MIRROR_CONFIG names, for editors. In the draft that the YAML
 * servers of editors know best; what it cannot say (that a cron expression comes due) is left out.
 */
export function configFileJsonSchema(): object {
  return z.toJSONSchema(CONFIG_FILE, { target: 'draft-7' });
}
