// The password policy: shown live in the dialog and the sign-in page, enforced by the connector. Entra's rules
// (8 to 256 characters, three of four classes, no Unicode) plus what people are actually attacked with.

import type { ProblemCode, ProblemDetails } from './problem.ts';

/** Lengths in characters; `classes` of small letters, capitals, digits, symbols. */
export interface PasswordPolicy {
  readonly minimum: number;
  readonly maximum: number;
  readonly classes: number;
}

export const entraPolicy: PasswordPolicy = { minimum: 8, maximum: 256, classes: 3 };

export type PasswordFinding = { readonly code: ProblemCode; readonly details?: ProblemDetails };
