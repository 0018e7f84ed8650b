// The file that RR_SCIM_EXTENSIONS names.

import { readFileSync } from 'node:fs';
import { type Extension, ExtensionError, parseExtensions } from './extensions.ts';
import { resourceTypes } from './resource-types.ts';

/** @throws ExtensionError with a sentence that names the file and the place in it */
export function readExtensions(file: string): Extension[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ExtensionError(`RR_SCIM_EXTENSIONS names a file that cannot be read: ${file}.`);
  }
  try {
    return parseExtensions(text, resourceTypes);
  } catch (error) {
    if (error instanceof ExtensionError) throw new ExtensionError(`RR_SCIM_EXTENSIONS, ${file}: ${error.message}`);
    throw error;
  }
}
