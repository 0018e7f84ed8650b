// Where files are kept: whether something can be written at a path is found out without making anything.

import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from './start-error.ts';

/**
 * Why no file can be kept in a folder, as the system words it; undefined when one can. A folder that is not there yet is
 * judged by the nearest one above it that is.
 */
export function folderProblem(folder: string): string | undefined {
  try {
    if (!existsSync(folder) && dirname(folder) !== folder) return folderProblem(dirname(folder));
    if (!statSync(folder).isDirectory()) return `ENOTDIR: ${folder} is not a folder`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Makes the folder of a database, for this user alone.
 * @throws StartError naming RR_DATABASE when nothing can be written there
 */
export function makeDatabaseFolder(database: string): void {
  const folder = dirname(database);
  const refused = (why: string) =>
    new StartError(
      `The database cannot be written at ${database} (${why}). See RR_DATABASE, or give this user the folder.`,
    );
  const problem = folderProblem(folder);
  if (problem !== undefined) throw refused(problem);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (existsSync(database)) accessSync(database, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw refused((error as Error).message);
  }
}
