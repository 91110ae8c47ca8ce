// Original file: proto/claudecluster.proto


export interface ControlRequestInput {
  'updateId'?: (string);
  'action'?: (string);
  'by'?: (string);
  'why'?: (string);
}

export interface ControlRequestMessage {
  'updateId': (string);
  'action': (string);
  'by': (string);
  'why': (string);
}
