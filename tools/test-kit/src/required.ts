/** Vitest global setup: a backend that `TFKIT_REQUIRE_BACKENDS` names and this machine lacks fails the run. */
import { findTestTargets, requiredTargets } from './availability';

export default function setup(): void {
  const required = requiredTargets();
  for (const { target, available, detail, install } of findTestTargets()) {
    if (required.includes(target) && !available) {
      throw new Error(
        `TFKIT_REQUIRE_BACKENDS names '${target}', which is absent: ${detail}. Bring it with: ${install}`,
      );
    }
  }
}
