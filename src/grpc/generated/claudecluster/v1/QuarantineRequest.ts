// Original file: proto/claudecluster.proto


export interface QuarantineRequestInput {
  'buildHash'?: (string);
  'quarantined'?: (boolean);
  'by'?: (string);
  'why'?: (string);
}

export interface QuarantineRequestMessage {
  'buildHash': (string);
  'quarantined': (boolean);
  'by': (string);
  'why': (string);
}
