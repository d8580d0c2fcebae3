declare module 'spdx-satisfies' {
  /** Whether a licence expression can be met by licences of the list. */
  export default function satisfies(expression: string, allowed: readonly string[]): boolean;
}
