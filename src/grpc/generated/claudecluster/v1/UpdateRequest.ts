// Original file: proto/claudecluster.proto


export interface UpdateRequestInput {
  /**
   * buildHash of a release that the leader's store holds; empty: the leader's local dist/.
   */
  'buildHash'?: (string);
  /**
   * Go only if the plan still has this hash.
   */
  'planHash'?: (string);
  /**
   * UpdateOptions (src/cluster/update/options.ts) as JSON; empty: defaults.
   */
  'optionsJson'?: (string);
  /**
   * Who asks, for the record.
   */
  'by'?: (string);
}

export interface UpdateRequestMessage {
  /**
   * buildHash of a release that the leader's store holds; empty: the leader's local dist/.
   */
  'buildHash': (string);
  /**
   * Go only if the plan still has this hash.
   */
  'planHash': (string);
  /**
   * UpdateOptions (src/cluster/update/options.ts) as JSON; empty: defaults.
   */
  'optionsJson': (string);
  /**
   * Who asks, for the record.
   */
  'by': (string);
}
