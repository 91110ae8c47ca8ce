/** Why a leader does not go on, in its log: what stays as it is is told once. */
import { type ClusterError, errorMeanings } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';

export interface WhyNot {
  tell(error: ClusterError): void;
  /** Nothing is in the way any more: the same is told again when it comes again. */
  goesOn(): void;
}

export function createWhyNot(logger: Logger): WhyNot {
  let told = '';
  return {
    tell(error) {
      const err = error.toJSON();
      const meaning = errorMeanings[error.code];
      if (meaning === 'superseded') {
        logger.info({ err }, 'another leader acts: this one stops its part'); // P6
      } else if (meaning === 'passing') {
        logger.warn({ err }, 'the update waits: the store or a peer did not answer');
      } else if (JSON.stringify(err) !== told) {
        told = JSON.stringify(err);
        if (meaning === 'held-up') logger.warn({ err }, 'the update waits for what is named');
        else logger.error({ err }, 'the leader cannot go on: an operator must act');
      }
    },
    goesOn() {
      told = '';
    },
  };
}
